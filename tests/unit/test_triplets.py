import csv
import json
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from normalise_task import main

from sentscale.files import read_json
from sentscale.tasks import Source, parse_sources, read_source
from sentscale.triplets import (
    COLUMNS,
    LAYOUTS,
    Triplet,
    checked,
    read_triplets,
    select_triplets,
    write_table,
)

ROOT = Path(__file__).parents[2]
REGISTER = ROOT / "workflow/resources/datasets.tsv"
CSV = "sent0,sent1,hard_neg\n"
TSV = "sent0\tsent1\thard_neg\n"


def source(layout, rows):
    return Source(
        suite="",
        task="T",
        subset="train",
        design="triplets",
        source="simcse",
        layout=layout,
        file="in.txt",
        gold_file="",
        label="",
        rows=rows,
        encoding="utf-8",
        licence="CC0-1.0",
        sha256="",
        gold_sha256="",
    )


@pytest.fixture
def read(tmp_path):
    """Write the file of a source, read it as its layout says."""

    def read_it(layout, text, rows=1):
        (tmp_path / "in.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_source(source(layout, rows), tmp_path, LAYOUTS)[0]

    return read_it


def test_columns_are_those_of_simcse():
    assert COLUMNS == ("sent0", "sent1", "hard_neg")


def test_a_quoted_field_holds_commas_and_quotes(read):
    text = CSV + 'a,"b, c","He said ""no"" twice."\nan "open quote,d,e\n'
    assert read("nli-csv", text, 2) == [
        ("a", "b, c", 'He said "no" twice.'),
        ('an "open quote', "d", "e"),
    ]


def test_crlf_and_a_line_end_within_quotes_are_fine(read):
    text = CSV.replace("\n", "\r\n") + '"a\r\nb",c,d\r\ne, f\t g ,h'
    assert read("nli-csv", text, 2) == [("a b", "c", "d"), ("e", " f  g ", "h")]


def test_control_characters_do_not_split_lines(read):
    # str.splitlines would split at all three.
    row = ("a\u0085b", "c\u2028d", "e\x1cf")
    assert read("nli-csv", CSV + ",".join(row) + "\n") == [row]


@pytest.mark.parametrize("word", ["None", "NA", "n/a", "null", "nan", "NULL", "1e5", "#", "ー"])
def test_names_of_nothing_are_sentences(read, tmp_path, word):
    triplets = read("nli-csv", CSV + f"{word},a,{word}\n")
    assert triplets == [(word, "a", word)]
    write_table(tmp_path / "t.tsv", triplets)
    assert read_triplets(tmp_path / "t.tsv") == triplets


def test_quotes_are_ordinary_in_the_bundled_layout(read):
    text = TSV + '"a, b\tc "d\te\n'
    assert read("triplets", text) == [('"a, b', 'c "d', "e")]


@pytest.mark.parametrize(
    ("layout", "text", "line", "value"),
    [
        ("nli-csv", "", 1, r"header is \[\]"),
        ("nli-csv", "a,b,c\n", 1, r"header is \['a', 'b', 'c'\]"),
        ("nli-csv", "sent1,sent0,hard_neg\n", 1, "header is"),
        ("nli-csv", "\ufeff" + CSV, 1, "header is .*ufeff"),
        ("nli-csv", TSV, 1, "header is"),
        ("nli-csv", CSV + "a,b,c\na,b\n", 3, r"2 columns, expected 3: \['a', 'b'\]"),
        ("nli-csv", CSV + "a,b,c,d\n", 2, "4 columns"),
        ("nli-csv", CSV + "a,b,c\n\na,b,c\n", 3, "0 columns"),
        ("nli-csv", CSV + '"a\nb",b,c\na,,see\n', 4, "empty sentence: .*see"),
        ("nli-csv", CSV + 'a," ",see\n', 2, "empty sentence: .*see"),
        ("nli-csv", CSV + 'a,b,c\nx,"never closed,c\na,b,c\n', 3, "unexpected end.*never closed"),
        ("nli-csv", CSV + 'a,b,c\nx,"y"z,c\n', 3, "expected after.*'x,\"y\"z,c'"),
        ("nli-csv", CSV + "a,b\rc,d\n", 2, r"new-line character.*a,b\\rc,d"),
        ("nli-csv", CSV + 'a,"' + 140_000 * "b" + '",c\n', 2, "field larger"),
        ("nli-csv", CSV + "a,b\0,c\n", 2, r"NUL byte in 'a,b\\x00"),
        ("nli-csv", CSV.encode() + b"a,caf\xe9,c\n", 2, "0xe9 is not utf-8"),
        ("triplets", "sent0\tsent1\n", 1, "header is"),
        ("triplets", TSV + "a\tb\n", 2, "2 columns"),
        ("triplets", TSV + "a\tb\tc\td\n", 2, "4 columns"),
        ("triplets", TSV + "a\tb\t \n", 2, "empty sentence"),
    ],
)
def test_a_bad_line_is_named_with_file_and_value(read, layout, text, line, value):
    with pytest.raises(ValueError, match=rf"/in\.txt:{line}: .*{value}"):
        read(layout, text)


def test_a_set_of_one_premise_is_refused():
    same = [Triplet("a", "b", "c"), Triplet("a", "d", "e")]
    with pytest.raises(ValueError, match="task T: every premise is 'a'"):
        checked(same, source("nli-csv", 2))
    both = [*same, Triplet("b", "d", "e")]
    assert checked(both, source("nli-csv", 3)) == both


def test_a_table_has_a_row_for_each_triplet(tmp_path):
    write_table(tmp_path / "t.tsv", [Triplet("a b", "c", '"d')])
    assert (tmp_path / "t.tsv").read_bytes() == b'sent0\tsent1\thard_neg\na b\tc\t"d\n'


@pytest.mark.parametrize(
    ("text", "line"), [("", 1), ("sent0\tsent1\n", 1), (TSV + "a\tb\tc\na\tb\n", 3)]
)
def test_a_malformed_table_is_refused_with_its_line(tmp_path, text, line):
    (tmp_path / "t.tsv").write_text(text)
    with pytest.raises(ValueError, match=rf"t\.tsv:{line}: "):
        read_triplets(tmp_path / "t.tsv")


MADE = [Triplet(f"One {i}.", f"two {i}", f"three {i}") for i in range(20)]


def test_nothing_left_out_and_no_number_is_the_whole_set():
    assert select_triplets(MADE, frozenset(), None, 1) == MADE


@pytest.mark.parametrize(
    ("sentence", "gone"),
    [
        ("ONE 3", 3),  # of the premise, no final period
        ("two  5 .", 5),  # tokenised
        ("Three\t7", 7),
    ],
)
def test_any_sentence_that_is_left_out_takes_its_triplet(sentence, gone):
    found = select_triplets(MADE, frozenset([sentence, "", "one"]), None, 1)
    assert found == MADE[:gone] + MADE[gone + 1 :]


def test_sentences_without_letters_differ():
    triplets = [Triplet("?", "a", "b"), Triplet("!", "c", "d")]
    assert select_triplets(triplets, frozenset(["?", ""]), None, 1) == triplets[1:]


def test_a_draw_keeps_the_order_and_depends_on_the_seed():
    found = select_triplets(MADE, frozenset(["one 0"]), 5, 7)
    places = np.random.default_rng(7).permutation(19)[:5]
    assert found == [MADE[1:][place] for place in sorted(places)]
    assert found == select_triplets(MADE, frozenset(["one 0"]), 5, 7)
    assert found != select_triplets(MADE, frozenset(["one 0"]), 5, 8)
    assert select_triplets(MADE, frozenset(), 20, 7) == MADE


@pytest.mark.parametrize("rows", [0, -1, 20])
def test_more_than_there_are_cannot_be_drawn(rows):
    with pytest.raises(ValueError, match=rf"{rows} triplets are asked for; 19 of 20 remain"):
        select_triplets(MADE, frozenset(["one 0"]), rows, 1)


def registered(task):
    with REGISTER.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return json.dumps([row for row in rows if row["task"] == task])


def normalise(task, root, folder):
    """Table and description of a task, made by the script of the rule."""
    table, about = folder / f"{task}.tsv", folder / f"{task}.json"
    options = {"sources": registered(task), "root": root, "out": table, "about": about}
    main([str(word) for name, value in options.items() for word in (f"--{name}", value)])
    return read_triplets(table), read_json(about)


def test_the_bundled_triplets_are_the_registers(tmp_path, caplog):
    triplets, about = normalise("sample-triplets", ROOT, tmp_path)
    assert (len(triplets), about["rows"], about["licences"]) == (60, 60, ["CC0-1.0"])
    assert "another copy" not in caplog.text


def test_the_bundled_triplets_share_no_sentence_with_the_other_samples():
    def sentences(path):
        return [cell for line in path.read_text().splitlines() for cell in line.split("\t")]

    ours = ROOT / "workflow/resources/sample/sample-triplets.tsv"
    others = [path for path in ours.parent.glob("*.tsv") if path != ours]
    assert len(others) == 7
    triplets = [Triplet(*row) for row in zip(*[iter(sentences(ours)[3:])] * 3, strict=True)]
    assert len({sentence.casefold() for sentence in chain(*triplets)}) == 180
    left_out = frozenset(chain(*map(sentences, others)))
    assert select_triplets(triplets, left_out, None, 1) == triplets


def test_a_part_of_the_papers_set_does_not_pass_for_it(tmp_path):
    (tmp_path / "nli").mkdir()
    (tmp_path / "nli/nli_for_simcse.csv").write_text(CSV + "a,b,c\n")
    expected = (
        r"task nli: .*/nli/nli_for_simcse\.csv: 1 triplets, the register expects 275601; a part of"
        r" a set is another task, with a row of its own in workflow/resources/datasets\.tsv"
    )
    with pytest.raises(ValueError, match=expected):
        normalise("nli", tmp_path, tmp_path)
    assert not (tmp_path / "nli.tsv").exists()


def test_real_triplets_are_those_that_pandas_reads(shared_data, tmp_path, caplog):
    triplets, about = normalise("nli-substitute", shared_data, tmp_path)
    path = shared_data / "nli/nli_for_simcse.csv"
    frame = pd.read_csv(path, keep_default_na=False, dtype=str)
    assert len(triplets) == about["rows"] == 7547
    joined = frame.map(lambda sentence: " ".join(sentence.split()))
    assert [tuple(one) for one in triplets] == list(joined.itertuples(index=False, name=None))
    assert "another copy" not in caplog.text  # the very copy that the register describes


def test_the_register_knows_the_three_sets():
    kinds = {
        task: [(one.design, one.source, one.rows, one.suite) for one in parse_sources(rows)]
        for task in ("nli", "nli-substitute", "sample-triplets")
        for rows in [registered(task)]
    }
    assert kinds == {
        "nli": [("triplets", "simcse", 275601, "")],
        "nli-substitute": [("triplets", "mirror", 7547, "")],
        "sample-triplets": [("triplets", "bundled", 60, "")],
    }
