"""Tables as web pages: sorted by a click, filtered by typing, the CSV one click away.

Snakemake's report only offers a CSV file for download; a page it shows.
"""

import base64
import html
import string
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pandas as pd

# Decimals of a fraction, and the columns of a usual table that have other than these.
DIGITS = 2
USUAL: Mapping[str, int] = MappingProxyType({})
_PAGE = string.Template("""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
:root { color-scheme: light dark }
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5rem; color: CanvasText; background: Canvas }
header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline;
  margin-bottom: 1rem }
h1 { font-size: 1.1rem; margin: 0 }
input { font: inherit; padding: .2rem .5rem; border: 1px solid #888; border-radius: 4px }
.scroll { overflow: auto; max-width: max-content; max-height: 85vh }
table { border-collapse: separate; border-spacing: 0 }
th, td { padding: .25rem .8rem; border-bottom: 1px solid #8884; text-align: left;
  white-space: nowrap }
th { padding: 0; border-bottom: 2px solid; position: sticky; top: 0; background: Canvas }
th button { all: unset; cursor: pointer; padding: .25rem .8rem; font-weight: 600 }
th button:focus-visible { outline: 2px solid; outline-offset: -2px }
th[aria-sort=ascending] button::after { content: " ▲" }
th[aria-sort=descending] button::after { content: " ▼" }
td.number { text-align: right; font-variant-numeric: tabular-nums }
.best { font-weight: 700 }
.second { text-decoration: underline }
tbody tr:hover { background: #8882 }
</style>
<header>
<h1>$title</h1>
<input type="search" placeholder="Filter rows" aria-label="Filter rows">
<a download="$title.csv" href="data:text/csv;base64,$csv">CSV</a>
</header>
<div class="scroll" tabindex="0" role="region" aria-label="$title">
<table><thead><tr>$head</tr></thead><tbody>$body</tbody></table></div>
$notes
<script>
const body = document.querySelector("tbody"), rows = [...body.rows];
const heads = [...document.querySelectorAll("th")];
const key = (row, i) => row.cells[i].dataset.value;
heads.forEach((head, i) => head.firstChild.addEventListener("click", () => {
  const up = head.getAttribute("aria-sort") !== "ascending";
  heads.forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  // Rows without a number stay at the end, whichever way the others are sorted.
  const order = (a, b) => (a === "") - (b === "") || (a === "" ? 0 : (up ? 1 : -1) *
    (isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b));
  body.append(...rows.sort((a, b) => order(key(a, i), key(b, i))));
}));
document.querySelector("input").addEventListener("input", event => {
  const words = event.target.value.toLowerCase().split(/\\s+/);
  for (const row of rows)
    row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
});
</script>
</html>
""")


def table_page(
    table: pd.DataFrame,
    title: str,
    marks: pd.DataFrame | None = None,
    notes: Sequence[str] = (),
    digits: Mapping[str, int] = USUAL,
) -> str:
    """A self-contained page of one table, for any screen, light or dark.

    Args:
        table: Any table. A missing number is an empty cell.
        title: Heading, and name of the CSV file that the page offers.
        marks: Of the same shape: "best", "second" or nothing.
        notes: Sentences below the table.
        digits: Decimals of the columns that are shown with other than 2.

    Returns:
        HTML. The CSV in it has every digit.
    """
    head = "".join(
        f'<th scope="col"><button>{html.escape(name)}</button></th>' for name in table.columns
    )
    if marks is None:
        marks = pd.DataFrame("", index=table.index, columns=table.columns)
    pairs = zip(table.itertuples(index=False), marks.itertuples(index=False), strict=True)
    places = [digits.get(name, DIGITS) for name in table.columns]
    rows = ("".join(map(_cell, row, mark, places)) for row, mark in pairs)
    csv = table.to_csv(index=False, lineterminator="\n").encode()
    return _PAGE.substitute(
        title=html.escape(title),
        head=head,
        body="".join(f"<tr>{row}</tr>" for row in rows),
        notes="".join(f"<p>{html.escape(note)}</p>" for note in notes),
        csv=base64.b64encode(csv).decode(),
    )


def _cell(value: object, mark: str, places: int) -> str:
    if isinstance(value, str):
        return f'<td data-value="{html.escape(value)}">{html.escape(value)}</td>'
    if pd.isna(value):
        return '<td class="number" data-value=""></td>'
    shown = f"{value:.{places}f}" if isinstance(value, float) else str(value)
    return f'<td class="{f"number {mark}".strip()}" data-value="{value}">{shown}</td>'
