"""STS scores: Spearman and Pearson over pairs, with bootstrap intervals."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from sentscale.resampling import tails

Floats = NDArray[np.floating]

AGGREGATIONS = ("all", "mean", "wmean")
# Resamples handled at once: bounds the memory at some 100 MB for 5,000 pairs.
RESAMPLES_AT_ONCE = 250


@dataclass(frozen=True)
class Interval:
    """A score times 100 with its bootstrap interval."""

    value: float
    low: float
    high: float


def cosine_rows(left: Floats, right: Floats) -> NDArray[np.float64]:
    """Cosine similarity of each row of `left` with the same row of `right`.

    Args:
        left: Vectors, shape `(n, d)`.
        right: Vectors, shape `(n, d)`.

    Returns:
        Similarities in [-1, 1], shape `(n,)`.

    Raises:
        ValueError: A vector is not finite or has length zero. Names its row.
    """
    left, right = left.astype(np.float64), right.astype(np.float64)
    norms = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    bad = np.flatnonzero(~(np.isfinite(norms) & (norms > 0)))
    if bad.size:
        raise ValueError(f"pair {bad[0]}: a vector is not finite or has length zero")
    return np.clip((left * right).sum(axis=1) / norms, -1, 1)


def correlation(a: Floats, b: Floats) -> Floats:
    """Pearson's r along the last axis; NaN where a side is constant."""
    constant = (np.ptp(a, axis=-1) == 0) | (np.ptp(b, axis=-1) == 0)
    a = a - a.mean(axis=-1, keepdims=True)
    b = b - b.mean(axis=-1, keepdims=True)
    variance = (a * a).sum(axis=-1) * (b * b).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        # The mean of equal numbers can be off in the last bit: their r would be made up.
        return np.where(constant, np.nan, (a * b).sum(axis=-1) / np.sqrt(variance))


def spearman(a: Floats, b: Floats) -> Floats:
    """Spearman's rho along the last axis: Pearson's r of average ranks."""
    return correlation(rankdata(a, axis=-1), rankdata(b, axis=-1))


METRICS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "spearman": spearman,
    "pearson": correlation,
}


def sts_scores(
    predicted: Floats,
    gold: Floats,
    subset: NDArray[np.str_],
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> tuple[dict[str, Interval], dict[str, dict[str, float]]]:
    """All scores of one STS task, times 100 as the paper prints them.

    "all" ranks the pairs of all subsets together: the setting of SimCSE (Gao et al.
    2021, appendix B), which the paper follows. "mean" averages the subsets, as
    SentEval does by default, "wmean" weights them by their number of pairs; both
    are not comparable with "all".

    The interval is the percentile bootstrap (Efron 1979) over pairs. Pairs are
    drawn anew within each subset: a task's subsets are fixed, their pairs a sample.
    It is made with the score, for this encoder alone; what is said of several encoders
    is counted on other resamples, which they share (`resampling`).

    Args:
        predicted: Cosine similarities, shape `(n,)`.
        gold: Human scores, shape `(n,)`.
        subset: Name of each pair's subset, shape `(n,)`.
        resamples: Bootstrap resamples.
        confidence: Level of the interval, for example 0.95.
        seed: Of the resampling.

    Returns:
        Scores by `{metric}_{aggregation}`, and by subset and metric.

    Raises:
        ValueError: The shapes differ, a value is not finite, or a side is
            constant, so that the score is undefined.
    """
    _check(predicted, gold, subset)
    groups = {str(name): np.flatnonzero(subset == name) for name in dict.fromkeys(subset)}
    points = _aggregate(predicted[None], gold[None], list(groups.values()))
    draws = _bootstrap(predicted, gold, list(groups.values()), resamples, seed)
    scores = {}
    for name, point in points.items():
        # A resample in which a side happens to be constant has no score.
        low, high = np.nanpercentile(draws[name], tails(confidence))
        scores[name] = Interval(float(point[0]), float(low), float(high))
    per_subset = {
        name: {
            metric: 100 * float(score(predicted[rows], gold[rows]))
            for metric, score in METRICS.items()
        }
        | {"pairs": len(rows)}
        for name, rows in groups.items()
    }
    return scores, per_subset


def _check(predicted: Floats, gold: Floats, subset: NDArray[np.str_]) -> None:
    if not predicted.shape == gold.shape == subset.shape or predicted.ndim != 1:
        raise ValueError(f"shapes differ: {predicted.shape}, {gold.shape}, {subset.shape}")
    for name, values in (("predicted", predicted), ("gold", gold)):
        if not np.isfinite(values).all():
            first = np.flatnonzero(~np.isfinite(values))[0]
            raise ValueError(f"{name}: value {first} is not finite")
        for one in map(str, dict.fromkeys(subset)):
            if np.ptp(values[subset == one]) == 0:
                raise ValueError(
                    f"{name} scores of subset {one!r} are constant; no correlation is defined"
                )


def _aggregate(
    predicted: Floats, gold: Floats, groups: list[NDArray[np.intp]]
) -> dict[str, Floats]:
    """Every metric and aggregation of resamples, shape `(r, n)` -> `(r,)`, times 100."""
    sizes = [len(rows) for rows in groups]
    found = {}
    for metric, score in METRICS.items():
        per_group = np.stack([score(predicted[:, rows], gold[:, rows]) for rows in groups], axis=-1)
        together = score(predicted, gold) if len(groups) > 1 else per_group[:, 0]
        found[f"{metric}_all"] = 100 * together
        found[f"{metric}_mean"] = 100 * per_group.mean(axis=-1)
        found[f"{metric}_wmean"] = 100 * np.average(per_group, axis=-1, weights=sizes)
    return found


def _bootstrap(
    predicted: Floats, gold: Floats, groups: list[NDArray[np.intp]], resamples: int, seed: int
) -> dict[str, Floats]:
    rng = np.random.default_rng(seed)
    chunks: list[dict[str, Floats]] = []
    for start in range(0, resamples, RESAMPLES_AT_ONCE):
        count = min(RESAMPLES_AT_ONCE, resamples - start)
        drawn = np.empty((count, len(predicted)), dtype=np.intp)
        for rows in groups:
            drawn[:, rows] = rng.choice(rows, size=(count, len(rows)))
        chunks.append(_aggregate(predicted[drawn], gold[drawn], groups))
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
