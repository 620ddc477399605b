"""Training data of contrastive fine-tuning: triplets of natural-language inference."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sentscale.files import write_text
from sentscale.prompts import join_words
from sentscale.tasks import Source, numbered_lines, read_sentences, read_table


class Triplet(NamedTuple):
    """A premise, a sentence that it entails and one that it contradicts; SimCSE's names."""

    sent0: str
    sent1: str
    hard_neg: str


COLUMNS = Triplet._fields
# The paper's training only cuts a sentence, so nothing goes but what a table cannot hold.
_BREAKS = re.compile(r"[\t\r\n]+")


def checked(triplets: list[Triplet], source: Source) -> list[Triplet]:
    """Refuse a set that nothing can be learnt from, before a model is loaded.

    Raises:
        ValueError: All premises are equal, so a batch holds no sentence of another.
    """
    premises = {triplet.sent0 for triplet in triplets}
    if len(premises) < 2:
        raise ValueError(
            f"task {source.task}: every premise is {premises.pop()!r}; two or more must differ"
        )
    return triplets


def _records(source: Source, root: Path) -> Iterator[tuple[int, list[str]]]:
    """Records of a CSV file with the line that each begins on; a field may hold line ends."""
    path = root / source.file
    lines = [line for _, line in numbered_lines(path, source.encoding)]
    # Strict, or a quote that is never closed would swallow the rest of the file unseen.
    reader = csv.reader((line + "\n" for line in lines), strict=True)
    number = 1
    try:
        for fields in reader:
            yield number, fields
            number = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}:{number}: {error}: {lines[number - 1]!r}") from error


def _tabbed(source: Source, root: Path) -> Iterator[tuple[int, list[str]]]:
    """Lines split at tabs, quotes are ordinary."""
    for number, line in numbered_lines(root / source.file, source.encoding):
        yield number, line.split("\t")


def _triplets(path: Path, rows: Iterator[tuple[int, list[str]]]) -> Iterator[Triplet]:
    """Triplets from numbered rows, the first of which is the header."""
    for number, fields in rows:
        if number == 1 and tuple(fields) != COLUMNS:
            raise ValueError(f"{path}:1: header is {fields}, expected {list(COLUMNS)}")
        if len(fields) != len(COLUMNS):
            raise ValueError(
                f"{path}:{number}: {len(fields)} columns, expected {len(COLUMNS)}: {fields}"
            )
        triplet = Triplet(*(_BREAKS.sub(" ", field) for field in fields))
        if not all(map(str.strip, triplet)):
            raise ValueError(f"{path}:{number}: empty sentence: {fields}")
        if number > 1:
            yield triplet


# triplets: the bundled sample; nli-csv: SimCSE's file. The same columns and header in both.
LAYOUTS: dict[str, Callable[[Source, Path], Iterator[Triplet]]] = {
    "triplets": lambda source, root: _triplets(root / source.file, _tabbed(source, root)),
    "nli-csv": lambda source, root: _triplets(root / source.file, _records(source, root)),
}


def write_table(path: Path, triplets: list[Triplet]) -> None:
    """Write a set's tidy table."""
    write_text(path, "\n".join(map("\t".join, [COLUMNS, *triplets])) + "\n")


def read_triplets(path: Path) -> list[Triplet]:
    """Read a tidy table of triplets.

    Raises:
        ValueError: Wrong header or number of columns, with file and line.
    """
    return [Triplet(*fields[:3]) for fields in read_table(path, COLUMNS)]


def load_triplets(
    path: Path, left_out: Sequence[Path], rows: int | None, seed: int
) -> list[Triplet]:
    """Triplets of a table to train on.

    Args:
        path: The whole set.
        left_out: Tables of tasks of which no sentence is trained on.
        rows: See `select_triplets`.
        seed: See `select_triplets`.
    """
    barred = frozenset(text for table in left_out for text in read_sentences(table))
    return select_triplets(read_triplets(path), barred, rows, seed)


def select_triplets(
    triplets: list[Triplet], left_out: frozenset[str], rows: int | None, seed: int
) -> list[Triplet]:
    """Triplets to train on, in the order of the set.

    Args:
        triplets: The whole set.
        left_out: Sentences, those of an evaluation, that no triplet may hold. Compared by
            letters and digits alone: STS data are tokenised and lower-cased, training data
            are not (`a dog 's ball .`, `A dog's ball.`).
        rows: How many to draw of what remains, without replacement; None takes all.
        seed: Of the draw.

    Raises:
        ValueError: Fewer remain than `rows`, or `rows` is not positive.
    """
    barred = {_letters(sentence) for sentence in left_out}
    kept = [one for one in triplets if barred.isdisjoint(map(_letters, one))]
    if rows is None:
        return kept
    if not 1 <= rows <= len(kept):
        raise ValueError(
            f"{rows} triplets are asked for; {len(kept)} of {len(triplets)} remain, the others"
            " hold a sentence that is left out"
        )
    drawn = np.random.default_rng(seed).permutation(len(kept))[:rows]
    return [kept[place] for place in sorted(drawn)]


def _letters(sentence: str) -> str:
    """Letters and digits of a sentence; the sentence itself if it has none."""
    return "".join(filter(str.isalnum, sentence)).casefold() or join_words(sentence)
