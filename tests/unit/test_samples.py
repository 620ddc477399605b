import csv
import json
from pathlib import Path

import pytest

from sentscale.samples import LAYOUTS, Sample, checked, read_samples, write_table
from sentscale.tasks import Source, parse_sources, read_sentences, read_source

REGISTER = Path(__file__).parents[2] / "workflow" / "resources" / "datasets.tsv"
HEADER = "subset\tsentence\tlabel\n"
# Engineering facts, from SentEval's own counts: rows of all files of a task.
ROWS = {
    "MR": 10662,
    "CR": 3775,
    "SUBJ": 10000,
    "MPQA": 10606,
    "SST2": 67349 + 872 + 1821,
    "TREC": 5452 + 500,
    "MRPC": 4076 + 1725,
}


def source(layout, rows=1, design="nested", subset="s", label="", encoding="utf-8"):
    return Source(
        suite="transfer",
        task="T",
        subset=subset,
        design=design,
        source="senteval",
        layout=layout,
        file="in.txt",
        gold_file="",
        label=label,
        rows=rows,
        encoding=encoding,
        licence="CC0-1.0",
        sha256="",
        gold_sha256="",
    )


@pytest.fixture
def read(tmp_path):
    """Write the file of a source, read it as its layout says."""

    def read_it(layout, text, rows=1, **other):
        (tmp_path / "in.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_source(source(layout, rows, **other), tmp_path, LAYOUTS)[0]

    return read_it


def told(samples):
    return [(*sample.sentences, sample.label) for sample in samples]


def test_a_class_has_a_file_and_blank_lines_count(read):
    text = "good  film .\n\n \tso so\n"
    assert told(read("lines", text, 3, label="1")) == [("good film .", 1), ("", 1), ("so so", 1)]


def test_latin_1_is_read_where_the_register_says_so(read):
    assert told(read("lines", b"caf\xe9\n", label="0", encoding="latin-1")) == [("café", 0)]


def test_sst_is_sentence_and_label(read):
    assert told(read("sst", 'a "fine\tmess\t0\nb \t1\n'.replace("\tmess", " mess"), 2)) == [
        ('a "fine mess', 0),
        ("b", 1),
    ]


def test_trecs_question_follows_the_first_space(read):
    text = "DESC:manner How did serfdom develop ?\nNUM:date When : then ?\nABBR:exp What 's ?\n"
    assert told(read("trec", text, 3)) == [
        ("How did serfdom develop ?", 1),
        ("When : then ?", 5),
        ("What 's ?", 0),
    ]


def test_mrpc_has_a_header_and_ordinary_quotes(read):
    text = '\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t2\t3\t"He said\tShe " said\n'
    assert told(read("mrpc", text)) == [('"He said', 'She " said', 1)]


def test_a_sample_takes_its_own_subset(read):
    text = HEADER + "s\tone\t1\nother\ttwo\t0\ns\tthree\t0\n"
    assert told(read("samples", text, 2)) == [("one", 1), ("three", 0)]


@pytest.mark.parametrize(
    ("layout", "text", "line", "value"),
    [
        ("sst", "a\t1\nno tab\n", 2, "'no tab'"),
        ("sst", "a\tx\n", 1, "label is 'x'"),
        ("sst", "a\t-1\n", 1, "label is '-1'"),
        ("sst", "a\t\u0662\n", 1, "label is"),
        ("trec", "DESC:def What ?\nWHAT:def Who ?\n", 2, "WHAT:def"),
        ("trec", "DESC:def\n", 1, "DESC:def"),
        ("mrpc", "h\th\th\th\th\n1\t2\t3\tA\n", 2, "4 columns"),
        ("samples", HEADER + "s\tA\n", 2, "2 columns"),
        ("samples", "sentence\tsubset\tlabel\n", 1, "header"),
        ("lines", "a\nb\0\n", 2, "NUL"),
    ],
)
def test_a_bad_line_is_named_with_file_and_value(read, layout, text, line, value):
    with pytest.raises(ValueError, match=rf"/in\.txt:{line}: .*{value}"):
        read(layout, text, 2, label="1")


def test_a_wrong_row_count_names_task_and_file(read):
    with pytest.raises(ValueError, match=r"task T: .*/in\.txt: 2 rows.*, the register expects 3"):
        read("lines", "a\nb\n", 3, label="1")


def made(*rows):
    return [
        Sample(f"{subset}:{n}", subset, texts if isinstance(texts, tuple) else (texts,), label)
        for n, (subset, texts, label) in enumerate(rows)
    ]


def test_samples_are_sorted_by_words_then_label_and_stay_in_order():
    rows = [("p", "c c", 1), ("p", "a", 1), ("n", "b", 0), ("n", "z z", 0), ("n", "y y", 0)]
    found = checked(made(*rows), source("lines"))
    assert told(found) == [("b", 0), ("a", 1), ("z z", 0), ("y y", 0), ("c c", 1)]


def test_an_empty_sentence_has_no_word():
    found = checked(made(("p", "a", 0), ("p", "", 1)), source("lines"))
    assert told(found) == [("", 1), ("a", 0)]


def test_splits_stay_apart_and_pairs_are_sorted_by_both_sides():
    rows = [
        ("test", ("a", "b"), 0),
        ("train", ("a a", "b"), 0),
        ("train", ("a", "b b"), 1),
        ("train", ("a", "b"), 1),
        ("train", ("a", "c"), 0),
    ]
    found = checked(made(*rows), source("mrpc", design="folds"))
    assert [(one.subset, *one.sentences) for one in found] == [
        ("train", "a", "c"),
        ("train", "a", "b"),
        ("train", "a", "b b"),
        ("train", "a a", "b"),
        ("test", "a", "b"),
    ]


@pytest.mark.parametrize(
    ("design", "rows", "cause"),
    [
        ("nested", [("p", "a", 1), ("p", "b", 1)], r"classes are \[1\]"),
        ("nested", [("p", "a", 0), ("p", "b", 0)], r"classes are \[0\]"),
        ("nested", [("p", "a", 0), ("p", "b", 2)], r"classes are \[0, 2\]"),
        ("folds", [("train", "a", 0), ("test", "b", 1)], "class 1 has no row in train"),
        ("folds", [("train", "a", 0), ("train", "b", 1)], "needs the subsets train, test"),
        ("dev", [("train", "a", 0), ("test", "b", 1)], "needs the subsets train, dev, test"),
        ("folds", [("train", "a", 0), ("held", "b", 1)], "there are held, train"),
    ],
)
def test_a_task_that_cannot_be_trained_is_refused(design, rows, cause):
    with pytest.raises(ValueError, match=f"task T: .*{cause}"):
        checked(made(*rows), source("samples", design=design))


@pytest.mark.parametrize("texts", [("None",), ("NA", '"open')])
def test_a_written_table_is_read_again(tmp_path, texts):
    samples = made(("train", texts, 0), ("train", ("",) * len(texts), 1))
    write_table(tmp_path / "t.tsv", samples)
    assert read_samples(tmp_path / "t.tsv") == samples
    assert list(read_sentences(tmp_path / "t.tsv")) == [*texts, *[""] * len(texts)]


def registered(task):
    with REGISTER.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return parse_sources(json.dumps([row for row in rows if row["task"] == task]))


def read_all(task, root):
    sources = registered(task)
    samples = [row for one in sources for row in read_source(one, root, LAYOUTS)[0]]
    return checked(samples, sources[0])


@pytest.mark.parametrize("task", ["sample-opinion", "sample-question"])
def test_the_bundled_sample_is_the_registers(task, caplog):
    samples = read_all(task, REGISTER.parents[2])
    assert len({sample.id for sample in samples}) == len(samples) == 300
    assert all(sample.sentences[0] for sample in samples)
    assert not caplog.records


@pytest.mark.parametrize("task", ROWS)
def test_real_tasks_have_the_protocols_rows(task, shared_data, caplog):
    samples = read_all(task, shared_data / "senteval")
    assert len(samples) == ROWS[task]
    assert len({sample.id for sample in samples}) == len(samples)
    # Protocol, section 4: blank lines stay in.
    empty = sum(not sample.sentences[0] for sample in samples)
    assert empty == {"CR": 4, "MPQA": 3}.get(task, 0)
    assert len({sample.label for sample in samples}) == (6 if task == "TREC" else 2)
    assert not caplog.records  # the very copy that the register describes
