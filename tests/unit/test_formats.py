"""Best and second best, rules between blocks, notes: in every format."""

import re

import numpy as np
import pandas as pd
import pytest

from sentscale.formats import rank_marks, to_latex, to_markdown, write_table


def table(*values, **more):
    return pd.DataFrame({"model": list("abcdefgh")[: len(values)], "A": list(values)} | more)


def marks_of(values, blocks=None):
    return rank_marks(table(*values), ["A"], blocks or [""] * len(values))["A"].tolist()


def test_the_best_and_the_second_best_are_marked():
    assert marks_of([1.0, 3.0, 2.0, np.nan]) == ["", "best", "second", ""]


def test_equal_printed_numbers_share_their_mark():
    # 70.004 and 69.996 both print as 70.00.
    assert marks_of([70.004, 69.996, 50.0, 50.004, 1.0]) == ["best", "best", "second", "second", ""]


@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0], [5.0, np.nan], [np.nan, np.nan], []])
def test_where_nothing_is_better_nothing_is_marked(values):
    assert marks_of(values) == [""] * len(values)


def test_blocks_are_ranked_apart_and_published_rows_not_at_all():
    blocks = ["as they come"] * 2 + ["fine-tuned"] * 2 + ["published"] * 2
    found = marks_of([1.0, 2.0, 8.0, 7.0, 99.0, 98.0], blocks)
    assert found == ["second", "best", "best", "second", "", ""]


def test_only_asked_columns_are_ranked():
    marks = rank_marks(table(1.0, 2.0, B=[1.0, 2.0]), ["B"], ["", ""])
    assert marks["A"].tolist() == ["", ""]
    assert marks["B"].tolist() == ["second", "best"]


@pytest.fixture
def written(tmp_path):
    paths = {kind: tmp_path / f"t.{kind}" for kind in ("csv", "md", "tex", "html")}
    shown = table(
        1.0, 2.5, 9.0, low=[0.5, 2.0, np.nan], high=[1.5, 3.0, np.nan], more=["x", "y", "z"]
    )
    blocks = ["", "", "published"]
    write_table(shown, "t", list(paths.values()), ["A"], blocks, ["A & B: <odd>.", "Second."])
    return {kind: path.read_text() for kind, path in paths.items()}


def test_markdown_is_bold_and_slanted_with_notes_below(written):
    lines = written["md"].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:5]]
    assert rows == [
        ["a", "_1.00_", "0.50 to 1.50", "x"],
        ["b", "**2.50**", "2.00 to 3.00", "y"],
        ["c", "9.00", "", "z"],
    ]
    assert lines[5:] == ["", "A & B: <odd>.", "", "Second."]


def test_latex_is_booktabs(written):
    assert written["tex"].splitlines() == [
        r"\begin{tabular}{lrrl}",
        r"\toprule",
        r"model & A & interval & more \\",
        r"\midrule",
        r"a & \underline{1.00} & 0.50 to 1.50 & x \\",
        r"b & \textbf{2.50} & 2.00 to 3.00 & y \\",
        r"\midrule",
        r"c & 9.00 &  & z \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\smallskip{\footnotesize A \& B: \textless{}odd\textgreater{}.\par}",
        r"\par\smallskip{\footnotesize Second.\par}",
    ]


def test_the_page_has_marks_and_notes(written):
    assert '<td class="number best" data-value="2.5">2.50</td>' in written["html"]
    assert '<td class="number second" data-value="1.0">1.00</td>' in written["html"]
    assert '<td class="number" data-value="9.0">9.00</td>' in written["html"]
    assert "<p>A &amp; B: &lt;odd&gt;.</p><p>Second.</p>" in written["html"]


def test_the_page_fits_a_phone_and_the_dark(written):
    assert '<meta name="viewport" content="width=device-width">' in written["html"]
    assert "color-scheme: light dark" in written["html"]
    assert re.search(r'<div class="scroll"[^>]*>\s*<table>', written["html"])


def test_csv_has_the_numbers_alone(written):
    assert written["csv"].splitlines() == [
        "model,A,low,high,more", "a,1.0,0.5,1.5,x", "b,2.5,2.0,3.0,y", "c,9.0,,,z",
    ]  # fmt: skip


def test_a_column_can_have_more_decimals(tmp_path):
    shown = pd.DataFrame({"reversed": [0.001, 0.004], "A": [0.001, 0.004]})
    shown = shown.assign(low=[0.0004, np.nan], high=[0.0016, np.nan])
    paths = {kind: tmp_path / f"t.{kind}" for kind in ("csv", "md", "tex", "html")}
    write_table(shown, "t", list(paths.values()), digits={"reversed": 3, "low": 3, "high": 4})
    text = {kind: path.read_text() for kind, path in paths.items()}
    assert r"0.001 & 0.00 & 0.000 to 0.002 \\" in text["tex"]
    rows = [line.replace(" ", "")[1:-1].split("|") for line in text["md"].splitlines()]
    assert rows[3] == ["0.004", "0.00", ""]
    assert '<td class="number" data-value="0.004">0.004</td>' in text["html"]
    assert '<td class="number" data-value="0.004">0.00</td>' in text["html"]
    assert '<td class="number" data-value="0.0016">0.0016</td>' in text["html"]
    assert "0.001,0.001,0.0004,0.0016" in text["csv"]


def test_marks_go_by_the_decimals_that_are_printed():
    marks = rank_marks(table(0.001, 0.004), ["A"], ["", ""], {"A": 3})
    assert marks["A"].tolist() == ["second", "best"]
    assert marks_of([0.001, 0.004]) == ["", ""]


def test_a_long_table_breaks_over_pages():
    rows = pd.DataFrame({"model": ["a"] * 50, "A": [1.0] * 50})
    assert r"\begin{tabular}" in to_latex(rows)
    text = to_latex(pd.concat([rows, rows[:1]], ignore_index=True))
    head = [r"\begin{longtable}{lr}", r"\toprule", r"model & A \\", r"\midrule", r"\endhead"]
    assert text.splitlines()[:7] == [*head, r"\bottomrule", r"\endfoot"]
    assert text.splitlines()[-1] == r"\end{longtable}"
    assert text.count("a & 1.00") == 51


def test_signs_of_latex_are_escaped():
    text = to_latex(pd.DataFrame({"word": [r"50% of {a_b} \ $1 & ~^ #2"]}))
    assert (
        r"50\% of \{a\_b\} \textbackslash{} \$1 \& \textasciitilde{}\textasciicircum{} \#2" in text
    )


def test_a_table_without_rows_is_a_head():
    empty = table().astype({"A": float})
    assert len(to_markdown(empty).splitlines()) == 2
    assert r"model & A \\" in to_latex(empty)
