"""What changing one thing does to a score: demonstrations, adapter, precision, size."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from sentscale.contrasts import Board, Difference
from sentscale.lines import Line, size_lines
from sentscale.questions import Catalogue, questions
from sentscale.wording import change, counted, signed

# What a question changes, and the part of an encoder's name that tells it.
PARTS = {"demonstrations": "representation", "adapter": "adapter", "precision": "precision"}


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
class Known(Catalogue):
    """What is known of a run's models, prompts and adapters.

    Attributes:
        training_sets: What each adapter was trained on, in words.
        development: Suites on which representations are ranked.
        chosen_on: Suite that the demonstrations of a representation, or the checkpoint of
            an adapter, were chosen on.
    """

    training_sets: Mapping[str, str]
    development: Sequence[str]
    chosen_on: Mapping[str, str]


def changes(board: Board, known: Known) -> Iterator[Finding]:
    """What each representation with demonstrations, adapter and precision does."""
    groups: dict[tuple[str, str], list[Difference]] = {}
    values = {name: score.value for name, score in board.scores.items()}
    for changed, first, second in questions(values, known):
        if changed in PARTS:
            key = changed, getattr(first, PARTS[changed])
            groups.setdefault(key, []).append(board.differ(first, second))
    for (changed, part), pairs in groups.items():
        words = {
            "demonstrations": f"In-context learning ({part} against {known.zero_shot.get(part)})",
            "adapter": f"Fine-tuning ({part}, training set: {known.training_sets.get(part)})",
            "precision": f"{part} in place of "
            + " or ".join(dict.fromkeys(one.second.precision for one in pairs)),
        }
        end = flattered(part, board, known.chosen_on)
        yield effect(board, changed, words[changed], pairs, PARTS[changed], end)


def flattered(part: str, board: Board, chosen_on: Mapping[str, str]) -> str:
    """A warning where a part of an encoder was chosen on the suite that it is scored on."""
    if chosen_on.get(part) != board.suite:
        return ""
    return f" {part} was chosen on this suite, which flatters it."


def sizes(board: Board, known: Known) -> Iterator[Finding]:
    """Whether the larger model of a family is the better one."""
    families: dict[str, list[Line]] = {}
    for line in size_lines(list(board.scores), known.families, known.parameters):
        if len(line.encoders) > 1:
            families.setdefault(line.family, []).append(line)
    for family, lines in families.items():
        steps = board.pairs(
            (large, small) for line in lines for small, large in pairwise(line.encoders)
        )
        kinds = dict.fromkeys((one.first.model, one.second.model) for one in steps)
        if len(kinds) == 1:
            what = f"In the family {family}, {' in place of '.join(*kinds)}"
            yield effect(board, "size", what, steps, "model")
            continue
        ends = board.pairs((line.encoders[-1], line.encoders[0]) for line in lines)
        tops = board.pairs(
            (line.encoders[-1], max(line.encoders[:-1], key=lambda name: board.scores[name].value))
            for line in lines
        )
        models = dict.fromkeys(name.model for line in lines for name in line.encoders)
        sentence = (
            f"{family}, {len(models)} models in {counted(len(lines), 'setting')} of representation,"
            f" adapter and precision. Of {len(steps)} steps to the next larger model {up(steps)}"
            f" are clearly up and {down(steps)} clearly down. The largest is clearly above the"
            f" smallest in {up(ends)} of {len(ends)}, clearly below the best smaller one in"
            f" {down(tops)}."
        )
        yield Finding("size", board.suite, sentence, list(dict.fromkeys([*steps, *tops])))


def effect(
    board: Board,
    topic: str,
    what: str,
    pairs: Sequence[Difference],
    changed: str,
    end: str = "",
) -> Finding:
    """What a change does to the encoders that were run with it and without.

    Args:
        board: Their scores.
        topic: One of `findings.TOPICS`.
        what: The change, in words.
        pairs: With it less without; at least one.
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
        return Finding(topic, board.suite, sentence, list(pairs))
    verb = f"clearly raises the score in {up(pairs)} and clearly lowers it in {down(pairs)}"
    if not up(pairs) + down(pairs):
        verb = "does not clearly change the score in any"
    elif len(pairs) in (up(pairs), down(pairs)):
        verb = f"clearly {'raises' if up(pairs) else 'lowers'} the score in all"
    sentence = (
        f"{what} {verb} of {len(pairs)} cases: from {ordered[0]}, to {ordered[-1]}; the median"
        f" is {signed(median(one.value for one in pairs))}.{end}"
    )
    return Finding(topic, board.suite, sentence, list(pairs))


def up(pairs: Sequence[Difference]) -> int:
    """How many differences are clearly above 0."""
    return sum(one.direction == 1 for one in pairs)


def down(pairs: Sequence[Difference]) -> int:
    """How many differences are clearly below 0."""
    return sum(one.direction == -1 for one in pairs)
