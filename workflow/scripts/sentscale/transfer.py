"""Transfer tasks: how rows are split, and scores from a classifier's predictions.

The splits are SentEval's; docs/protocol.md, section 4, says where each number is from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from sentscale.resampling import tails
from sentscale.samples import Sample
from sentscale.sts import Interval
from sentscale.tasks import Design

Rows = NDArray[np.intp]
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Problem:
    """One test set, and how the regularisation is chosen for it.

    Attributes:
        task: Whose, for errors.
        train: Rows of the classifier that is tested.
        test: Rows that it is tested on.
        folds: Rows to train and to validate on, for each fold of the search.
        dev: Rows that stop the tested classifier early; None for a part of `train`.
    """

    task: str
    train: Rows
    test: Rows
    folds: list[tuple[Rows, Rows]]
    dev: Rows | None = None


@dataclass(frozen=True)
class Outcome:
    """What a classifier made of a problem.

    Attributes:
        predicted: Class of each test row.
        chosen: Regularisation that was chosen.
        searched: Accuracy x 100 in the search, for each regularisation.
    """

    predicted: NDArray[np.intp]
    chosen: float
    searched: dict[float, float]


def features(
    vectors: NDArray[np.float32], samples: Sequence[Sample], row: dict[str, int], task: str
) -> NDArray[np.float32]:
    """What a classifier sees of each sample, shape `(n, d)`, or `(n, 2 d)` for pairs.

    Args:
        vectors: Of all sentences of the suite, `(m, d)`; may be mapped from a file.
        samples: Of the task, `n`.
        row: Row of each sentence in `vectors`.
        task: For errors.

    Raises:
        ValueError: A feature is not finite: names the sentence; or is the same for
            all samples: the encoder does not look at its input.
    """
    sides = [
        vectors[[row[sample.sentences[side]] for sample in samples]]
        for side in range(len(samples[0].sentences))
    ]
    found = sides[0]
    if len(sides) == 2:
        found = np.concatenate([np.abs(sides[0] - sides[1]), sides[0] * sides[1]], axis=1)
    bad = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if bad.size:
        sentence = " | ".join(samples[bad[0]].sentences)
        raise ValueError(f"task {task}: a feature of {sentence!r} is not a finite number")
    constant = np.flatnonzero((found == found[0]).all(axis=0))
    if constant.size:
        raise ValueError(
            f"task {task}: feature {constant[0]} is {found[0, constant[0]]} for all {len(found)}"
            " samples; an encoder that reads its input gives no such vectors"
        )
    return found


@dataclass(frozen=True)
class Splits:
    """How a classifier's settings say that rows are split.

    Attributes:
        folds: Test sets of a nested design.
        inner_folds: Of the search.
        seed: Of both, and of all else that is drawn.
    """

    folds: int
    inner_folds: int
    seed: int


def split(samples: Sequence[Sample], design: Design, task: str, splits: Splits) -> list[Problem]:
    """Test sets of a task with the folds of their search.

    Args:
        samples: In canonical order.
        design: nested: `folds` test sets, each with a search in `inner_folds` of its
            training rows. folds: one test set, search in `inner_folds` of train.
            dev: one test set, search on the dev set.
        task: For errors.
        splits: Numbers of folds, and their seed.

    Raises:
        ValueError: A class has fewer rows than there are folds. Names the task.
    """
    y, everything = labels(samples), np.arange(len(samples))
    subset = np.array([sample.subset for sample in samples])
    if design == "nested":
        outer = _stratified(everything, y, splits.folds, splits.seed, task)
    else:
        outer = [(everything[subset == "train"], everything[subset == "test"])]
    if design == "dev":
        ((train, test),) = outer
        dev = everything[subset == "dev"]
        return [Problem(task, train, test, [(train, dev)], dev)]
    inner = splits.inner_folds
    return [
        Problem(task, train, test, _stratified(train, y, inner, splits.seed, task))
        for train, test in outer
    ]


def labels(samples: Sequence[Sample]) -> Rows:
    """Class of each sample, shape `(n,)`."""
    return np.array([sample.label for sample in samples])


def _stratified(rows: Rows, y: Rows, folds: int, seed: int, task: str) -> list[tuple[Rows, Rows]]:
    counts = np.bincount(y[rows])
    if counts.min() < folds:
        raise ValueError(
            f"task {task}: class {counts.argmin()} has {counts.min()} rows to train on,"
            f" too few for {folds} folds"
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return [(rows[train], rows[held]) for train, held in splitter.split(rows, y[rows])]


def transfer_scores(
    samples: Sequence[Sample],
    problems: Sequence[Problem],
    outcomes: Sequence[Outcome],
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> tuple[dict[str, Interval], list[dict[str, Any]]]:
    """Accuracy of a task, times 100; for pairs also F1 of class 1.

    Each test set's score is rounded to 2 decimals before the mean, as SentEval does.
    The interval is the percentile bootstrap (Efron 1979) over the samples of each
    test set: it tells how far other test sentences would move the score, not how
    far other training rows would.

    Args:
        samples: Of the task.
        problems: Test sets.
        outcomes: What was predicted for them.
        resamples: Bootstrap resamples.
        confidence: Level of the interval, for example 0.95.
        seed: Of the resampling.

    Returns:
        Scores by name, and the same of each test set, with what was chosen there.
    """
    rng = np.random.default_rng(seed)
    y, metrics = labels(samples), dict(METRICS)
    if len(samples[0].sentences) == 1:
        del metrics["f1"]
    tests: list[dict[str, Any]] = []
    draws: list[list[Floats]] = []
    for problem, outcome in zip(problems, outcomes, strict=True):
        true, predicted = y[problem.test], outcome.predicted
        drawn = rng.integers(len(true), size=(resamples, len(true)))
        points = {
            name: round(float(100 * score(true, predicted)), 2) for name, score in metrics.items()
        }
        tests.append(points | {"chosen": outcome.chosen, "searched": outcome.searched})
        draws.append([100 * score(true[drawn], predicted[drawn]) for score in metrics.values()])
    found = {}
    for name, drawn in zip(metrics, np.mean(draws, axis=0), strict=True):
        low, high = np.percentile(drawn, tails(confidence))
        found[name] = Interval(mean_percent([one[name] for one in tests]), float(low), float(high))
    return found, tests


def mean_percent(values: Sequence[float]) -> float:
    """Mean, rounded to 2 decimals as NumPy does: Python's `round` differs in 2 % of cases."""
    return float(np.round(np.mean(values), 2))


def accuracy(true: Rows, predicted: Rows) -> Floats:
    """Share of hits along the last axis."""
    return (true == predicted).mean(axis=-1)


def f1(true: Rows, predicted: Rows) -> Floats:
    """F1 of class 1 along the last axis; 0 where there is no such class on either side."""
    hits = ((true == 1) & (predicted == 1)).sum(axis=-1)
    of_either = (true == 1).sum(axis=-1) + (predicted == 1).sum(axis=-1)
    return 2 * hits / np.maximum(of_either, 1)


METRICS: dict[str, Callable[[Rows, Rows], Floats]] = {"accuracy": accuracy, "f1": f1}
