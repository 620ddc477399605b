"""Tasks: the register of data sets, and what the tables of all tasks have in common."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from sentscale.files import read_lines, sha256_of

log = logging.getLogger(__name__)

Row = TypeVar("Row")

# How a task is scored: pairs by similarity; triplets not at all, models are fine-tuned on them;
# else a classifier, see transfer.py.
Design = Literal["similarity", "nested", "folds", "dev", "triplets"]
# Columns of a tidy table that hold sentences.
SENTENCES = ("sentence", "left", "right")


@dataclass(frozen=True)
class Source:
    """One row of the register `workflow/resources/datasets.tsv`: one part of a task."""

    suite: str
    task: str
    subset: str
    design: Design
    source: str
    layout: str
    file: str
    gold_file: str
    label: str
    rows: int
    encoding: str
    licence: str
    sha256: str
    gold_sha256: str


def parse_sources(rows: str) -> list[Source]:
    """Sources from JSON: rows of the register, every value as it stands there."""
    return [Source(**(row | {"rows": int(row["rows"])})) for row in json.loads(rows)]


def read_source(
    source: Source, root: Path, layouts: Mapping[str, Callable[[Source, Path], Iterator[Row]]]
) -> tuple[list[Row], dict[str, str]]:
    """Read and check one part of a task.

    Args:
        source: Where the part is, how it is laid out, how many rows it has.
        root: Folder that the paths of the register start from.
        layouts: Reader of each layout.

    Returns:
        The rows, and the SHA-256 of each file read. A digest other than the
        register's is logged, not refused: copies of these sets differ in spacing,
        and the user should know which one a score stands on.

    Raises:
        ValueError: Missing column, wrong number of rows, score or label out of
            range, NUL byte or undecodable byte, with file, line and value.
        FileNotFoundError: A file is missing.
    """
    digests = {}
    for name, expected in ((source.file, source.sha256), (source.gold_file, source.gold_sha256)):
        if name:
            digests[name] = sha256_of(root / name)
            if expected and digests[name] != expected:
                log.warning(
                    "%s is another copy than the register's (sha256 %s)", name, digests[name]
                )
    rows = list(layouts[source.layout](source, root))
    if len(rows) != source.rows:
        counted = "triplets" if source.design == "triplets" else "rows with a label or score"
        raise ValueError(
            f"task {source.task}: {root / source.file}: {len(rows)} {counted},"
            f" the register expects {source.rows}; a part of a set is another task, with a row"
            " of its own in workflow/resources/datasets.tsv"
        )
    return rows, digests


def numbered_lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    """Numbered lines, split at line feeds only; a carriage return at the end goes."""
    try:
        text = path.read_bytes().decode(encoding)
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path}:{line}: byte {error.object[error.start]:#04x} is not {encoding}"
        ) from error
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        if "\0" in line:
            raise ValueError(f"{path}:{number}: NUL byte in {line!r}")
        yield number, line.removesuffix("\r")


def split_fields(path: Path, number: int, line: str, least: int) -> list[str]:
    """Fields of a line, split at tabs and nowhere else; an error if there are too few."""
    fields = line.split("\t")
    if len(fields) < least:
        raise ValueError(f"{path}:{number}: {len(fields)} columns, expected {least}: {line!r}")
    return fields


def rows_of_subset(
    source: Source, root: Path, header: tuple[str, ...]
) -> Iterator[tuple[int, list[str]]]:
    """A bundled sample's numbered rows that belong to the source's subset.

    Raises:
        ValueError: The first line is not the header, whose first column is the subset.
    """
    path = root / source.file
    for number, line in numbered_lines(path, source.encoding):
        fields = split_fields(path, number, line, len(header))
        if number == 1 and tuple(fields) != header:
            raise ValueError(f"{path}:1: header is {fields}, expected {list(header)}")
        if number > 1 and fields[0] == source.subset:
            yield number, fields


def read_table(path: Path, columns: tuple[str, ...]) -> Iterator[list[str]]:
    """Rows of a tidy table. `None` and `NA` are sentences like any other.

    Raises:
        ValueError: Wrong header or number of columns, with file and line.
    """
    lines = read_lines(path)
    if not lines or lines[0].split("\t") != list(columns):
        raise ValueError(f"{path}:1: header is {lines[:1]}, expected {columns}")
    for number, line in enumerate(lines[1:], start=2):
        yield split_fields(path, number, line, len(columns))


def read_sentences(path: Path) -> Iterator[str]:
    """All sentences of a tidy table of any kind, row by row."""
    columns = tuple(read_lines(path)[0].split("\t"))
    places = [columns.index(name) for name in SENTENCES if name in columns]
    for fields in read_table(path, columns):
        yield from (fields[place] for place in places)
