"""Ours beside what was published."""

import numpy as np
import pandas as pd

from sentscale.comparison import compare, compare_gains, verdicts
from sentscale.reference import CELL_COLUMNS, Published, read_published
from sentscale.tables import SCORE_COLUMNS

FILES = ["published_encoders", "paper_tables", "followup_tables"]
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


def test_a_printed_model_with_a_comma_keeps_its_name():
    printed = cells(("ICL", "Avg.", 5.0)).assign(metric="gain of spearman_all", model="OPT, tied")
    ours = scores(("opt", "eol", "A", 60.0, 59, 61))
    found = compare_gains(ours, published(printed), "s", ["A"], "spearman_all", {})
    assert found.model.tolist() == ["OPT, tied 1B"]


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
