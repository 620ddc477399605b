"""How far apart the encoders of a suite are, and how sure that is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import hypot
from pathlib import Path
from typing import NamedTuple, Self

import pandas as pd

from sentscale.lines import EncoderName
from sentscale.tables import ENCODER, score_column, suite_table

AGAINST = [f"against_{name}" for name in ENCODER]


class Score(NamedTuple):
    """A number and its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """What the first encoder scores above the second one."""

    first: EncoderName
    second: EncoderName
    value: float
    low: float
    high: float

    @property
    def direction(self) -> int:
        """1 or -1 if the interval leaves out 0, else 0."""
        return (self.low > 0) - (self.high < 0)


@dataclass(frozen=True)
class Board:
    """Scores of a suite's encoders.

    Attributes:
        suite: Its name.
        tasks: Its tasks.
        metric: For example "spearman_all".
        scores: Average, or score of the only task, in the order of the run. Encoders
            that miss a task are not in it.
        paired: Differences that were counted on shared resamples, by their two encoders.
    """

    suite: str
    tasks: list[str]
    metric: str
    scores: Mapping[EncoderName, Score]
    paired: Mapping[tuple[EncoderName, EncoderName], Score]

    @classmethod
    def from_scores(
        cls, scores: pd.DataFrame, suite: str, tasks: list[str], metric: str, paired: Path | None
    ) -> Self:
        """From tidy scores, and the table of paired differences if the run has one."""
        table = suite_table(scores, tasks, metric)
        column = score_column(tasks)
        table = table[table[column].notna()]
        names = map(EncoderName._make, table[ENCODER].itertuples(index=False))
        values = map(Score._make, table[[column, "low", "high"]].itertuples(index=False))
        known = read_paired(paired, column) if paired else {}
        return cls(suite, tasks, metric, dict(zip(names, values, strict=True)), known)

    def ranked(self) -> list[EncoderName]:
        """Encoders, the best first."""
        return sorted(self.scores, key=lambda name: -self.scores[name].value)

    def differ(self, first: EncoderName, second: EncoderName) -> Difference:
        """The first one's score less the second one's.

        Without a paired interval the two encoders' own are combined as if they were
        independent (Zou and Donner 2008). They are not, both see the same rows: the
        interval is wider than it need be.
        """
        if (first, second) in self.paired:
            return Difference(first, second, *self.paired[first, second])
        if (second, first) in self.paired:
            value, low, high = self.paired[second, first]
            return Difference(first, second, -value, -high, -low)
        a, b = self.scores[first], self.scores[second]
        value = round(a.value - b.value, 2)
        low = value - hypot(a.value - a.low, b.high - b.value)
        high = value + hypot(a.high - a.value, b.value - b.low)
        return Difference(first, second, value, low, high)

    def pairs(self, pairs: Iterable[tuple[EncoderName, EncoderName]]) -> list[Difference]:
        """Differences of those pairs whose encoders are both here."""
        return [
            self.differ(first, second)
            for first, second in pairs
            if first in self.scores and second in self.scores
        ]

    def parts(self, name: EncoderName, without: str = "") -> str:
        """An encoder in words: its model, and what differs between the suite's encoders.

        Args:
            name: One of the suite's.
            without: What to leave out, because it is what is compared.
        """
        varying = [
            field
            for index, field in enumerate(ENCODER)
            if field == "model" or len({other[index] for other in self.scores}) > 1
        ]
        shown = [getattr(name, field) for field in varying if field != without]
        return ", ".join(filter(None, shown))


def read_paired(path: Path, column: str) -> dict[tuple[EncoderName, EncoderName], Score]:
    """Paired differences of one column of a suite's scores.

    Args:
        path: Table with `ENCODER`, `AGAINST`, task, difference, low, high.
        column: A task or `AVERAGE`.
    """
    names = dict.fromkeys([*ENCODER, *AGAINST, "task"], str)
    table = pd.read_csv(path, dtype=names, keep_default_na=False)
    table = table[table.task == column]
    firsts = map(EncoderName._make, table[ENCODER].itertuples(index=False))
    seconds = map(EncoderName._make, table[AGAINST].itertuples(index=False))
    values = table[["difference", "low", "high"]].astype(float).itertuples(index=False)
    return {
        (first, second): Score(*value)
        for first, second, value in zip(firsts, seconds, values, strict=True)
    }
