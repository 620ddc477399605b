import numpy as np
import pandas as pd
import pytest

from sentscale.files import write_json, write_text
from sentscale.formats import to_latex, to_markdown, write_table
from sentscale.tables import (
    extremes,
    gain_table,
    in_blocks,
    metric_label,
    read_ranking,
    read_scores,
    representation_table,
    score_column,
    suite_table,
    tidy_scores,
    with_training_set,
    write_csv,
)

COLUMNS = ["model", "precision", "representation", "adapter", "task", "metric"]
COLUMNS += ["value", "low", "high", "n"]


def tidy(*rows):
    """Rows of (model, task, value, low, high) in one setting."""
    return pd.DataFrame(
        [
            [model, "fp32", "eol", "", task, "spearman_all", value, low, high, 10]
            for model, task, value, low, high in rows
        ],
        columns=COLUMNS,
    )


def score_file(path, model, adapter, task, **values):
    encoder = {"model": model, "adapter": adapter, "precision": "nf4", "representation": "eol"}
    scores = {
        name: {"value": value, "low": value - 1, "high": value + 2}
        for name, value in values.items()
    }
    write_json(path, {"encoder": encoder, "task": task, "pairs": 7, "scores": scores, "more": {}})
    return path


def test_encoders_are_ranked_by_the_average_or_the_only_task():
    assert [score_column(tasks) for tasks in (["A", "B"], ["A"])] == ["Avg.", "A"]


def test_a_metric_without_words_is_an_error():
    with pytest.raises(ValueError, match="metric 'spearman' has no label; known: spearman_all"):
        metric_label("spearman")


def test_tidy_scores_have_a_row_for_each_score(tmp_path):
    one = score_file(tmp_path / "1.json", "b", "none", "T", spearman_all=50.5, pearson_all=40.0)
    two = score_file(tmp_path / "2.json", "a", "cse", "U", spearman_all=-3.25)
    found = tidy_scores([one, two])
    assert list(found.columns) == COLUMNS
    assert found.to_numpy().tolist() == [
        ["b", "nf4", "eol", "", "T", "spearman_all", 50.5, 49.5, 52.5, 7],
        ["b", "nf4", "eol", "", "T", "pearson_all", 40.0, 39.0, 42.0, 7],
        ["a", "nf4", "eol", "cse", "U", "spearman_all", -3.25, -4.25, -1.25, 7],
    ]


def test_a_missing_score_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.json"):
        tidy_scores([tmp_path / "gone.json"])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"low": 49.5', '"low": null', r"1\.json: spearman_all needs a number as its low: .*None"),
        ('"low": 49.5,', "", r"1\.json: spearman_all needs a number as its low: {'value': 50.5"),
        ('"value": 50.5', '"value": "50,5"', r"1\.json: .* number as its value: {'value': '50,5'"),
        ('"value": 50.5', '"value": NaN', r"1\.json: .* number as its value: {'value': nan"),
        (
            '"pairs"',
            '"pair"',
            r"1\.json: .*pairs or samples are needed, it has .*pair, .*task; del",
        ),
        ('"scores"', '"score"', r"1\.json: .*it has encoder, more, pairs, score, task; delete it"),
    ],
)
def test_an_edited_score_that_is_none_is_named(tmp_path, old, new, told):
    path = score_file(tmp_path / "1.json", "b", "none", "T", spearman_all=50.5)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=told):
        tidy_scores([path])


@pytest.mark.parametrize("text", ["{}", "[]", "null"])
def test_a_file_that_is_no_score_is_named(tmp_path, text):
    (tmp_path / "1.json").write_text(text)
    with pytest.raises(ValueError, match=r"1\.json: not a file of scores: .*it has none; delete"):
        tidy_scores([tmp_path / "1.json"])


def test_names_of_nothing_survive_the_file(tmp_path):
    scores = tidy(("NA", "None", 1 / 3, 0.1, 0.9), ("null", "nan", 2.0, 1.0, 3.0))
    write_csv(tmp_path / "scores.csv", scores)
    found = read_scores(tmp_path / "scores.csv")
    pd.testing.assert_frame_equal(found, scores, check_exact=True, check_dtype=False)
    assert suite_table(found, ["None"], "spearman_all").model.tolist() == ["NA"]
    assert found.adapter.tolist() == ["", ""]


def test_other_columns_are_refused(tmp_path):
    write_csv(tmp_path / "scores.csv", tidy().drop(columns="n"))
    with pytest.raises(ValueError, match=r"scores\.csv: columns are"):
        read_scores(tmp_path / "scores.csv")


def test_scores_are_rounded_before_they_are_averaged():
    # Rounded: 10.00 + 10.00 + 10.01 = 30.01, / 3 = 10.003. Not rounded: 30.017 / 3 = 10.0057.
    scores = tidy(
        ("m", "A", 10.004, 10, 11), ("m", "B", 10.004, 10, 11), ("m", "C", 10.009, 10, 11)
    )
    (row,) = suite_table(scores, ["A", "B", "C"], "spearman_all").to_dict("records")
    assert [row["A"], row["B"], row["C"]] == [10.0, 10.0, 10.01]
    assert row["Avg."] == 10.0


def test_half_widths_add_in_quadrature():
    # Average (50 + 70) / 2 = 60; below: sqrt(3^2 + 4^2) / 2 = 2.5; above: sqrt(6^2 + 8^2) / 2 = 5.
    scores = tidy(("m", "A", 50.0, 47.0, 56.0), ("m", "B", 70.0, 66.0, 78.0))
    (row,) = suite_table(scores, ["A", "B"], "spearman_all").to_dict("records")
    assert (row["Avg."], row["low"], row["high"]) == (60.0, 57.5, 65.0)


def test_one_task_keeps_its_own_interval_and_has_no_average():
    table = suite_table(tidy(("m", "A", 50.123, 47.456, 52.789)), ["A"], "spearman_all")
    assert list(table.columns) == [
        "model", "precision", "representation", "adapter", "A", "low", "high",
    ]  # fmt: skip
    assert table[["A", "low", "high"]].to_numpy().tolist() == [[50.12, 47.46, 52.79]]


def missing_one():
    return tidy(
        ("b", "A", 50.0, 47.0, 53.0), ("a", "A", 60.0, 57.0, 63.0), ("a", "B", 70.0, 66, 74)
    )


def test_a_missing_score_leaves_blanks_never_zero():
    table = suite_table(missing_one(), ["A", "B"], "spearman_all").set_index("model")
    assert table.loc["a", ["A", "B", "Avg."]].tolist() == [60, 70, 65]
    assert table.loc["b", "A"] == 50
    assert np.isnan(table.loc["b", ["B", "Avg.", "low", "high"]].astype(float)).all()


def cells(line, mark):
    """Cells of a row of Markdown or LaTeX."""
    line = line.strip().removesuffix(r"\\").removeprefix("|").removesuffix("|")
    return [cell.strip() for cell in line.split(mark)]


def test_blanks_are_blank_in_every_format(tmp_path):
    table = suite_table(missing_one(), ["A", "B"], "spearman_all")
    write_csv(tmp_path / "t.csv", table)
    assert (tmp_path / "t.csv").read_text().splitlines() == [
        "model,precision,representation,adapter,A,B,Avg.,low,high",
        "b,fp32,eol,,50.0,,,,",
        # sqrt(3^2 + 4^2) / 2 = 2.5 to both sides of 65.
        "a,fp32,eol,,60.0,70.0,65.0,62.5,67.5",
    ]
    header, _, *rows = to_markdown(table).splitlines()
    assert cells(header, "|")[:6] == ["model", "precision", "representation", "A", "B", "Avg."]
    assert [cells(row, "|")[3:] for row in rows] == [
        ["50.00", "", "", ""],
        ["60.00", "70.00", "65.00", "62.50 to 67.50"],
    ]
    rows = [line for line in to_latex(table).splitlines() if "fp32" in line]
    assert [cells(row, "&")[3:] for row in rows] == [
        ["50.00", "", "", ""],
        ["60.00", "70.00", "65.00", "62.50 to 67.50"],
    ]
    assert "nan" not in (to_markdown(table) + to_latex(table)).lower()


def test_a_task_that_nobody_has_keeps_its_column():
    table = suite_table(tidy(("a", "A", 60.0, 57.0, 63.0)), ["A", "B"], "spearman_all")
    assert np.isnan(table.loc[0, "Avg."])
    for text in (to_markdown(table), to_latex(table)):
        assert "B" in text
        assert "Avg." in text


def test_encoders_keep_their_order_and_tasks_that_of_the_suite():
    rows = [("z", "A", 1.0, 0, 2), ("a", "A", 2.0, 1, 3), ("m", "B", 3.0, 2, 4)]
    table = suite_table(tidy(*rows), ["B", "A"], "spearman_all")
    assert table.model.tolist() == ["z", "a", "m"]
    assert list(table.columns)[4:6] == ["B", "A"]


def test_only_the_asked_metric_and_tasks_are_in_the_table():
    scores = tidy(("m", "A", 1.0, 0, 2), ("m", "B", 2.0, 1, 3), ("m", "C", 3.0, 2, 4))
    scores.loc[1, "metric"] = "spearman_mean"
    assert suite_table(scores, ["A"], "spearman_all")["A"].tolist() == [1.0]
    assert suite_table(scores, ["B"], "spearman_all").empty
    assert suite_table(scores, ["B"], "spearman_mean")["B"].tolist() == [2.0]


def test_the_same_score_twice_is_an_error():
    with pytest.raises(ValueError, match="duplicate"):
        suite_table(tidy(("m", "A", 1.0, 0, 2), ("m", "A", 2.0, 1, 3)), ["A"], "spearman_all")


def test_adapters_are_shown_where_there_are_any():
    scores = tidy(("m", "A", 1.0, 0, 2), ("n", "A", 2.0, 1, 3))
    assert "adapter" not in to_markdown(suite_table(scores, ["A"], "spearman_all"))
    scores.loc[1, "adapter"] = "cse"
    assert "cse" in to_markdown(suite_table(scores, ["A"], "spearman_all"))


def test_latex_escapes_its_signs():
    text = to_latex(suite_table(tidy(("a_b&c#d", "A%", 1.0, 0, 2)), ["A%"], "spearman_all"))
    assert r"a\_b\&c\#d" in text
    assert r"A\%" in text
    assert "interval" in text
    assert r"\toprule" in text


def test_a_table_of_words_and_numbers_is_printed_in_every_format(tmp_path):
    table = pd.DataFrame(
        {
            "word": ["Cat", "NA"],
            "rank": [1, 12],
            "score": [69.4976, np.nan],
            "low": [1.0, np.nan],
            "high": [2.0, np.nan],
        }
    )
    paths = [tmp_path / f"t.{kind}" for kind in ("csv", "md", "tex", "html")]
    write_table(table, "words", paths)
    assert paths[0].read_text().splitlines()[1:] == ["Cat,1,69.4976,1.0,2.0", "NA,12,,,"]
    _, rule, *rows = paths[1].read_text().splitlines()
    assert [cells(row, "|") for row in rows] == [
        ["Cat", "1", "69.50", "1.00 to 2.00"],
        ["NA", "12", "", ""],
    ]
    assert [cell.strip()[0] + cell.strip()[-1] for cell in cells(rule, "|")] == [
        ":-",  # text on the left
        "-:",
        "-:",
        "-:",
    ]
    assert r"\begin{tabular}{lrrr}" in paths[2].read_text()
    assert "<title>words</title>" in paths[3].read_text()


def gains():
    """A model with and without demonstrations on two tasks, and one that lacks a twin."""
    rows = tidy(*[(m, t, 0.0, 0, 0) for m in ("a", "a", "b") for t in ("A", "B")])
    rows["representation"] = ["eol"] * 2 + ["icl"] * 2 + ["icl"] * 2
    rows["value"] = [60.0, 70.0, 66.0, 70.5, 1.0, 2.0]
    return rows


def test_a_gain_is_the_difference_to_the_twin_without_demonstrations():
    found = gain_table(gains(), ["A", "B"], "spearman_all", {"icl": "eol"})
    assert found.to_dict("records") == [
        {
            "model": "a",
            "precision": "fp32",
            "representation": "icl",
            "adapter": "",
            "without": 65.0,
            "with": 68.25,
            "gain": 3.25,
        }
    ]
    assert gain_table(gains(), ["A"], "spearman_all", {"icl": "eol"}).gain.tolist() == [6.0]
    assert gain_table(gains(), ["A", "B"], "spearman_all", {}).empty


def encoders(*rows):
    columns = ["model", "precision", "representation", "adapter", "STS12"]
    return pd.DataFrame([(*row, 80.0) for row in rows], columns=columns)


def test_a_table_says_what_each_adapter_was_trained_on():
    table = encoders(
        ("m", "fp32", "eol", ""),
        ("m", "fp32", "eol", "cse"),
        ("OPT 1.3B", "published", "PromptEOL+CSE", "cse"),
        ("BERT", "published", "SimCSE", "fine-tuned"),
    )
    paper = "nli, 275,601 triplets"
    printed = {("OPT 1.3B", "PromptEOL+CSE"): paper, ("m", "eol"): "not of a row of ours"}
    told = with_training_set(table, {"cse": "mine, 60 triplets (not the paper's)"}, printed)
    place = list(told).index("training set")
    assert list(told)[place - 1] == "adapter"
    assert list(told["training set"]) == ["", "mine, 60 triplets (not the paper's)", paper, ""]
    pd.testing.assert_frame_equal(told.drop(columns="training set"), table)


def test_without_adapters_nothing_is_said_of_training():
    table = encoders(("m", "fp32", "eol", ""))
    assert list(with_training_set(table, {"cse": "nli"}, {})) == list(table)


def test_models_as_they_come_stand_before_adapters_and_published_rows():
    ours = encoders(
        ("m", "fp32", "eol", "cse"), ("m", "fp32", "eol", ""), ("n", "fp32", "eol", "cse")
    )
    printed = encoders(("OPT 1.3B", "published", "PromptEOL+CSE", "cse")).assign(more=1.0)
    table, blocks = in_blocks(ours, printed, [])
    assert blocks == ["as they come", "fine-tuned", "fine-tuned", "published"]
    assert in_blocks(ours, printed, ["m"])[1] == [*3 * ["fine-tuned"], "published"]
    assert table.model.tolist() == ["m", "m", "n", "OPT 1.3B"]
    assert table.adapter.tolist() == ["", "cse", "cse", "cse"]
    assert list(table) == list(ours)


def by_representation(*rows):
    """Scores of (model, precision, representation, adapter, value) on one task."""
    full = [(*row[:4], "A", "spearman_all", row[4], 0.0, 99.0, 9) for row in rows]
    return pd.DataFrame(full, columns=COLUMNS)


def test_representations_are_rows_and_models_columns():
    values = {
        "b": {"eol": 60.004, "avg": 40},
        "a": {"eol": 50, "avg": 30, "icl": 70},
        "c": {"eol": 1},
    }
    scores = by_representation(
        *[(m, "fp32", name, "", value) for m, row in values.items() for name, value in row.items()]
    )
    table = representation_table(scores, ["A"], "spearman_all", ["avg", "last", "eol", "icl"])
    assert table.columns.tolist() == ["representation", "b", "a"]  # c has one only
    assert table.representation.tolist() == ["avg", "eol", "icl"]
    assert table.b.tolist()[:2] == [40.0, 60.0]
    assert np.isnan(table.b[2])
    assert table.a.tolist() == [30.0, 50.0, 70.0]


def test_columns_name_what_models_differ_in():
    scores = by_representation(
        ("a", "fp32", "eol", "", 1.0), ("a", "fp32", "avg", "", 2.0),
        ("a", "nf4", "eol", "", 3.0), ("a", "nf4", "avg", "", 4.0),
        ("a", "nf4", "eol", "cse", 5.0), ("a", "nf4", "avg", "cse", 6.0),
    )  # fmt: skip
    table = representation_table(scores, ["A"], "spearman_all", ["avg", "eol"])
    assert table.columns.tolist() == ["representation", "a, fp32", "a, nf4", "a, cse, nf4"]
    assert table["a, cse, nf4"].tolist() == [6.0, 5.0]


def test_several_tasks_are_averaged_by_representation():
    scores = pd.concat(
        by_representation(("a", "fp32", "eol", "", x), ("a", "fp32", "avg", "", y)).assign(
            task=task
        )
        for task, x, y in (("A", 50.0, 10.0), ("B", 60.0, 20.5))
    )
    table = representation_table(scores, ["A", "B"], "spearman_all", ["eol", "avg"])
    assert table.a.tolist() == [55.0, 15.25]


def test_best_and_worst_come_once_each(tmp_path):
    rows = [f"{i}\tNA\t'Null\t\t{50 - i}.5\t1\t2\t{i}\t0.0" for i in (3, 1, 5, 2, 4)]
    header = "line\tsentence\tword\torigin\tscore\tlow\thigh\trank\tchance"
    write_text(tmp_path / "scores.tsv", "\n".join([header, *rows]) + "\n")
    ranking = read_ranking(tmp_path / "scores.tsv")
    assert extremes(ranking, 2)["rank"].tolist() == [1, 2, 4, 5]
    assert extremes(ranking, 4)["rank"].tolist() == [1, 2, 3, 4, 5]
    assert set(ranking.sentence) == {"NA"}  # a word, not a missing value
    assert set(ranking.word) == {"'Null"}
