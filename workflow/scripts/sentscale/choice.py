"""The choice of a demonstration: how good is each candidate, and how sure is the best?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentscale.demonstrations import Demonstration
from sentscale.pairs import Pair
from sentscale.resampling import drawn_counts, spearman_draws, tails
from sentscale.sts import spearman

Floats = NDArray[np.floating]

# Candidates that a choice tells of; more shots are taken from them.
TOLD = 10


def development_scores(similarity: Floats, tasks: Sequence[Sequence[Pair]]) -> Floats:
    """Mean over the tasks of Spearman's rho x 100, all pairs of a task ranked together.

    Args:
        similarity: Of the pairs of all tasks side by side, shape `(..., n)`.
        tasks: Their pairs, with what people said.

    Returns:
        Shape `(...)`; NaN where a side is constant, so that rho is undefined.
    """
    rhos, start = [], 0
    for task in tasks:
        gold = np.array([pair.gold for pair in task])
        part = similarity[..., start : start + len(task)]
        rhos.append(spearman(part, np.broadcast_to(gold, part.shape)))
        start += len(task)
    return 100 * np.mean(rhos, axis=0)


def best_of(scores: Sequence[float]) -> list[int]:
    """Indices of the candidates, best first, by scores rounded to 2 decimals.

    The original logs 2 decimals and has no rule for a tie: here, the first in the list.
    """
    return sorted(range(len(scores)), key=lambda i: (-round(scores[i], 2), i))


def resampled_scores(
    similarity: Floats, tasks: Sequence[Sequence[Pair]], resamples: int, seed: int
) -> NDArray[np.float64]:
    """`development_scores` of each candidate on the same bootstrap resamples of the pairs.

    Pairs are drawn within each subset, as in `sts.py`.

    Args:
        similarity: Shape `(c, n)`.
        tasks: As in `development_scores`.
        resamples: How many.
        seed: Of the drawing.

    Returns:
        Shape `(c, resamples)`; NaN where a side of a resample is constant.
    """
    rng = np.random.default_rng(seed)
    total, start = np.zeros((len(similarity), resamples)), 0
    for task in tasks:
        subset = np.array([pair.subset for pair in task])
        gold = np.array([pair.gold for pair in task])
        counts = drawn_counts(subset, resamples, rng)
        total += spearman_draws(similarity[:, start : start + len(task)], gold, counts)
        start += len(task)
    return 100 * total / len(tasks)


def choose(
    candidates: Sequence[Demonstration], scores: Sequence[float], zero_shot: float
) -> dict[str, Any]:
    """The best candidate and the ten best.

    Args:
        candidates: `c` of them.
        scores: Of `development_scores`, one for each.
        zero_shot: Score without a demonstration.

    Returns:
        `margin` is the distance to the second in printed scores, None if there is none;
        `better` counts the candidates above `zero_shot`, in printed scores too. Lines count from 1.

    Raises:
        ValueError: A score is undefined: its similarities are all equal, or people's are.
    """
    for one, score in zip(candidates, scores, strict=True):
        if not np.isfinite(score):
            raise ValueError(
                f"score of demonstration {one.sentence!r} is undefined: one side is constant"
            )
    ranking = [
        {
            "line": row + 1,
            "sentence": candidates[row].sentence,
            "word": candidates[row].word,
            "score": float(scores[row]),
        }
        for row in best_of(scores)[:TOLD]
    ]
    best = ranking[0]
    second = ranking[1]["score"] if len(ranking) > 1 else None
    return {
        "demonstration": {key: best[key] for key in ("line", "sentence", "word")},
        "score": best["score"],
        "margin": None if second is None else round(round(best["score"], 2) - round(second, 2), 2),
        "candidates": len(candidates),
        "zero_shot": zero_shot,
        "better": sum(round(score, 2) > round(zero_shot, 2) for score in scores),
        "ranking": ranking,
    }


def score_table(
    candidates: Sequence[Demonstration],
    similarity: Floats,
    tasks: Sequence[Sequence[Pair]],
    bootstrap: dict[str, Any],
) -> pd.DataFrame:
    """How sure the score of each candidate is, in the order of the list.

    Args:
        candidates: `c` of them.
        similarity: Shape `(c, n)`.
        tasks: As in `development_scores`.
        bootstrap: resamples, confidence and seed.

    Returns:
        Columns line (in the list, from 1), sentence, word, origin, score, low and high
        (bootstrap interval), rank, and chance: the share of resamples in which the
        candidate would be the choice. Resamples without a score, because a side happens
        to be constant, do not count.
    """
    scores = development_scores(similarity, tasks)
    resampled = resampled_scores(similarity, tasks, bootstrap["resamples"], bootstrap["seed"])
    resampled = resampled[:, np.isfinite(resampled).all(axis=0)]
    low, high = np.percentile(resampled, tails(bootstrap["confidence"]), axis=1)
    winners = np.round(resampled, 2).argmax(axis=0)
    ranks = np.empty(len(scores), dtype=int)
    ranks[best_of(scores)] = np.arange(1, len(scores) + 1)
    return pd.DataFrame(
        {
            "line": range(1, len(scores) + 1),
            "sentence": [one.sentence for one in candidates],
            "word": [one.word for one in candidates],
            "origin": [one.origin for one in candidates],
            "score": scores,
            "low": low,
            "high": high,
            "rank": ranks,
            "chance": np.bincount(winners, minlength=len(scores)) / resampled.shape[1],
        }
    )
