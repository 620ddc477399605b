"""Ours beside what was published; a miniature of the paper's grid with made-up scores."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tabulate_published import main as tabulate_published

from sentscale.comparison import compare, compare_gains, verdicts
from sentscale.files import write_json
from sentscale.reference import CELL_COLUMNS, Published, read_published
from sentscale.tables import SCORE_COLUMNS

STS = ["STS12", "STS13", "STS14", "STS15", "STS16", "STSB", "SICKR"]
TRANSFER = ["MR", "CR", "SUBJ", "MPQA", "SST2", "TREC", "MRPC"]
FILES = ["published_encoders", "paper_tables", "followup_tables"]
ROOT = Path(__file__).parents[2]
OUR = ["our model", "our precision", "our representation", "our adapter"]


def cells(*rows):
    """Rows of (method, task, value) of OPT 1B."""
    full = [
        ("t", "s", method, "OPT", "1B", "no", task, "spearman_all", value, "x", "one source", "")
        for method, task, value in rows
    ]
    return pd.DataFrame(full, columns=CELL_COLUMNS)


def published(printed, **encoders):
    """Printed cells, and the representations of ours that stand for each method."""
    rows = [
        (method, "OPT", "1B", "opt", precision, name, "")
        for method, names in encoders.items()
        for name in names
        for precision in ("fp32", "fp16")
    ]
    return Published(printed, pd.DataFrame(rows, columns=["method", "model", "parameters", *OUR]))


def scores(*rows):
    """Rows of (model, representation, task, value, low, high) in fp32."""
    full = [
        (model, "fp32", name, "", task, "spearman_all", value, low, high, 9)
        for model, name, task, value, low, high in rows
    ]
    return pd.DataFrame(full, columns=SCORE_COLUMNS)


def test_a_published_score_stands_beside_ours_with_its_verdict():
    ours = scores(("opt", "eol", "A", 50.016, 48.0, 51.0), ("opt", "eol", "B", 60.0, 59.0, 61.0))
    printed = published(cells(("M", "A", 48.5), ("M", "B", 58.99), ("M", "Avg.", 55.5)), M=["eol"])
    found = compare(ours, printed, "s", ["A", "B"], "spearman_all")
    assert found.task.tolist() == ["A", "B", "Avg."]
    assert found.ours.tolist() == [50.02, 60.0, 55.01]  # (50.02 + 60.00) / 2
    assert found.published.tolist() == [48.5, 58.99, 55.5]
    assert found.difference.tolist() == [1.52, 1.01, -0.49]
    assert found.verdict.tolist() == [
        "inside our interval",
        "outside our interval",
        "inside our interval",  # 55.01 + sqrt(0.984^2 + 1^2) / 2 = 55.71
    ]
    assert set(found["published as"]) == {"M, OPT 1B"}
    assert set(found.confidence) == {"one source"}


def test_scores_of_one_side_only_are_marked():
    ours = scores(("opt", "eol", "A", 50.0, 48.0, 51.0), ("new", "eol", "A", 40.0, 39.0, 41.0))
    printed = published(
        cells(("M", "A", 50.0), ("N", "A", 70.0), ("O", "A", 80.0)), M=["eol"], N=["icl"]
    )
    found = compare(ours, printed, "s", ["A"], "spearman_all")
    assert found.verdict.tolist() == [
        "inside our interval", "no published figure", "missing in this run", "missing in this run",
    ]  # fmt: skip
    assert found.model.tolist() == ["opt", "new", "opt", ""]  # nothing of ours does what O does
    assert found.representation.tolist() == ["eol", "eol", "icl", ""]
    assert found.precision.tolist() == ["fp32", "fp32", "fp32", ""]
    assert np.isnan(found.ours[2:]).all()
    assert np.isnan(found.published[1])
    assert found["published as"].tolist() == ["M, OPT 1B", "", "N, OPT 1B", "O, OPT 1B"]
    assert verdicts(found) == (
        "2 scores of ours: the published score lies inside the bootstrap interval of 1 and outside"
        " that of 0, 1 have none. 2 published scores are missing in this run."
    )


def test_several_encoders_compare_with_one_row():
    ours = scores(("opt", "icl", "A", 50.0, 48, 51), ("opt", "icl-published", "A", 60.0, 58, 61))
    printed = published(cells(("M", "A", 50.0)), M=["icl", "icl-published"])
    found = compare(ours, printed, "s", ["A"], "spearman_all")
    assert found.difference.tolist() == [0.0, 10.0]
    assert "missing in this run" not in set(found.verdict)


def test_other_suites_and_metrics_do_not_compare():
    ours = scores(("opt", "eol", "A", 50.0, 48, 51))
    printed = published(cells(("M", "A", 50.0)), M=["eol"])
    for suite, metric in (("t", "spearman_all"), ("s", "spearman_mean")):
        found = compare(ours.assign(metric=metric), printed, suite, ["A"], metric)
        assert found.verdict.tolist() == ["no published figure"]


def test_a_missing_score_of_ours_is_missing_not_zero():
    ours = scores(("opt", "eol", "A", 50.0, 48, 51), ("other", "eol", "B", 1.0, 0, 2))
    printed = published(cells(("M", "B", 20.0), ("M", "Avg.", 30.0)), M=["eol"])
    found = compare(ours, printed, "s", ["A", "B"], "spearman_all")
    theirs = found[found.model == "opt"]
    assert theirs.task.tolist() == ["A", "B", "Avg."]
    assert theirs.verdict.tolist() == ["no published figure", *["missing in this run"] * 2]
    assert np.isnan(theirs.ours.to_numpy()[1:]).all()


def test_gains_stand_beside_the_paper_s():
    ours = scores(("opt", "eol", "A", 60.0, 59, 61), ("opt", "icl", "A", 66.5, 65, 68))
    printed = cells(("ICL", "Avg.", 5.0), ("Other", "Avg.", 3.0)).assign(
        metric="gain of spearman_all"
    )
    found = compare_gains(
        ours, published(printed, ICL=["icl"]), "s", ["A"], "spearman_all", {"icl": "eol"}
    )
    assert found[["model", "precision", "representation"]].to_numpy().tolist() == [
        ["opt", "fp32", "icl"],
        ["OPT 1B", "published", "Other"],
    ]
    row = found.iloc[0]
    assert row[["without", "with", "gain", "published", "difference"]].tolist() == [
        60.0, 66.5, 6.5, 5.0, 1.5,
    ]  # fmt: skip
    assert found.iloc[1][["without", "with", "gain", "difference"]].isna().all()
    assert found.published[1] == 3.0


def test_gains_on_a_suite_of_which_nothing_is_printed():
    ours = scores(("opt", "eol", "A", 60.0, 59, 61), ("opt", "icl", "A", 66.5, 65, 68))
    found = compare_gains(
        ours, published(cells(), ICL=["icl"]), "s", ["A"], "spearman_all", {"icl": "eol"}
    )
    assert list(found)[-3:] == ["without", "with", "gain"]
    assert found.gain.tolist() == [6.5]


def test_the_paper_s_gains_are_the_differences_of_its_averages(root):
    printed = read_published(*(root / f"workflow/resources/{name}.tsv" for name in FILES))
    empty = scores(("m", "eol", "STS12", 1.0, 0, 2))
    found = compare_gains(empty, printed, "sts", ["STS12"], "spearman_all", {})
    # arXiv 2307.16645, section 4: OPT from 125M to 66B.
    assert found.published.tolist() == [0.46, 3.99, 4.34, 8.88, 6.98, 7.18, 6.51, 9.35]
    assert found.model.tolist()[0] == "OPT 125M"
    assert found.gain.isna().all()


# A few encoders of the paper, in its suites. What each is called in print is written out here.
GRID = {
    ("opt-125m", "none", "fp32", "eol", "sts"): ("PromptEOL", "OPT", "125M"),
    ("opt-125m", "none", "fp32", "icl", "sts"): ("PromptEOL+ICL", "OPT", "125M"),
    ("opt-30b", "none", "fp32", "eol", "sts"): ("PromptEOL", "OPT", "30B"),
    ("opt-30b", "none", "fp32", "icl", "sts"): ("PromptEOL+ICL", "OPT", "30B"),
    ("opt-30b", "none", "fp32", "icl-published", "sts"): ("PromptEOL+ICL", "OPT", "30B"),
    ("opt-66b", "none", "fp16", "eol", "sts"): ("PromptEOL", "OPT", "66B"),
    ("opt-66b", "none", "fp16", "icl", "sts"): ("PromptEOL+ICL", "OPT", "66B"),
    ("opt-6.7b", "none", "nf4", "icl", "sts"): ("PromptEOL+ICL, 4 bit", "OPT", "6.7B"),
    ("opt-2.7b", "cse", "fp32", "eol", "sts"): ("PromptEOL+CSE", "OPT", "2.7B"),
    ("opt-2.7b", "cse-published", "fp32", "eol", "sts"): ("PromptEOL+CSE", "OPT", "2.7B"),
    ("opt-125m", "none", "nf4", "eol", "sts"): None,
    ("opt-125m", "none", "fp32", "avg", "sts"): None,
    ("opt-6.7b", "none", "fp32", "eol", "transfer"): ("PromptEOL", "OPT", "6.7B"),
    ("opt-6.7b", "none", "fp32", "icl-mr", "transfer"): (
        "PromptEOL, two MR demonstrations", "OPT", "6.7B",
    ),
    ("llama-65b", "none", "fp16", "eol", "transfer"): ("PromptEOL", "LLaMA", "65B"),
    ("llama-7b", "none", "fp32", "eol", "transfer"): None,
}  # fmt: skip
SUITES = {"sts": (STS, "spearman_all", "sts"), "transfer": (TRANSFER, "accuracy", "transfer")}


def made_up(number, task):
    """A score that no two cells share; the made-up intervals reach 1 to both sides."""
    return 65 + number + [*STS, *TRANSFER].index(task) / 100


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """The comparisons of a miniature of the paper's grid; no model is run."""
    from collect_scores import main as collect_scores

    root = tmp_path_factory.mktemp("grid")
    for number, (*place, suite) in enumerate(GRID):
        tasks, metric, folder = SUITES[suite]
        encoder = dict(zip(("model", "adapter", "precision", "representation"), place, strict=True))
        for task in tasks:
            value = made_up(number, task)
            score = {metric: {"value": value, "low": value - 1, "high": value + 1}}
            about = {"encoder": encoder, "task": task, "pairs": 1000, "scores": score}
            write_json(root / folder / "/".join(place) / f"{task}.json", about)
    collect_scores(
        [
            *("--scores", str(root), "--encoders", *["/".join(cell) for cell in GRID]),
            *("--suites", json.dumps({suite: tasks for suite, (tasks, *_) in SUITES.items()})),
            *("--scorers", json.dumps({suite: [folder] for suite, (*_, folder) in SUITES.items()})),
            *("--out", str(root / "scores.csv"), "--page", str(root / "scores.html")),
        ]
    )
    resources = ROOT / "workflow/resources"
    for suite, (tasks, metric, _) in SUITES.items():
        files = {
            kind: str(root / f"published/{suite}.{kind}") for kind in ("csv", "md", "tex", "html")
        }
        tabulate_published(
            [
                *("--scores", str(root / "scores.csv"), "--suite", suite, "--metric", metric),
                *("--published", *[str(resources / f"{name}.tsv") for name in FILES]),
                *("--tasks", *tasks, "--wide", files["csv"], files["html"]),
                *("--narrow", files["md"], files["tex"]),
            ]
        )
    return root / "published"


def rows_of(grid, suite):
    with (grid / f"{suite}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def printed_cells(suite):
    """{(method, model, parameters): {task: value}} of a suite, as the file has them."""
    found = {}
    path = ROOT / "workflow/resources/paper_tables.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if (line["suite"], line["metric"]) == (suite, SUITES[suite][1]):
                row = line["method"], line["model"], line["parameters"]
                found.setdefault(row, {})[line["task"]] = line["value"]
    return found


def cell_of(rows, encoder, task):
    model, adapter, precision, representation, _ = encoder
    (row,) = [
        row
        for row in rows
        if (row["model"], row["adapter"] or "none", row["precision"], row["representation"])
        == (model, adapter, precision, representation)
        and row["task"] == task
    ]
    return row


@pytest.mark.parametrize(
    ("number", "encoder"), list(enumerate(GRID)), ids=list(map("/".join, GRID))
)
def test_every_published_score_is_in_its_place(grid, number, encoder):
    suite, printed = encoder[-1], GRID[encoder]
    rows, known = rows_of(grid, suite), printed_cells(suite).get(printed, {})
    assert bool(known) == bool(printed)
    for task in SUITES[suite][0]:
        row, ours = cell_of(rows, encoder, task), made_up(number, task)
        assert float(row["ours"]) == pytest.approx(ours, abs=1e-9)
        if task not in known:
            assert (row["published"], row["verdict"]) == ("", "no published figure")
            continue
        difference = round(ours - float(known[task]), 2)
        assert float(row["published"]) == float(known[task])
        assert float(row["difference"]) == pytest.approx(difference, abs=1e-9)
        inside = "inside our interval" if abs(difference) <= 1 else "outside our interval"
        assert row["verdict"] == inside
        assert row["published as"] == f"{printed[0]}, {printed[1]} {printed[2]}"
        assert row["confidence"] in ("two sources", "one source", "conflicting")
    if "Avg." in known:
        assert float(cell_of(rows, encoder, "Avg.")["published"]) == float(known["Avg."])


def test_averages_are_the_published_ones(grid):
    rows = rows_of(grid, "sts")
    places = {
        ("opt-66b", "none", "fp16", "icl", ""): "78.19",
        ("opt-30b", "none", "fp32", "icl", ""): "78.94",
        ("opt-30b", "none", "fp32", "icl-published", ""): "78.94",
        ("opt-30b", "none", "fp32", "eol", ""): "72.43",
        ("opt-125m", "none", "fp32", "eol", ""): "67.0",
        ("opt-6.7b", "none", "nf4", "icl", ""): "79.38",
        ("opt-2.7b", "cse", "fp32", "eol", ""): "85.62",
        ("opt-125m", "none", "nf4", "eol", ""): "",
    }
    for encoder, value in places.items():
        assert cell_of(rows, encoder, "Avg.")["published"] == value
    transfer = rows_of(grid, "transfer")
    two = ("opt-6.7b", "none", "fp32", "icl-mr", "")
    assert cell_of(transfer, two, "Avg.")["published"] == "91.78"
    assert cell_of(transfer, ("llama-65b", "none", "fp16", "eol", ""), "MR")["published"] == "92.13"


@pytest.mark.parametrize("suite", SUITES)
def test_published_scores_that_the_run_lacks_are_listed_once(grid, suite):
    run = {printed for encoder, printed in GRID.items() if encoder[-1] == suite}
    lacking = {
        (f"{row[0]}, {row[1]} {row[2]}", task, float(value))
        for row, tasks in printed_cells(suite).items()
        for task, value in tasks.items()
        if row not in run
    }
    found = [row for row in rows_of(grid, suite) if row["verdict"] == "missing in this run"]
    assert len(found) == len(lacking)
    told = {(row["published as"], row["task"], float(row["published"])) for row in found}
    assert told == lacking
    assert all((row["ours"], row["difference"]) == ("", "") for row in found)


def test_a_missing_row_says_what_would_make_it(grid):
    missing = {row["published as"]: row for row in rows_of(grid, "sts") if not row["ours"]}
    row = missing["PromptEOL+CSE, LLaMA 30B"]
    assert (row["model"], row["precision"], row["adapter"]) == ("llama-30b", "fp32", "cse")
    assert missing["SGPT, SGPT 5.8B"]["model"] == ""


@pytest.mark.parametrize("kind", ["csv", "md", "tex", "html"])
def test_the_copy_error_is_told_beside_the_row(grid, kind):
    text = (grid / f"sts.{kind}").read_text(encoding="utf-8")
    assert "a public summary prints the 66B row (average 78.19) here" in text
