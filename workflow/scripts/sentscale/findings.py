"""Findings of a run: sentences made of its numbers, each with its uncertainty.

"Clearly" stands where the interval of a difference leaves out 0. What a run does not
have, no sentence is about.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean

import pandas as pd
from scipy.stats import rankdata

from sentscale.changes import Finding, Known, changes, down, flattered, sizes, up
from sentscale.contrasts import Board
from sentscale.lines import EncoderName
from sentscale.tables import ENCODER
from sentscale.wording import change, counted, named, signed, unit

# What findings are about, in the order of the page.
TOPICS = {
    "best": "The best encoders",
    "published": "Beside published scores",
    "representation": "Representations",
    "demonstrations": "In-context learning",
    "adapter": "Fine-tuning",
    "precision": "Precision",
    "size": "Model size",
    "layer": "Layers",
}


def findings(
    boards: Sequence[Board],
    known: Known,
    beside: Mapping[str, pd.DataFrame],
    chosen: Mapping[str, pd.DataFrame],
) -> list[Finding]:
    """All findings of a run, topic by topic.

    Args:
        boards: Scores of each suite.
        known: What is known of the encoders.
        beside: Of suites with published scores, see `read_beside`.
        chosen: Of suites on which layers are scored, `layer_tables.choice_table`.
    """
    found = [
        finding
        for board in boards
        if board.scores
        for finding in (
            best(board, known.chosen_on),
            *(published(board, beside[board.suite]) if board.suite in beside else []),
            *(representations(board, known) if board.suite in known.development else []),
            *changes(board, known),
            *sizes(board, known),
        )
    ]
    found += [layer(suite, row) for suite, table in chosen.items() for _, row in table.iterrows()]
    return sorted(found, key=lambda finding: list(TOPICS).index(finding.topic))


def best(board: Board, chosen_on: Mapping[str, str]) -> Finding:
    """The encoder with the highest score, and which others it is not told apart from."""
    first, *others = board.ranked()
    score = board.scores[first]
    shown = f"{named(first)} with {score.value:.2f} ({score.low:.2f} to {score.high:.2f})"
    if not others:
        return Finding("best", board.suite, f"The only encoder is {shown}, {unit(board)}.", [])
    behind = board.pairs((first, other) for other in others)
    close = [one for one in behind if one.direction < 1]
    if close:
        end = f"{counted(len(close), 'encoder')} {'is' if len(close) == 1 else 'are'} not clearly"
    else:
        end = "All others are clearly" if others[1:] else "It is clearly"
    second = f"{named(others[0])}, has {board.scores[others[0]].value:.2f}"
    sentence = (
        f"The best of {len(board.scores)} encoders is {shown}, {unit(board)}. The second, {second}:"
        f" a difference of {change(behind[0])}. {end} worse."
    )
    for part in (first.representation, first.adapter):
        sentence += flattered(part, board, chosen_on)
    return Finding("best", board.suite, sentence, close or behind[:1])


def read_beside(path: Path) -> pd.DataFrame:
    """Scores of ours beside published ones: `ENCODER`, task, and numbers that may be missing."""
    numbers = ["ours", "low", "high", "published", "difference"]
    names = dict.fromkeys([*ENCODER, "task"], str)
    nothing = dict.fromkeys(numbers, "")
    return pd.read_csv(path, dtype=names, keep_default_na=False, na_values=nothing)


def published(board: Board, beside: pd.DataFrame) -> Iterator[Finding]:
    """How many published scores lie in the intervals of ours.

    Args:
        board: Names the suite.
        beside: Of `read_beside`.
    """
    both = beside[beside.ours.notna() & beside.published.notna()]
    if both.empty:
        return
    inside = both.published.between(both.low, both.high).sum()
    far = both.loc[both.difference.abs().idxmax()]
    sentence = (
        f"{counted(len(both), 'score')} of ours {'has' if len(both) == 1 else 'have'} a published"
        f" counterpart: {inside} of these lie in our interval. Ours less the published one is"
        f" {signed(both.difference.mean())} on average, {both.difference.abs().mean():.2f} without"
        f" signs; the farthest is {signed(far.difference)}, {named(EncoderName(*far[ENCODER]))} on"
        f" {far.task.removesuffix('.')}."
    )
    yield Finding("published", board.suite, sentence, [])


def representations(board: Board, known: Known) -> Iterator[Finding]:
    """Ranks of representations without demonstrations, over all settings that have them all.

    Those with demonstrations take no part: these were chosen on such a suite.
    """
    groups: dict[tuple[str, str, str], dict[str, EncoderName]] = {}
    for name in board.scores:
        if name.representation not in known.zero_shot:
            group = groups.setdefault((name.model, name.precision, name.adapter), {})
            group[name.representation] = name
    names = max(map(tuple, groups.values()), key=len, default=())
    blocks = [group for group in groups.values() if set(names) <= set(group)]
    if len(names) < 2:
        return
    ranks = [rankdata([-board.scores[block[name]].value for name in names]) for block in blocks]
    average = dict(zip(names, map(mean, zip(*ranks, strict=True)), strict=True))
    first, second, *_ = order = sorted(names, key=average.__getitem__)
    ahead = board.pairs([(block[first], block[second]) for block in blocks])
    listed = ", ".join(f"{name} {average[name]:.3g}" for name in order)
    lower = f", clearly below it in {down(ahead)}" if down(ahead) else ""
    sentence = (
        f"Mean ranks of {len(names)} representations in {counted(len(blocks), 'setting')} of model,"
        f" precision and adapter: {listed}. {first} is clearly above {second} in {up(ahead)} of"
        f" {len(ahead)}{lower}."
    )
    yield Finding("representation", board.suite, sentence, ahead)


def read_chosen(path: Path) -> pd.DataFrame:
    """Best layers, `layer_tables.choice_table`."""
    return pd.read_csv(path, dtype=dict.fromkeys(ENCODER, str), keep_default_na=False)


def layer(suite: str, row: pd.Series) -> Finding:
    """The best layer of an encoder, and what it gains over the last one."""
    shown = named(EncoderName(*row[ENCODER]))
    if row.best == row.layers:
        sentence = f"The last of {row.layers} layers of {shown} is the best."
        return Finding("layer", suite, sentence, [])
    clearly = "clearly" if row.low > 0 else "not clearly"
    sentence = (
        f"The best of {row.layers} layers of {shown} is layer {row.best}, {clearly} above the last"
        f" one: {signed(row.gain)} ({signed(row.low)} to {signed(row.high)}). It was chosen on this"
        " suite, which flatters it."
    )
    return Finding("layer", suite, sentence, [])
