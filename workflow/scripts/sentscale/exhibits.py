"""Tables and figures that other steps made, as parts of a page that needs no other file."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

# Signs of an SVG file that may stand in an address between double quotes.
_SAFE = " !$'()*+,-./:;<=>?@[]^_`{|}~"
# A table that is larger, in characters, is named but not shown.
MOST = 300_000


@dataclass(frozen=True)
class Exhibit:
    """A table or figure of the run.

    Attributes:
        section: Heading that it stands under.
        title: Its own heading.
        caption: One sentence.
        path: Of an html page of `pages.py`, an SVG file, or a CSV file that has no page.
    """

    section: str
    title: str
    caption: str
    path: Path

    @property
    def is_figure(self) -> bool:
        """Or else a table."""
        return self.path.suffix == ".svg"

    @property
    def files(self) -> str:
        """Where the same is in other formats."""
        others = ", ".join(
            f".{kind}"
            for kind in ("csv", "md", "tex", "pdf")
            if self.path.suffix != f".{kind}" and self.path.with_suffix(f".{kind}").is_file()
        )
        return f"{self.path}, {others}" if others else str(self.path)

    @cached_property
    def content(self) -> str:
        """HTML of a table, address of a figure; nothing if it is too large for a page."""
        if self.path.suffix == ".csv":
            return ""
        if self.is_figure:
            return figure_address(self.path)
        table, _ = table_of_page(self.path)
        return table if len(table) <= MOST else ""

    @property
    def notes(self) -> str:
        """HTML of what stands below a table that the page shows."""
        return table_of_page(self.path)[1]


def figure_address(path: Path) -> str:
    """An SVG file as a data address, to be put between double quotes."""
    svg = path.read_text(encoding="utf-8")
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s+", " ", svg).replace("> <", "><")
    return f"data:image/svg+xml,{quote(svg, safe=_SAFE)}"


def table_of_page(path: Path) -> tuple[str, str]:
    """The table of a page that `pages.py` wrote, and the notes below it.

    Raises:
        ValueError: The page has no table.
    """
    page = path.read_text(encoding="utf-8")
    found = re.search("(<table.*</table>)</div>(.*)<script", page, re.DOTALL)
    if not found:
        raise ValueError(f"{path}: not a page of one table and a script")
    # What a cell shows need not be said again for sorting.
    table, notes = (re.sub(r' data-value="([^"]*)">\1<', r">\1<", part) for part in found.groups())
    return table, notes.strip()
