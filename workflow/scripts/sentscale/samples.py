"""Transfer tasks: labelled sentences, or labelled pairs of sentences."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sentscale.files import read_lines, write_text
from sentscale.prompts import join_words
from sentscale.tasks import (
    Design,
    Source,
    numbered_lines,
    read_table,
    rows_of_subset,
    split_fields,
)

ONE = ("id", "subset", "sentence", "label")
TWO = ("id", "subset", "left", "right", "label")
SAMPLE_HEADER = ("subset", "sentence", "label")
# Coarse classes of TREC in the order of their numbers.
TREC_CLASSES = ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")
# Subsets that a design takes its rows from; nested takes all.
SPLITS: dict[Design, tuple[str, ...]] = {
    "nested": (),
    "folds": ("train", "test"),
    "dev": ("train", "dev", "test"),
}


@dataclass(frozen=True)
class Sample:
    """One sentence, or two, and the number of their class.

    Attributes:
        id: Subset and line in the file it is from.
        subset: train, dev or test; in a nested design the file's name of the class.
        sentences: One, or the two sides of a pair. May be empty.
        label: From 0.
    """

    id: str
    subset: str
    sentences: tuple[str, ...]
    label: int


def checked(samples: list[Sample], source: Source) -> list[Sample]:
    """A task's samples in the order in which they are split into folds.

    Stably by (words, label), pairs by (words of A, words of B, label), as SentEval
    sorts them; train, dev and test stay apart.

    Raises:
        ValueError: A subset is not one of the design's, or is missing; there is one
            class only; a number of a class is skipped; a class is missing in train.
    """
    splits = SPLITS[source.design]
    subsets = {sample.subset for sample in samples}
    if splits and subsets != set(splits):
        raise ValueError(
            f"task {source.task}: design {source.design} needs the subsets {', '.join(splits)};"
            f" there are {', '.join(sorted(subsets))}"
        )
    classes = {sample.label for sample in samples}
    if classes != set(range(max(2, len(classes)))):
        raise ValueError(
            f"task {source.task}: classes are {sorted(classes)};"
            " there must be two or more, numbered 0, 1, ... without a gap"
        )
    trained = {sample.label for sample in samples if not splits or sample.subset == "train"}
    if classes != trained:
        raise ValueError(f"task {source.task}: class {min(classes - trained)} has no row in train")

    def place(sample: Sample) -> tuple[int, ...]:
        words = [len(sentence.split()) for sentence in sample.sentences]
        return splits.index(sample.subset) if splits else 0, *words, sample.label

    return sorted(samples, key=place)


def _sample(path: Path, number: int, subset: str, texts: list[str], label: str) -> Sample:
    if not label.isascii() or not label.isdigit():
        raise ValueError(f"{path}:{number}: label is {label!r}, expected 0, 1, ...")
    return Sample(f"{subset}:{number}", subset, tuple(map(join_words, texts)), int(label))


def _lines(source: Source, root: Path) -> Iterator[Sample]:
    """MR, CR, SUBJ, MPQA: one sentence a line, a file for each class. Blank lines count."""
    path = root / source.file
    for number, line in numbered_lines(path, source.encoding):
        yield _sample(path, number, source.subset, [line], source.label)


def _sst(source: Source, root: Path) -> Iterator[Sample]:
    """SST-2: sentence, label."""
    path = root / source.file
    for number, line in numbered_lines(path, source.encoding):
        fields = split_fields(path, number, line, 2)
        yield _sample(path, number, source.subset, fields[:1], fields[1].strip())


def _trec(source: Source, root: Path) -> Iterator[Sample]:
    """TREC: COARSE:fine, a space, the question."""
    path = root / source.file
    for number, line in numbered_lines(path, source.encoding):
        kind, _, question = line.partition(" ")
        coarse = kind.partition(":")[0]
        if coarse not in TREC_CLASSES or not question.strip():
            raise ValueError(
                f"{path}:{number}: expected one of {', '.join(TREC_CLASSES)} with a fine class,"
                f" a space and a question: {line!r}"
            )
        label = str(TREC_CLASSES.index(coarse))
        yield _sample(path, number, source.subset, [question], label)


def _mrpc(source: Source, root: Path) -> Iterator[Sample]:
    """MRPC: label, two ids, A, B; one header line, quotes are ordinary."""
    path = root / source.file
    for number, line in numbered_lines(path, source.encoding):
        fields = split_fields(path, number, line, 5)
        if number > 1:
            yield _sample(path, number, source.subset, fields[3:5], fields[0])


def _samples(source: Source, root: Path) -> Iterator[Sample]:
    """The bundled sample, or a set of one's own: subset, sentence, label; one header line."""
    for number, (subset, sentence, label, *_) in rows_of_subset(source, root, SAMPLE_HEADER):
        yield _sample(root / source.file, number, subset, [sentence], label)


LAYOUTS: dict[str, Callable[[Source, Path], Iterator[Sample]]] = {
    "lines": _lines,
    "sst": _sst,
    "trec": _trec,
    "mrpc": _mrpc,
    "samples": _samples,
}


def write_table(path: Path, samples: list[Sample]) -> None:
    """Write a task's tidy table. Sentences hold no tab and no line end by now."""
    columns = ONE if len(samples[0].sentences) == 1 else TWO
    rows = ["\t".join([s.id, s.subset, *s.sentences, str(s.label)]) for s in samples]
    write_text(path, "\n".join(["\t".join(columns), *rows]) + "\n")


def read_samples(path: Path) -> list[Sample]:
    """Read a tidy table of samples.

    Raises:
        ValueError: Wrong header or number of columns, with file and line.
    """
    columns = TWO if read_lines(path)[:1] == ["\t".join(TWO)] else ONE
    return [
        Sample(fields[0], fields[1], tuple(fields[2:-1]), int(fields[-1]))
        for fields in read_table(path, columns)
    ]
