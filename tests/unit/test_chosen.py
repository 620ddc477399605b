"""The chosen demonstrations beside those of the paper."""

import numpy as np
import pandas as pd
import pytest

from sentscale.chosen import PRINTED_COLUMNS, chosen_table, read_printed_choices
from sentscale.demonstrations import Demonstration
from sentscale.files import write_text
from sentscale.reference import CELL_COLUMNS, Published

LIST = [Demonstration("A cat sleeps.", "Nap"), Demonstration("A dog runs.", "Run")]


def printed_lines(*rows):
    """Rows of (parameters, key of our model, line, word)."""
    lines = [
        "\t".join(["OPT", parameters, ours, line, word, "x", "y", "two sources"])
        for parameters, ours, line, word in rows
    ]
    return "\n".join(["\t".join(PRINTED_COLUMNS), *lines]) + "\n"


@pytest.fixture
def path(tmp_path):
    text = printed_lines(("1B", "opt-1b", "1", "Nap"), ("2B", "opt-2b", "2", "Run"))
    write_text(tmp_path / "printed.tsv", text)
    return tmp_path / "printed.tsv"


def cells(*rows):
    """Rows of (parameters, metric, value)."""
    full = [
        ("t", "dev", "M", "OPT", parameters, "no", "T", metric, value, "x", "one source", "")
        for parameters, metric, value in rows
    ]
    return Published(pd.DataFrame(full, columns=CELL_COLUMNS), pd.DataFrame())


def ranking(*rows):
    """Rows of (sentence, word, score, rank), intervals of 1 to both sides."""
    table = pd.DataFrame(rows, columns=["sentence", "word", "score", "rank"])
    return table.assign(low=table.score - 1, high=table.score + 1)


OURS = {
    "demonstration": {"line": 2, "sentence": "A dog runs.", "word": "Run"},
    "score": 70.126,
    "zero_shot": 60.004,
    "better": 2,
    "candidates": 3,
}
RANKED = ranking(
    ("A cat sleeps.", "Nap", 65.5, 2), ("A dog runs.", "Run", 70.126, 1), ("x", "Nap", 1.0, 3)
)


def test_ours_stands_beside_the_paper_s(path):
    printed = read_printed_choices(path, LIST)
    known = cells(("1B", "better_of_300", 1.0), ("2B", "better_percent", 98.0))
    table = chosen_table({"opt-1b": OURS}, {"opt-1b": RANKED}, printed, known)
    ours, lacking = table.to_dict("records")
    assert (ours["word"], ours["sentence"]) == ("Run", "A dog runs.")
    assert (ours["score"], ours["low"], ours["high"]) == (70.126, 69.126, 71.126)
    assert (ours["without"], ours["gain"], ours["better"]) == (60.004, 10.13, "2 of 3")
    assert (ours["published word"], ours["published sentence"]) == ("Nap", "A cat sleeps.")
    assert (ours["its rank"], ours["its score"], ours["published better"]) == (2, 65.5, "1 of 300")
    # The other model of the paper: nothing of ours.
    assert (lacking["model"], lacking["word"], lacking["better"]) == ("opt-2b", "", "")
    assert (lacking["published word"], lacking["published better"]) == ("Run", "about 98 %")
    assert np.isnan(lacking["score"])
    assert pd.isna(lacking["its rank"])


def test_another_list_has_the_paper_s_word_alone(path):
    printed = read_printed_choices(path, None)
    known = cells(("1B", "better_of_300", 1.0))
    choices = {"opt-1b": OURS, "new": OURS}
    table = chosen_table(choices, dict.fromkeys(choices, RANKED), printed, known)
    assert table.model.tolist() == ["opt-1b", "new"]
    assert table["published word"].tolist() == ["Nap", ""]
    assert (table[["published sentence", "published better"]] == "").all(axis=None)
    assert not {"its rank", "its score"} & set(table)


def test_a_candidate_that_was_left_out_has_no_rank(path):
    printed = read_printed_choices(path, LIST)
    choices = {"opt-1b": OURS, "opt-2b": OURS}
    found = chosen_table(choices, dict.fromkeys(choices, RANKED[1:]), printed, cells())
    assert pd.isna(found["its rank"][0])
    assert found["its rank"][1] == 1
    assert found["published sentence"][0] == "A cat sleeps."


def test_another_word_in_the_line_is_refused(path):
    with pytest.raises(ValueError, match=r"printed\.tsv: 'Nap' is not in line 1 of the list"):
        read_printed_choices(path, LIST[::-1])
    with pytest.raises(ValueError, match="'Run' is not in line 2 of the list"):
        read_printed_choices(path, LIST[:1])


def test_other_columns_are_refused(path):
    write_text(path, path.read_text().replace("our_model", "key"))
    with pytest.raises(ValueError, match=r"printed\.tsv: columns are .*'key'"):
        read_printed_choices(path, None)
