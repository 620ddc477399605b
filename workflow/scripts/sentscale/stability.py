"""How far the tasks of a suite agree on which encoder is better."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau, rankdata

from sentscale.draws import Draws
from sentscale.lines import size_lines
from sentscale.tables import AVERAGE, ENCODER

Floats = NDArray[np.floating]

# Two encoders are in the same order or not: no concordance to speak of.
LEAST_ENCODERS = 3


def concordance(scores: Floats) -> Floats:
    """Kendall's W of tasks that rank encoders: 1 if all agree, about 1 / tasks if by chance.

    The variance between the encoders' mean ranks, as a share of the mean variance within
    a task. Kendall and Babington Smith's (1939) formula with its correction for ties is
    the same number.

    Args:
        scores: Of each task and encoder, shape `(t, e, ...)`.

    Returns:
        Shape `(...)`; NaN where every task scores all encoders the same.
    """
    ranks = rankdata(scores, axis=1)
    within = ranks.var(axis=1).mean(axis=0)
    with np.errstate(invalid="ignore"):
        return ranks.mean(axis=0).var(axis=0) / np.where(within == 0, np.nan, within)


def rank_table(draws: Draws) -> pd.DataFrame:
    """Rank of each encoder on each task, the best is 1; equal scores share the better rank.

    Returns:
        Columns `ENCODER`, the tasks and their average; "best" and "worst" bound the
        interval of the last column's rank, "first" is the share of resamples in which
        the encoder leads in it. Rows by the last column.
    """
    ranks = rankdata(-draws.points, method="min", axis=1).astype(int)
    table = pd.DataFrame(draws.encoders, columns=ENCODER)
    table[draws.columns] = ranks.T
    resampled = rankdata(-draws.resampled[-1], method="min", axis=0).astype(int)  # (e, r)
    # Of whole numbers: a rank between two ranks is none.
    best, worst = np.percentile(resampled, draws.tails, axis=1, method="nearest")
    table["best"], table["worst"] = best, worst
    table["first"] = (resampled == 1).mean(axis=1)
    return table.sort_values(draws.columns[-1], kind="stable", ignore_index=True)


def stability_table(draws: Draws, parameters: Mapping[str, int]) -> pd.DataFrame:
    """Kendall's W of all encoders, and of the models in each setting that has three.

    Noise of the test pairs shuffles ranks, which lowers W, and a resample shuffles them
    once more. So the interval is the basic bootstrap's (Davison and Hinkley 1997, 5.2.1):
    what resamples fall short of W is added to it.

    Args:
        draws: Of a suite with two tasks or more.
        parameters: Of each model.

    Returns:
        Columns "encoders" (which), "count", "W" with "low" and "high" of its interval,
        and for each task Kendall's tau-b of its scores with the mean ranks in the others.
    """
    encoders = draws.encoders
    groups = {"all": list(range(len(encoders)))}
    for line in size_lines(encoders, dict.fromkeys(parameters, ""), parameters):
        name = ", ".join(filter(None, (line.representation, line.precision, line.adapter)))
        groups[name] = [encoders.index(one) for one in line.encoders]
    tasks = [name for name in draws.columns if name != AVERAGE]
    rows = []
    for name, members in groups.items():
        if len(members) < LEAST_ENCODERS or (name != "all" and len(members) == len(encoders)):
            continue
        points = draws.points[: len(tasks), members]
        value = float(concordance(points))
        resampled = concordance(draws.resampled[: len(tasks), members])
        low, high = np.clip(2 * value - np.nanpercentile(resampled, draws.tails)[::-1], 0, 1)
        rows.append([name, len(members), value, low, high, *_agreement(points)])
    return pd.DataFrame(rows, columns=["encoders", "count", "W", "low", "high", *tasks])


def _agreement(points: Floats) -> list[float]:
    ranks = rankdata(points, axis=1)
    others = (ranks.sum(axis=0) - ranks) / (len(points) - 1)
    pairs = zip(points, others, strict=True)
    return [float(kendalltau(task, other).statistic) for task, other in pairs]
