"""Scores on bootstrap resamples, of many encoders on the same ones.

A resample is kept as how often each pair or sample was drawn, so that it is drawn once
for all encoders, a suite at a time: their differences are paired. A score's own interval
was made with the score, on resamples of its own (`sts.sts_scores`, `transfer`).
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Counts = NDArray[np.int32]

# Resamples handled at once: what is computed stays in the processor's cache.
RESAMPLES_AT_ONCE = 32


def tails(confidence: float) -> list[float]:
    """Percentiles that bound an interval of a level such as 0.95."""
    tail = 100 * (1 - confidence) / 2
    return [tail, 100 - tail]


def drawn_counts(
    groups: NDArray[np.str_] | NDArray[np.intp], resamples: int, rng: np.random.Generator
) -> Counts:
    """How often each row is drawn in each resample, shape `(resamples, n)`.

    Rows are drawn anew within each group: a task's subsets and a classifier's test
    sets are fixed, their rows a sample.

    Args:
        groups: Group of each row, shape `(n,)`.
        resamples: How many.
        rng: Draws group after group, in the order of their first rows.
    """
    counts = np.empty((resamples, len(groups)), dtype=np.int32)
    for name in dict.fromkeys(groups.tolist()):
        rows = np.flatnonzero(groups == name)
        counts[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), resamples)
    return counts


def spearman_draws(values: Floats, gold: Floats, counts: Counts) -> NDArray[np.float64]:
    """Spearman's rho of each encoder on each resample.

    An average rank is the number of drawn rows below, and half of the equal ones. Each
    side is sorted once; a resample is only counted along that order.

    Args:
        values: A row for each encoder, shape `(e, n)`.
        gold: What they are compared with, shape `(n,)`.
        counts: Of `drawn_counts`, shape `(r, n)`.

    Returns:
        Shape `(e, r)`; NaN where a side of a resample is constant.
    """
    orders = [_order(row) for row in values]
    gold_order = _order(gold)
    found = np.empty((len(values), len(counts)))
    for start in range(0, len(counts), RESAMPLES_AT_ONCE):
        drawn = counts[start : start + RESAMPLES_AT_ONCE]
        gold_ranks = _centred_ranks(gold_order, drawn)
        weighted_gold = drawn * gold_ranks
        gold_spread = np.vecdot(weighted_gold, gold_ranks)
        for encoder, order in enumerate(orders):
            ranks = _centred_ranks(order, drawn)
            spread = np.vecdot(drawn * ranks, ranks)
            with np.errstate(invalid="ignore"):
                rho = np.vecdot(weighted_gold, ranks) / np.sqrt(spread * gold_spread)
            found[encoder, start : start + len(drawn)] = rho
    return found


def _order(values: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Rows in rising order; for each row how many values are below, and how many are not above."""
    order = np.argsort(values)
    rising = values[order]
    return order, np.searchsorted(rising, values), np.searchsorted(rising, values, side="right")


def _centred_ranks(
    order: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]], drawn: Counts
) -> NDArray[np.float64]:
    """Average ranks less their mean, times 2: whole numbers, shape `(r, n)`."""
    rising, below, up_to = order
    counted = np.zeros((len(drawn), drawn.shape[1] + 1), dtype=np.int32)
    # Whole numbers of 32 bits are added up eight times as fast as fractions of 64.
    np.cumsum(drawn.take(rising, axis=1), axis=1, out=counted[:, 1:])
    ranks = counted.take(below, axis=1) + counted.take(up_to, axis=1)
    return (ranks - counted[:, -1:]).astype(np.float64)


def aggregated_draws(
    values: Floats,
    gold: Floats,
    subset: NDArray[np.str_],
    counts: Counts,
    aggregation: Literal["all", "mean", "wmean"],
) -> NDArray[np.float64]:
    """An STS task's score x 100 of each encoder on each resample, as `sts.sts_scores` has it.

    Args:
        values: Cosine similarities, shape `(e, n)`.
        gold: Human scores, shape `(n,)`.
        subset: Name of each pair's subset, shape `(n,)`.
        counts: Of `drawn_counts`, shape `(r, n)`.
        aggregation: all ranks the pairs of all subsets together; mean averages the
            subsets; wmean weights them by their pairs.

    Returns:
        Shape `(e, r)`; NaN where a side of a resample is constant.
    """
    if aggregation == "all":
        return 100 * spearman_draws(values, gold, counts)
    groups = [np.flatnonzero(subset == name) for name in dict.fromkeys(subset.tolist())]
    parts = [spearman_draws(values[:, rows], gold[rows], counts[:, rows]) for rows in groups]
    weights = [1 if aggregation == "mean" else len(rows) for rows in groups]
    return 100 * np.average(parts, axis=0, weights=weights)


def accuracy_draws(
    hits: NDArray[np.bool_], tests: Sequence[NDArray[np.intp]], counts: Counts
) -> NDArray[np.float64]:
    """Accuracy x 100 of each encoder on each resample, the mean over the test sets.

    Args:
        hits: Whether each test sample was classified right, shape `(e, n)`.
        tests: Columns of each test set.
        counts: Of `drawn_counts`, shape `(r, n)`.

    Returns:
        Shape `(e, r)`.
    """
    parts = [
        hits[:, columns].astype(float) @ counts[:, columns].T.astype(float) / len(columns)
        for columns in tests
    ]
    return 100 * np.mean(parts, axis=0)
