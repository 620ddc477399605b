"""Tasks: from the files of the STS data sets to one tidy table each, checked row by row."""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sentscale.files import read_lines, sha256_of, write_text
from sentscale.prompts import join_words

log = logging.getLogger(__name__)

COLUMNS = ("id", "subset", "left", "right", "gold")
PAIRS_HEADER = ("subset", "left", "right", "gold")
GOLD_RANGE = (0.0, 5.0)


@dataclass(frozen=True)
class Source:
    """One row of the register `workflow/resources/datasets.tsv`: one part of a task."""

    suite: str
    task: str
    subset: str
    source: str
    layout: str
    file: str
    gold_file: str
    rows: int
    encoding: str
    licence: str
    sha256: str
    gold_sha256: str


@dataclass(frozen=True)
class Pair:
    """Two sentences and how similar people found them, from 0 to 5."""

    id: str
    subset: str
    left: str
    right: str
    gold: float


def parse_sources(rows: str) -> list[Source]:
    """Sources from JSON: rows of the register, every value as it stands there."""
    return [Source(**(row | {"rows": int(row["rows"])})) for row in json.loads(rows)]


def read_source(source: Source, root: Path) -> tuple[list[Pair], dict[str, str]]:
    """Read and check one part of a task.

    Args:
        source: Where the part is, how it is laid out, how many scored pairs it has.
        root: Folder that the paths of the register start from.

    Returns:
        The pairs that have a score, and the SHA-256 of each file read. A digest
        other than the register's is logged, not refused: copies of these sets
        differ in spacing, and the user should know which one a score stands on.

    Raises:
        ValueError: Missing column, wrong number of pairs, score out of range, NUL
            byte, empty sentence or undecodable byte, with file, line and value.
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
    pairs = list(_LAYOUTS[source.layout](source, root))
    if len(pairs) != source.rows:
        raise ValueError(
            f"{root / source.file}: {len(pairs)} scored pairs, the register expects {source.rows}"
        )
    return pairs, digests


def check_spread(pairs: list[Pair]) -> None:
    """Refuse a task that no encoder can be scored on, before anything is embedded.

    Raises:
        ValueError: All scores of a subset are equal, so no correlation is defined.
    """
    for subset in {pair.subset for pair in pairs}:
        golds = {pair.gold for pair in pairs if pair.subset == subset}
        if len(golds) == 1:
            raise ValueError(f"subset {subset!r}: every score is {golds.pop()}, nothing to rank")


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
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


def _fields(path: Path, number: int, line: str, least: int) -> list[str]:
    fields = line.split("\t")
    if len(fields) < least:
        raise ValueError(f"{path}:{number}: {len(fields)} columns, expected {least}: {line!r}")
    return fields


def _pair(path: Path, number: int, subset: str, left: str, right: str, gold: str) -> Pair:
    try:
        score = float(gold)
    except ValueError:
        raise ValueError(f"{path}:{number}: score is {gold!r}, not a number") from None
    if not GOLD_RANGE[0] <= score <= GOLD_RANGE[1]:
        raise ValueError(f"{path}:{number}: score is {gold}, not within {GOLD_RANGE}")
    left, right = join_words(left), join_words(right)
    if not left or not right:
        raise ValueError(f"{path}:{number}: empty sentence: {left!r} | {right!r}")
    return Pair(f"{subset}:{number}", subset, left, right, score)


def _semeval(source: Source, root: Path) -> Iterator[Pair]:
    """STS12 to STS16: pairs in one file, scores in another; no score, no pair."""
    path, gold_path = root / source.file, root / source.gold_file
    pairs = list(_lines(path, source.encoding))
    golds = list(_lines(gold_path, source.encoding))
    if len(pairs) != len(golds):
        raise ValueError(f"{path}: {len(pairs)} pairs, but {gold_path} has {len(golds)} scores")
    for (number, line), (_, gold) in zip(pairs, golds, strict=True):
        fields = _fields(path, number, line, 2)
        if gold.strip():
            yield _pair(path, number, source.subset, fields[0], fields[1], gold)


def _stsb(source: Source, root: Path) -> Iterator[Pair]:
    """STS benchmark: genre, file, year, id, score, A, B; no header, quotes are ordinary."""
    path = root / source.file
    for number, line in _lines(path, source.encoding):
        fields = _fields(path, number, line, 7)
        yield _pair(path, number, source.subset, fields[5], fields[6], fields[4])


def _sick(source: Source, root: Path) -> Iterator[Pair]:
    """SICK: id, A, B, relatedness, entailment; one header line, CRLF."""
    path = root / source.file
    for number, line in _lines(path, source.encoding):
        fields = _fields(path, number, line, 5)
        if number > 1:
            yield _pair(path, number, source.subset, fields[1], fields[2], fields[3])


def _pairs(source: Source, root: Path) -> Iterator[Pair]:
    """The bundled sample: subset, left, right, gold; one header line."""
    path = root / source.file
    for number, line in _lines(path, source.encoding):
        fields = _fields(path, number, line, len(PAIRS_HEADER))
        if number == 1 and tuple(fields) != PAIRS_HEADER:
            raise ValueError(f"{path}:1: header is {fields}, expected {list(PAIRS_HEADER)}")
        subset, left, right, gold = fields[:4]
        if number > 1 and subset == source.subset:
            yield _pair(path, number, subset, left, right, gold)


_LAYOUTS: dict[str, Callable[[Source, Path], Iterator[Pair]]] = {
    "semeval": _semeval,
    "stsb": _stsb,
    "sick": _sick,
    "pairs": _pairs,
}


def write_pairs(path: Path, pairs: list[Pair]) -> None:
    """Write a task's tidy table. Sentences hold no tab and no line end by now."""
    rows = [f"{p.id}\t{p.subset}\t{p.left}\t{p.right}\t{p.gold!r}" for p in pairs]
    write_text(path, "\n".join(["\t".join(COLUMNS), *rows]) + "\n")


def read_pairs(path: Path) -> list[Pair]:
    """Read a tidy table. `None` and `NA` are sentences like any other.

    Raises:
        ValueError: Wrong header or number of columns, with file and line.
    """
    lines = read_lines(path)
    if not lines or lines[0].split("\t") != list(COLUMNS):
        raise ValueError(f"{path}:1: header is {lines[:1]}, expected {COLUMNS}")
    pairs = []
    for number, line in enumerate(lines[1:], start=2):
        id_, subset, left, right, gold = _fields(path, number, line, len(COLUMNS))
        pairs.append(Pair(id_, subset, left, right, float(gold)))
    return pairs
