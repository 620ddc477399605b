"""Differences between encoders, from scores on resamples that they share."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from sentscale.draws import Draws
from sentscale.questions import Catalogue, instead, questions
from sentscale.tables import ENCODER

AGAINST = [f"against_{name}" for name in ENCODER]
DIFFERENCE_COLUMNS = [*ENCODER, *AGAINST, "task", "difference", "low", "high", "reversed"]
# Differences that arithmetic leaves of equal scores.
_NOTHING = 1e-9


def compare(draws: Draws, pairs: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """What encoders score above others, task by task: the paired bootstrap (Efron 1979).

    Args:
        draws: Scores on shared resamples.
        pairs: Rows of `draws.encoders`, the second one is subtracted.

    Returns:
        A row for each pair and column of scores. `difference` is that of printed
        scores, `low` and `high` bound its interval. `reversed` is the share of
        resamples in which the encoder that scores lower on the whole task scores
        higher; those with equal scores count half; NaN if the printed scores are equal.
    """
    rows = []
    for first, second in pairs:
        difference = np.round(draws.points[:, first] - draws.points[:, second], 2)
        resampled = draws.resampled[:, first] - draws.resampled[:, second]  # (t, r)
        low, high = np.percentile(resampled, draws.tails, axis=1)
        against = resampled * np.sign(difference)[:, None]
        equal = np.abs(against) < _NOTHING
        share = ((against < 0) & ~equal).mean(axis=1) + equal.mean(axis=1) / 2
        share = np.where(difference == 0, np.nan, share)
        for cells in zip(draws.columns, difference, low, high, share, strict=True):
            rows.append([*draws.encoders[first], *draws.encoders[second], *cells])
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)


def all_differences(draws: Draws) -> pd.DataFrame:
    """`compare` of every encoder with every later one."""
    return compare(draws, list(combinations(range(len(draws.encoders)), 2)))


def comparison_table(draws: Draws, catalogue: Catalogue) -> pd.DataFrame:
    """Comparisons that answer a question: see `questions.questions`.

    Returns:
        Columns "changed", `ENCODER`, "against" (what the other encoder has instead),
        the differences of each task, and of the last column "low", "high" and
        "reversed" as in `compare`.
    """
    place = {one: number for number, one in enumerate(draws.encoders)}
    scores = dict(zip(draws.encoders, draws.points[-1], strict=True))
    chosen = list(questions(scores, catalogue))
    found = compare(draws, [(place[first], place[second]) for _, first, second in chosen])
    wide = found.difference.to_numpy(float).reshape(len(chosen), len(draws.columns))
    last = found[found.task == draws.columns[-1]].reset_index(drop=True)
    table = pd.DataFrame([first for _, first, _ in chosen], columns=ENCODER)
    table.insert(0, "changed", [what for what, _, _ in chosen])
    table["against"] = [instead(first, second) for _, first, second in chosen]
    table[draws.columns] = wide
    return pd.concat([table, last[["low", "high", "reversed"]]], axis=1)
