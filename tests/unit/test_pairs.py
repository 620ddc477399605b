import csv
import dataclasses
import json
from pathlib import Path

import pytest

from sentscale.files import sha256_of
from sentscale.pairs import LAYOUTS, Pair, checked, read_pairs, write_table
from sentscale.tasks import Source, parse_sources, read_source

REGISTER = Path(__file__).parents[2] / "workflow" / "resources" / "datasets.tsv"
# Protocol, section 3.
ROWS = {
    "STS12": 3108,
    "STS13": 1500,
    "STS14": 3750,
    "STS15": 3000,
    "STS16": 1186,
    "STSB": 1379,
    "SICKR": 4927,
    "STSB-dev": 1500,
    "STSB-train": 5749,
}
SICK_HEADER = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\r\n"
PAIRS_HEADER = "subset\tleft\tright\tgold\n"


def source(layout, rows, **other):
    fields = {
        "suite": "sts",
        "task": "T",
        "subset": "s",
        "design": "similarity",
        "source": "senteval",
        "layout": layout,
        "file": "in.txt",
        "gold_file": "gold.txt" if layout == "semeval" else "",
        "label": "",
        "rows": rows,
        "encoding": "utf-8",
        "licence": "CC0-1.0",
        "sha256": "",
        "gold_sha256": "",
    }
    return Source(**(fields | other))


@pytest.fixture
def read(tmp_path):
    """Write the files of a source, read them as its layout says."""

    def read_it(layout, rows, text, gold=None, **other):
        (tmp_path / "in.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
        if gold is not None:
            (tmp_path / "gold.txt").write_bytes(gold.encode())
        return read_source(source(layout, rows, **other), tmp_path, LAYOUTS)[0]

    return read_it


def told(pairs):
    return [(pair.left, pair.right, pair.gold) for pair in pairs]


def test_semeval_leaves_out_pairs_without_a_score(read):
    pairs = read("semeval", 2, "a cat\ta dog\nb\tc\nd e\tf\n", "4.5\n\n0\n")
    assert told(pairs) == [("a cat", "a dog", 4.5), ("d e", "f", 0.0)]
    assert [pair.id for pair in pairs] == ["s:1", "s:3"]  # of the line, so that one can look it up
    assert {pair.subset for pair in pairs} == {"s"}


def test_an_unscored_last_pair_is_not_a_missing_line(read):
    assert told(read("semeval", 1, "a\tb\nc\td\n", "1\n\n")) == [("a", "b", 1.0)]


def test_a_genre_of_stsb_is_a_subset(read):
    text = "news\tf\ty\t1\t2.5\ta\tb\ntalk\tf\ty\t2\t1\tc\td\nnews\tf\ty\t3\t0\te\tf\n"
    news = read("stsb-genres", 2, text, subset="news")
    assert [(pair.subset, pair.left, pair.gold) for pair in news] == [
        ("news", "a", 2.5),
        ("news", "e", 0.0),
    ]
    with pytest.raises(ValueError, match="0 rows with a label or score, the register expects 1"):
        read("stsb-genres", 1, text, subset="forum")


def test_stsb_has_no_header_and_ordinary_quotes(read):
    text = (
        'main-news\tMSRpar\t2012\t0001\t2.50\t"We will\tHe said "no\n'
        'main-news\tMSRpar\t2012\t0002\t5\tan "open quote\tB\tsource\tmore\n'
    )
    assert told(read("stsb", 2, text)) == [
        ('"We will', 'He said "no', 2.5),
        ('an "open quote', "B", 5.0),
    ]


def test_sick_has_a_header_and_crlf(read):
    text = SICK_HEADER + "6\tA kid plays\tA dog  barks\t3.3\tNEUTRAL\r\n"
    assert told(read("sick", 1, text)) == [("A kid plays", "A dog barks", 3.3)]


def test_pairs_takes_its_own_subset(read):
    text = PAIRS_HEADER + "s\ta\tb\t1\nother\tc\td\t2\ns\te\tf\t3\n"
    assert told(read("pairs", 2, text)) == [("a", "b", 1.0), ("e", "f", 3.0)]


def test_the_last_line_feed_may_be_missing(read):
    assert len(read("stsb", 2, "g\tf\ty\t1\t2.5\ta\tb\ng\tf\ty\t2\t1\tc\td")) == 2


def test_latin_1_is_read_where_the_register_says_so(read):
    text = "caf\u00e9\tb\n".encode("latin-1")
    assert told(read("semeval", 1, text, "1\n", encoding="latin-1")) == [("café", "b", 1.0)]


def test_control_characters_do_not_split_lines(read):
    # str.splitlines would split at U+0085 (it is in STS15), U+2028 and \x1c. All but the line
    # feed are white space within a sentence, so step 1 of the clean-up makes spaces of them.
    text = "a\u0085b\tc\u2028d\ne\x1cf\tg\n"
    assert told(read("semeval", 2, text, "1\n2\n")) == [("a b", "c d", 1.0), ("e f", "g", 2.0)]


STSB_LINE = "g\tf\ty\t1\t{}\tleft\tright\n"


@pytest.mark.parametrize(
    ("layout", "text", "gold", "line", "value"),
    [
        ("semeval", "a\tb\nno tab\n", "1\n2\n", 2, "'no tab'"),
        ("semeval", "a\tb\nc\td\n", "1\ntwo\n", 2, "'two'"),
        ("stsb", STSB_LINE.format(1) + "g\tf\ty\t1\t2\tonly left\n", None, 2, "only left"),
        ("sick", SICK_HEADER + "1\tA\tB\t3.5\r\n", None, 2, "A"),
        ("pairs", PAIRS_HEADER + "s\tA\tB\n", None, 2, "A"),
        ("stsb", STSB_LINE.format(1) + STSB_LINE.format("5.001"), None, 2, "5.001"),
        ("stsb", STSB_LINE.format("-0.1"), None, 1, "-0.1"),
        ("stsb", STSB_LINE.format("nan"), None, 1, "nan"),
        ("stsb", STSB_LINE.format("inf"), None, 1, "inf"),
        ("stsb", STSB_LINE.format("4,5"), None, 1, "'4,5'"),
        ("stsb", STSB_LINE.format(""), None, 1, "''"),
        ("stsb", STSB_LINE.format(1) + "g\tf\ty\t1\t2\ta\0b\tc\n", None, 2, r"a\\x00b"),
        ("stsb", "g\tf\ty\t1\t2\t \tright\n", None, 1, "right"),
        ("pairs", PAIRS_HEADER + "s\tleft\t\t1\n", None, 2, "left"),
        ("semeval", b"a\tb\nc\tcaf\xe9 x\n", "1\n2\n", 2, "0xe9"),
    ],
)
def test_a_bad_line_is_named_with_file_and_value(read, layout, text, gold, line, value):
    with pytest.raises(ValueError, match=rf"/in\.txt:{line}: .*{value}"):
        read(layout, 2, text, gold)


def test_unequal_line_counts_name_both_files(read):
    with pytest.raises(ValueError, match=r"in\.txt: 2 pairs, but .*gold\.txt has 3"):
        read("semeval", 2, "a\tb\nc\td\n", "1\n2\n3\n")


@pytest.mark.parametrize("rows", [0, 2])
def test_another_number_of_rows_than_the_registers_is_refused(read, rows):
    expected = rf"in\.txt: 1 rows with a label or score, the register expects {rows}"
    with pytest.raises(ValueError, match=expected):
        read("stsb", rows, STSB_LINE.format(1))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"in\.txt"):
        read_source(source("stsb", 1), tmp_path, LAYOUTS)


def test_another_copy_is_read_but_logged(tmp_path, caplog):
    (tmp_path / "in.txt").write_text("a\tb\n")
    (tmp_path / "gold.txt").write_text("1\n")
    digests = {name: sha256_of(tmp_path / name) for name in ("in.txt", "gold.txt")}
    same = source("semeval", 1, sha256=digests["in.txt"], gold_sha256=digests["gold.txt"])
    assert read_source(same, tmp_path, LAYOUTS)[1] == digests
    assert not caplog.records
    other = dataclasses.replace(same, gold_sha256=64 * "0")
    pairs, found = read_source(other, tmp_path, LAYOUTS)
    assert (len(pairs), found) == (1, digests)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "gold.txt is another copy" in caplog.text


def test_names_of_nothing_survive_a_written_table(tmp_path):
    words = ["None", "NA", "null", "nan", "1e5", '"open', "it's", "#", "\ufeffbom", "ー"]
    pairs = [Pair(f"s:{i}", "NA", word, "x", i / 3) for i, word in enumerate(words)]
    write_table(tmp_path / "t.tsv", pairs)
    assert read_pairs(tmp_path / "t.tsv") == pairs


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("subset\tid\tleft\tright\tgold\n", 1),
        ("id\tsubset\tleft\tright\tgold\na\tb\tc\td\t1\na\tb\tc\td\n", 3),
    ],
)
def test_a_malformed_table_is_refused_with_its_line(tmp_path, text, line):
    (tmp_path / "t.tsv").write_text(text)
    with pytest.raises(ValueError, match=rf"t\.tsv:{line}: "):
        read_pairs(tmp_path / "t.tsv")


def registered(task):
    with REGISTER.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return parse_sources(json.dumps([row for row in rows if row["task"] == task]))


@pytest.mark.parametrize("task", ["sample-dev", "sample-talk", "sample-text"])
def test_the_bundled_sample_is_the_registers(task, caplog):
    root = REGISTER.parents[2]
    pairs = [pair for one in registered(task) for pair in read_source(one, root, LAYOUTS)[0]]
    assert len({pair.id for pair in pairs}) == len(pairs) > 0
    assert not caplog.records


@pytest.mark.parametrize("task", ROWS)
def test_real_tasks_have_the_protocols_rows(task, shared_data, caplog):
    root = shared_data / "senteval"
    pairs = [pair for one in registered(task) for pair in read_source(one, root, LAYOUTS)[0]]
    assert len(pairs) == ROWS[task]
    assert not caplog.records  # the very copy that the register describes


@pytest.mark.parametrize(
    "header", ["", "gold\tsubset\tright\tleft\n", "subset\tleft\tright\tgold\tby\n"]
)
def test_a_wrong_header_of_pairs_is_refused(read, header):
    rows = "s\tA dog.\tA cat.\t1\tme\ns\tOne.\tTwo.\t3\tme\n"
    with pytest.raises(ValueError, match=r"in\.txt:1: header is"):
        read("pairs", 2, header + rows)


def test_equal_scores_are_refused_before_anything_is_embedded(read):
    pairs = read("pairs", 2, PAIRS_HEADER + "s\tA dog.\tA cat.\t1\ns\tOne.\tTwo.\t1\n")
    with pytest.raises(ValueError, match=r"subset 's': every score is 1\.0"):
        checked(pairs, source("pairs", 2))
