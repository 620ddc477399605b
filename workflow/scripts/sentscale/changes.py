"""What changing one thing does to a score: demonstrations, adapter, precision, size."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from sentscale.contrasts import Board, Difference, EncoderName
from sentscale.wording import change, counted, signed

# Precisions that are not quantised, the widest first.
FULL = ("fp32", "bf16", "fp16")


@dataclass(frozen=True)
class Finding:
    """One sentence, and the differences that it is made of.

    Attributes:
        topic: One of `findings.TOPICS`.
        suite: Where the scores are from.
        sentence: Plain text.
        differences: None where the sentence needs none.
    """

    topic: str
    suite: str
    sentence: str
    differences: list[Difference]


@dataclass(frozen=True)
class Catalogue:
    """What is known of a run's models, prompts and adapters.

    Attributes:
        families: Family of each model.
        parameters: Number of parameters of each model.
        zero_shot: For each representation with demonstrations the same one without.
        training_sets: What each adapter was trained on, in words.
        development: Suites on which representations are ranked.
        chosen_on: Suite that the demonstrations of a representation, or the checkpoint of
            an adapter, were chosen on.
    """

    families: Mapping[str, str]
    parameters: Mapping[str, int]
    zero_shot: Mapping[str, str]
    training_sets: Mapping[str, str]
    development: Sequence[str]
    chosen_on: Mapping[str, str]


def demonstrations(board: Board, catalogue: Catalogue) -> Iterator[Finding]:
    """What each representation with demonstrations gains on the same one without."""
    for shown, bare in catalogue.zero_shot.items():
        pairs = board.pairs(
            (name, name._replace(representation=bare))
            for name in board.scores
            if name.representation == shown
        )
        what = f"In-context learning ({shown} against {bare})"
        end = flattered(shown, board, catalogue.chosen_on)
        yield from effect(board, "demonstrations", what, pairs, "representation", end)


def adapters(board: Board, catalogue: Catalogue) -> Iterator[Finding]:
    """What each adapter gains on the model as it comes."""
    for adapter, learned in catalogue.training_sets.items():
        pairs = board.pairs(
            (name, name._replace(adapter="")) for name in board.scores if name.adapter == adapter
        )
        what = f"Fine-tuning ({adapter}, training set: {learned})"
        end = flattered(adapter, board, catalogue.chosen_on)
        yield from effect(board, "adapter", what, pairs, "adapter", end)


def flattered(part: str, board: Board, chosen_on: Mapping[str, str]) -> str:
    """A warning where a part of an encoder was chosen on the suite that it is scored on."""
    if chosen_on.get(part) != board.suite:
        return ""
    return f" {part} was chosen on this suite, which flatters it."


def precisions(board: Board) -> Iterator[Finding]:
    """What each precision changes, against the widest one of the same encoder."""
    for precision in dict.fromkeys(name.precision for name in board.scores):
        pairs = board.pairs(
            (name, widest)
            for name in board.scores
            if name.precision == precision and (widest := widest_of(name, board)) != name
        )
        instead = " or ".join(dict.fromkeys(one.second.precision for one in pairs))
        what = f"{precision} in place of {instead}"
        yield from effect(board, "precision", what, pairs, "precision")


def widest_of(name: EncoderName, board: Board) -> EncoderName:
    """The same encoder in the widest precision that is there and not quantised."""
    full = [name._replace(precision=precision) for precision in FULL]
    return next((other for other in full if other in board.scores), name)


def sizes(board: Board, catalogue: Catalogue) -> Iterator[Finding]:
    """Whether the larger model of a family is the better one."""
    families: dict[str, list[list[EncoderName]]] = {}
    for line in lines(board, catalogue):
        families.setdefault(catalogue.families[line[0].model], []).append(line)
    for family, found in families.items():
        steps = board.pairs((large, small) for line in found for small, large in pairwise(line))
        kinds = dict.fromkeys((one.first.model, one.second.model) for one in steps)
        if len(kinds) == 1:
            what = f"In the family {family}, {' in place of '.join(*kinds)}"
            yield from effect(board, "size", what, steps, "model")
            continue
        ends = board.pairs((line[-1], line[0]) for line in found)
        tops = board.pairs(
            (line[-1], max(line[:-1], key=lambda name: board.scores[name].value)) for line in found
        )
        models = dict.fromkeys(name.model for line in found for name in line)
        sentence = (
            f"{family}, {len(models)} models in {counted(len(found), 'setting')} of representation"
            f" and adapter: of {len(steps)} steps to the next larger model {up(steps)} are clearly"
            f" up and {down(steps)} clearly down. The largest is clearly above the smallest in"
            f" {up(ends)} of {len(ends)}, clearly below the best smaller one in {down(tops)}."
        )
        yield Finding("size", board.suite, sentence, list(dict.fromkeys([*steps, *tops])))


def lines(board: Board, catalogue: Catalogue) -> Iterator[list[EncoderName]]:
    """Encoders that differ in the size of their model, the smallest first.

    Each model in its widest precision: the largest is often run in 16 bit only.
    """
    groups: dict[tuple[str, str, str], dict[str, EncoderName]] = {}
    for name in board.scores:
        key = catalogue.families[name.model], name.representation, name.adapter
        groups.setdefault(key, {})[name.model] = widest_of(name, board)
    for group in groups.values():
        if len(group) > 1:
            yield sorted(group.values(), key=lambda name: catalogue.parameters[name.model])


def effect(
    board: Board,
    topic: str,
    what: str,
    pairs: Sequence[Difference],
    changed: str,
    end: str = "",
) -> Iterator[Finding]:
    """What a change does to the encoders that were run with it and without.

    Args:
        board: Their scores.
        topic: One of `findings.TOPICS`.
        what: The change, in words.
        pairs: With it less without. No pair, no finding.
        changed: What an encoder's name need not tell.
        end: A last sentence.
    """
    ordered = [
        f"{change(one)} for {board.parts(one.first, changed)}".removesuffix(" for ")
        for one in sorted(pairs, key=lambda one: one.value)
    ]
    if len(pairs) == 1:
        verb = ("does not clearly change", "clearly raises", "clearly lowers")[pairs[0].direction]
        sentence = f"{what} {verb} the score: {ordered[0]}.{end}"
        yield Finding(topic, board.suite, sentence, list(pairs))
    elif pairs:
        verb = f"clearly raises the score in {up(pairs)} and clearly lowers it in {down(pairs)}"
        if not up(pairs) + down(pairs):
            verb = "does not clearly change the score in any"
        sentence = (
            f"{what} {verb} of {len(pairs)} cases: from {ordered[0]}, to {ordered[-1]}; the median"
            f" is {signed(median(one.value for one in pairs))}.{end}"
        )
        yield Finding(topic, board.suite, sentence, list(pairs))


def up(pairs: Sequence[Difference]) -> int:
    """How many differences are clearly above 0."""
    return sum(one.direction == 1 for one in pairs)


def down(pairs: Sequence[Difference]) -> int:
    """How many differences are clearly below 0."""
    return sum(one.direction == -1 for one in pairs)
