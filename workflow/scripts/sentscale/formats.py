"""Tables as files: CSV, Markdown, LaTeX, a page."""

from pathlib import Path

import pandas as pd

from sentscale.files import write_text
from sentscale.pages import table_page


def _printed(table: pd.DataFrame) -> pd.DataFrame:
    """For people: two decimals, one column for the interval, no text column without content."""
    shown = table.astype(object).where(table.notna(), "").astype(str)
    for column in table.select_dtypes("float"):
        shown[column] = [f"{value:.2f}" if pd.notna(value) else "" for value in table[column]]
    if "low" in table:
        bounds = zip(table.low, table.high, strict=True)
        shown["interval"] = [f"{a:.2f} to {b:.2f}" if pd.notna(a) else "" for a, b in bounds]
        shown = shown.drop(columns=["low", "high"])
    texts = [column for column in shown if column in _texts(table)]
    return shown.drop(columns=[column for column in texts if (shown[column] == "").all()])


def _texts(table: pd.DataFrame) -> set[str]:
    return set(table.select_dtypes(["object", "str"]))


def _sides(table: pd.DataFrame, shown: pd.DataFrame) -> list[str]:
    """Text stands on the left, numbers and intervals on the right."""
    return ["left" if column in _texts(table) else "right" for column in shown]


def to_markdown(table: pd.DataFrame) -> str:
    """A table as Markdown, columns aligned for reading in a terminal."""
    shown = _printed(table)
    align = _sides(table, shown)
    return shown.to_markdown(index=False, disable_numparse=True, colalign=align) + "\n"


def to_latex(table: pd.DataFrame) -> str:
    """A table as LaTeX for the package booktabs."""
    shown = _printed(table)
    layout = "".join(side[0] for side in _sides(table, shown))
    shown = shown.map(_escape).rename(columns=_escape)
    return shown.style.hide(axis="index").to_latex(hrules=True, column_format=layout)


def _escape(text: str) -> str:
    return text.replace("%", r"\%").replace("_", r"\_").replace("&", r"\&").replace("#", r"\#")


def write_table(table: pd.DataFrame, title: str, paths: list[Path]) -> None:
    """Write a table in the formats of the suffixes: csv, md, tex, html.

    Args:
        table: Any table; `low` and `high` bound an interval.
        title: Of the page.
        paths: A file for each format.
    """
    formats = {
        ".csv": lambda: table.to_csv(index=False, lineterminator="\n"),
        ".md": lambda: to_markdown(table),
        ".tex": lambda: to_latex(table),
        ".html": lambda: table_page(table, title),
    }
    for path in paths:
        write_text(path, formats[path.suffix]())
