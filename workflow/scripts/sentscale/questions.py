"""Which encoders to compare: those that differ in one thing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise

from sentscale.lines import FULL, EncoderName, size_lines

Question = tuple[str, EncoderName, EncoderName]


@dataclass(frozen=True)
class Catalogue:
    """What is known of models and representations, to tell which encoders to compare.

    Attributes:
        families: Family of each model.
        parameters: Number of parameters of each model.
        zero_shot: For each representation with demonstrations the same one without.
        reference: Representation that the others without demonstrations are compared with.
    """

    families: Mapping[str, str]
    parameters: Mapping[str, int]
    zero_shot: Mapping[str, str]
    reference: str


def questions(scores: Mapping[EncoderName, float], catalogue: Catalogue) -> Iterator[Question]:
    """What is changed, an encoder, and the one that it is compared with.

    size: A model with the next smaller one of its family, and with every smaller one
    that scores higher. representation: Less the reference. demonstrations, adapter:
    With them less without. precision: Less the widest one that is not quantised.

    Args:
        scores: Of each encoder of a suite.
        catalogue: What is known of them.
    """
    for line in size_lines(list(scores), catalogue.families, catalogue.parameters):
        neighbours = set(pairwise(line.encoders))
        for smaller, larger in combinations(line.encoders, 2):
            if (smaller, larger) in neighbours or scores[smaller] > scores[larger]:
                yield "size", larger, smaller
    for changed, first, second in _of_one_model(scores, catalogue):
        if second in scores and first != second:
            yield changed, first, second


def _of_one_model(scores: Mapping[EncoderName, float], catalogue: Catalogue) -> Iterator[Question]:
    """Encoders with a twin in each respect, which may not be there or be the same."""
    bare = catalogue.zero_shot
    for one in scores:
        if one.representation not in bare:
            yield "representation", one, one._replace(representation=catalogue.reference)
    for one in scores:
        if one.representation in bare:
            yield "demonstrations", one, one._replace(representation=bare[one.representation])
    for one in scores:
        yield "adapter", one, one._replace(adapter="")
    for one in scores:
        full = [one._replace(precision=name) for name in FULL]
        yield "precision", one, next((other for other in full if other in scores), one)


def instead(first: EncoderName, second: EncoderName) -> str:
    """What the second encoder has that is not the first one's, in words."""
    parts = zip(first, second, strict=True)
    return ", ".join(theirs or "no adapter" for ours, theirs in parts if ours != theirs)
