"""In-context demonstrations: a sentence and the one word that sums it up."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sentscale.download import download
from sentscale.files import check_sha256, read_lines, write_text

HEADER = "sentence\tword"
# The authors' list: one filled template a line, spaces written as underscores.
_PUBLISHED = re.compile(
    r'This sentence : "(?P<sentence>[^"]+)" means in one word:"(?P<word>[^"]+)"\.'
    r'This sentence : "\*sent 0\*" means in one word:"'
)


@dataclass(frozen=True)
class Demonstration:
    """One candidate: its sentence as it stands in the list, and its word."""

    sentence: str
    word: str


def read_demonstrations(path: Path) -> list[Demonstration]:
    """Read a table with the columns sentence and word.

    Raises:
        ValueError: Header, number of fields, an empty field, a double quote (it
            would end the template's quotation) or a duplicate, with its line.
    """
    lines = read_lines(path)
    if not lines or lines[0] != HEADER:
        raise ValueError(f"{path}:1: header is {lines[:1]}, expected {HEADER!r}")
    found: list[Demonstration] = []
    for number, line in enumerate(lines[1:], start=2):
        fields = line.split("\t")
        if len(fields) != 2 or not all(field.strip() for field in fields) or '"' in line:
            raise ValueError(
                f"{path}:{number}: need a sentence and a word without quotes: {line!r}"
            )
        if (one := Demonstration(*fields)) in found:
            raise ValueError(f"{path}:{number}: demonstration is there twice: {line!r}")
        found.append(one)
    if not found:
        raise ValueError(f"{path}: no demonstration")
    return found


def read_published(path: Path) -> list[Demonstration]:
    """Read the authors' list: one filled PromptEOL template a line, `_` for a space.

    Raises:
        ValueError: A line that is not of this form, with its number.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line and number > 1:
            continue
        match = _PUBLISHED.fullmatch(line.replace("_", " "))
        if not match:
            raise ValueError(f"{path}:{number}: not a filled demonstration template: {line!r}")
        found.append(Demonstration(match["sentence"], match["word"]))
    return found


def obtain_demonstrations(source: dict[str, str], mirror: Path | None) -> list[Demonstration]:
    """Read a list of config.yaml: the user's own file, or the published one.

    Args:
        source: `file`, a table; or `published`, `url` and `sha256`: the authors'
            list, taken from the mirror if there is one.
        mirror: Folder of the data mirror; None downloads.

    Raises:
        ValueError: The list is malformed or not the pinned one. Names file and line.
    """
    if "file" in source:
        return read_demonstrations(Path(source["file"]))
    with tempfile.TemporaryDirectory() as name:
        path = mirror / source["published"] if mirror else Path(name) / "published.txt"
        if mirror:
            check_sha256(path, source["sha256"])
        else:
            download(source["url"], path, source["sha256"])
        return read_published(path)


def write_demonstrations(path: Path, demonstrations: list[Demonstration]) -> None:
    """Write the table that `read_demonstrations` reads."""
    rows = [f"{one.sentence}\t{one.word}" for one in demonstrations]
    write_text(path, "\n".join([HEADER, *rows]) + "\n")


def best_of(scores: list[float]) -> int:
    """Index of the best candidate by its score rounded to 2 decimals, as the original logs it.

    Of equals, the first in the list: the original has no rule for a tie.
    """
    return max(range(len(scores)), key=lambda i: (round(scores[i], 2), -i))


def write_scores(path: Path, candidates: list[Demonstration], scores: list[float]) -> None:
    """Write each candidate with its score, in the order of the list."""
    rows = [
        f"{one.sentence}\t{one.word}\t{score!r}"
        for one, score in zip(candidates, scores, strict=True)
    ]
    write_text(path, "\n".join([f"{HEADER}\tscore", *rows]) + "\n")
