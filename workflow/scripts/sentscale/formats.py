"""Tables as files: CSV, Markdown, LaTeX, a page."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from sentscale.files import write_text
from sentscale.pages import DIGITS, USUAL, table_page
from sentscale.tables import PUBLISHED

# Rows that fit on a page; a longer table in LaTeX is a longtable.
_PAGE_ROWS = 50
_MARKDOWN = {"best": "**{}**", "second": "_{}_", "": "{}"}
_LATEX = {"best": r"\textbf{{{}}}", "second": r"\underline{{{}}}", "": "{}"}
_SIGNS = str.maketrans(
    {sign: f"\\{sign}" for sign in "%_&#${}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}"}
)


def rank_marks(
    table: pd.DataFrame,
    ranked: Sequence[str],
    blocks: Sequence[str],
    digits: Mapping[str, int] = USUAL,
) -> pd.DataFrame:
    """Mark the best and the second best of some columns, block by block.

    Args:
        table: Any table.
        ranked: Columns of numbers of which the highest is the best.
        blocks: Block of each row; published rows take no part.
        digits: Printed decimals of the columns that have other than 2.

    Returns:
        Of the shape of the table: "best", "second" or "". Equal printed numbers share
        their mark; where all of a block are equal, there is none.
    """
    marks = pd.DataFrame("", index=table.index, columns=table.columns)
    for column in ranked:
        for block in set(blocks) - {PUBLISHED}:
            values = table[column].astype(float).round(digits.get(column, DIGITS))
            values = values[[name == block for name in blocks]]
            order = sorted(set(values.dropna()), reverse=True)[:2]
            for value, mark in zip(order, ("best", "second"), strict=False):
                if len(order) > 1:
                    marks.loc[values.index[values == value], column] = mark
    return marks


def _printed(table: pd.DataFrame, digits: Mapping[str, int]) -> pd.DataFrame:
    """For people: few decimals, one column for the interval, no text column without content."""
    shown = table.astype(object).where(table.notna(), "").astype(str)
    for column in table.select_dtypes("float"):
        places = digits.get(column, DIGITS)
        shown[column] = [f"{x:.{places}f}" if pd.notna(x) else "" for x in table[column]]
    if "low" in table:
        bounds, places = zip(table.low, table.high, strict=True), digits.get("low", DIGITS)
        interval = [f"{a:.{places}f} to {b:.{places}f}" if pd.notna(a) else "" for a, b in bounds]
        shown.insert(shown.columns.get_loc("low"), "interval", interval)
        shown = shown.drop(columns=["low", "high"])
    texts = [column for column in shown if column in _texts(table)]
    return shown.drop(columns=[column for column in texts if (shown[column] == "").all()])


def _texts(table: pd.DataFrame) -> set[str]:
    return set(table.select_dtypes(["object", "str"]))


def _sides(table: pd.DataFrame, shown: pd.DataFrame) -> list[str]:
    """Text stands on the left, numbers and intervals on the right."""
    return ["left" if column in _texts(table) else "right" for column in shown]


def _marked(shown: pd.DataFrame, marks: pd.DataFrame | None, how: dict[str, str]) -> pd.DataFrame:
    """Put the signs of one format around the cells with a mark."""
    if marks is None:
        return shown
    marks = marks.reindex(columns=shown.columns, fill_value="")
    return shown.combine(marks, lambda a, b: [how[m].format(v) for v, m in zip(a, b, strict=True)])


def to_markdown(
    table: pd.DataFrame,
    marks: pd.DataFrame | None = None,
    notes: Sequence[str] = (),
    digits: Mapping[str, int] = USUAL,
) -> str:
    """A table as Markdown, columns aligned for reading in a terminal."""
    printed = _printed(table, digits)
    shown = _marked(printed, marks, _MARKDOWN)
    text = shown.to_markdown(index=False, disable_numparse=True, colalign=_sides(table, printed))
    return "\n\n".join([text, *notes]) + "\n"


def to_latex(
    table: pd.DataFrame,
    marks: pd.DataFrame | None = None,
    notes: Sequence[str] = (),
    blocks: Sequence[str] | None = None,
    digits: Mapping[str, int] = USUAL,
) -> str:
    """A table as LaTeX for the packages booktabs and, where it is long, longtable."""
    printed = _printed(table, digits)
    shown = _marked(printed.map(_escape), marks, _LATEX)
    layout = "".join(side[0] for side in _sides(table, printed))
    head, *lines = (rf"{' & '.join(row)} \\" for row in [map(_escape, shown), *shown.to_numpy()])
    for row in range(len(lines) - 1, 0, -1):
        if blocks and blocks[row] != blocks[row - 1]:
            lines.insert(row, r"\midrule")
    if len(shown) > _PAGE_ROWS:
        foot = [r"\endhead", r"\bottomrule", r"\endfoot"]
        kind, body = "longtable", [r"\toprule", head, r"\midrule", *foot, *lines]
    else:
        kind, body = "tabular", [r"\toprule", head, r"\midrule", *lines, r"\bottomrule"]
    below = [rf"\par\smallskip{{\footnotesize {_escape(note)}\par}}" for note in notes]
    text = [rf"\begin{{{kind}}}{{{layout}}}", *body, rf"\end{{{kind}}}", *below]
    return "\n".join(text) + "\n"


def _escape(text: str) -> str:
    return text.translate(_SIGNS)


def write_table(
    table: pd.DataFrame,
    title: str,
    paths: list[Path],
    ranked: Sequence[str] = (),
    blocks: Sequence[str] | None = None,
    notes: Sequence[str] = (),
    digits: Mapping[str, int] = USUAL,
) -> None:
    """Write a table in the formats of the suffixes: csv, md, tex, html.

    Args:
        table: Any table; `low` and `high` bound an interval.
        title: Of the page.
        paths: A file for each format.
        ranked: Columns whose best is bold and second best underlined, slanted in Markdown.
        blocks: Block of each row, one after the other: ranked apart, in LaTeX with a rule
            between them. All rows are one block where there are none.
        notes: Sentences below the table; none in CSV.
        digits: Decimals of the columns that need other than 2; CSV has all.
    """
    table = table.reset_index(drop=True)
    marks = rank_marks(table, ranked, blocks or [""] * len(table), digits)
    formats = {
        ".csv": lambda: table.to_csv(index=False, lineterminator="\n"),
        ".md": lambda: to_markdown(table, marks, notes, digits),
        ".tex": lambda: to_latex(table, marks, notes, blocks, digits),
        ".html": lambda: table_page(table, title, marks, notes, digits),
    }
    for path in paths:
        write_text(path, formats[path.suffix]())
