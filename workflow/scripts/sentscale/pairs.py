"""STS tasks: pairs of sentences and how similar people found them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sentscale.files import write_text
from sentscale.prompts import join_words
from sentscale.tasks import Source, numbered_lines, read_table, rows_of_subset, split_fields

COLUMNS = ("id", "subset", "left", "right", "gold")
SAMPLE_HEADER = ("subset", "left", "right", "gold")
GOLD_RANGE = (0.0, 5.0)


@dataclass(frozen=True)
class Pair:
    """Two sentences and how similar people found them, from 0 to 5."""

    id: str
    subset: str
    left: str
    right: str
    gold: float


def checked(pairs: list[Pair], source: Source) -> list[Pair]:
    """Refuse a task that no encoder can be scored on, before anything is embedded.

    Raises:
        ValueError: All scores of a subset are equal, so no correlation is defined.
    """
    for subset in {pair.subset for pair in pairs}:
        golds = {pair.gold for pair in pairs if pair.subset == subset}
        if len(golds) == 1:
            raise ValueError(
                f"task {source.task}, subset {subset!r}: every score is {golds.pop()},"
                " nothing to rank"
            )
    return pairs


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
    pairs = list(numbered_lines(path, source.encoding))
    golds = list(numbered_lines(gold_path, source.encoding))
    if len(pairs) != len(golds):
        raise ValueError(f"{path}: {len(pairs)} pairs, but {gold_path} has {len(golds)} scores")
    for (number, line), (_, gold) in zip(pairs, golds, strict=True):
        fields = split_fields(path, number, line, 2)
        if gold.strip():
            yield _pair(path, number, source.subset, fields[0], fields[1], gold)


def _stsb(source: Source, root: Path) -> Iterator[Pair]:
    """STS benchmark: genre, file, year, id, score, A, B; no header, quotes are ordinary.

    In layout stsb-genres the subset is a genre, else the whole file.
    """
    path = root / source.file
    for number, line in numbered_lines(path, source.encoding):
        fields = split_fields(path, number, line, 7)
        if source.layout == "stsb" or fields[0] == source.subset:
            yield _pair(path, number, source.subset, fields[5], fields[6], fields[4])


def _sick(source: Source, root: Path) -> Iterator[Pair]:
    """SICK: id, A, B, relatedness, entailment; one header line, CRLF."""
    path = root / source.file
    for number, line in numbered_lines(path, source.encoding):
        fields = split_fields(path, number, line, 5)
        if number > 1:
            yield _pair(path, number, source.subset, fields[1], fields[2], fields[3])


def _pairs(source: Source, root: Path) -> Iterator[Pair]:
    """The bundled sample: subset, left, right, gold; one header line."""
    for number, fields in rows_of_subset(source, root, SAMPLE_HEADER):
        yield _pair(root / source.file, number, *fields[:4])


LAYOUTS: dict[str, Callable[[Source, Path], Iterator[Pair]]] = {
    "semeval": _semeval,
    "stsb": _stsb,
    "stsb-genres": _stsb,
    "sick": _sick,
    "pairs": _pairs,
}


def write_table(path: Path, pairs: list[Pair]) -> None:
    """Write a task's tidy table. Sentences hold no tab and no line end by now."""
    rows = [f"{p.id}\t{p.subset}\t{p.left}\t{p.right}\t{p.gold!r}" for p in pairs]
    write_text(path, "\n".join(["\t".join(COLUMNS), *rows]) + "\n")


def read_pairs(path: Path) -> list[Pair]:
    """Read a tidy table of pairs.

    Raises:
        ValueError: Wrong header or number of columns, with file and line.
    """
    rows = read_table(path, COLUMNS)
    return [Pair(*fields[:4], float(fields[4])) for fields in rows]


def rows_of(pairs: Sequence[Pair], row: Mapping[str, int]) -> tuple[list[int], list[int]]:
    """Rows of the vectors of the first sentences of pairs, and of the second ones.

    Args:
        pairs: `n` of them.
        row: Of each sentence.
    """
    return [row[pair.left] for pair in pairs], [row[pair.right] for pair in pairs]
