"""Resample a suite: every task once, for all encoders."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentscale.pairs import read_pairs
from sentscale.resampling import Counts, accuracy_draws, aggregated_draws, drawn_counts
from sentscale.samples import read_samples
from sentscale.store import FOLDERS
from sentscale.tables import read_score
from sentscale.transfer import Splits, labels, split

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]

# Scores are printed with two decimals; SentEval's mean of rounded numbers may be off by one more.
TOLERANCE = 0.011


@dataclass(frozen=True)
class Settings:
    """What the resamples of a suite depend on, beside files.

    Attributes:
        metric: For example "spearman_all".
        designs: How each task is scored.
        splits: folds, inner_folds and seed of the classifier's test sets.
        bootstrap: resamples, confidence and seed.
    """

    metric: str
    designs: dict[str, str]
    splits: dict[str, int]
    bootstrap: dict[str, Any]


def suite_draws(
    folder: Path, encoders: Sequence[str], tables: Sequence[Path], settings: Settings
) -> dict[str, Any]:
    """Resample every task of a suite for all encoders at once.

    Tasks are independent samples: each has draws of its own, from a seed with its name
    in it. A resample in which an encoder has no score, because its similarities happen
    to be all equal, is left out for all.

    Args:
        folder: Scores, `{encoder}/{task}.json` and `.npy`.
        encoders: model/adapter/precision/representation.
        tables: Of the tasks, `{task}.tsv`.
        settings: Metric, designs, splits, bootstrap.

    Returns:
        encoders, tasks, metric, bootstrap, how many resamples are kept, `points` of shape
        `(t, e)` and `resampled` of shape `(t, e, r)`.

    Raises:
        ValueError: No resample is left.
    """
    points, resampled = [], []
    for table in tables:
        task, paths = table.stem, [folder / encoder / table.stem for encoder in encoders]
        stored = [np.load(path.with_name(f"{task}.npy"), allow_pickle=False) for path in paths]
        scores = [read_score(path.with_name(f"{task}.json"))["scores"] for path in paths]
        printed = np.array([score[settings.metric]["value"] for score in scores])
        found = task_draws(stored, paths, table, settings)
        for path, value, recomputed in zip(paths, printed, found[:, 0], strict=True):
            if not abs(value - recomputed) < TOLERANCE:
                log.warning(
                    "%s.npy gives %s %.2f, but %s.json has %.2f, which is what tables show: was it"
                    " edited? Delete both to have them made anew",
                    path, settings.metric, recomputed, task, value,
                )  # fmt: skip
        points.append(printed)
        resampled.append(found[:, 1:])
    kept = np.isfinite(resampled).all(axis=(0, 1))
    if not kept.any():
        raise ValueError(f"{folder}: no resample in which every encoder has a score")
    return {
        "encoders": [dict(zip(FOLDERS, name.split("/"), strict=True)) for name in encoders],
        "tasks": [table.stem for table in tables],
        "metric": settings.metric,
        "bootstrap": settings.bootstrap,
        "kept": int(kept.sum()),
        "points": np.array(points),
        "resampled": np.array(resampled)[:, :, kept],
    }


def task_draws(
    stored: Sequence[NDArray[Any]], paths: Sequence[Path], table: Path, settings: Settings
) -> Floats:
    """Scores of one task, `(e, 1 + r)`: first with every row once, then on the resamples.

    Args:
        stored: Similarities or predicted classes of each encoder, shape `(n,)`.
        paths: Where they are from, for errors.
        table: The task's.
        settings: Metric, design, splits, bootstrap.
    """
    task, design = table.stem, settings.designs[table.stem]
    if design == "similarity":
        pairs = read_pairs(table)
        subset = np.array([pair.subset for pair in pairs])
        gold = np.array([pair.gold for pair in pairs])
        values, counts = _stacked(stored, paths, len(pairs)), _counts(subset, task, settings)
        aggregation = settings.metric.removeprefix("spearman_")
        return aggregated_draws(values, gold, subset, counts, aggregation)
    samples = read_samples(table)
    problems = split(samples, design, task, Splits(**settings.splits))
    tests = [problem.test for problem in problems]
    true = labels(samples)[np.concatenate(tests)]
    group = np.repeat(np.arange(len(tests)), list(map(len, tests)))
    hits = _stacked(stored, paths, len(true)) == true
    columns = [np.flatnonzero(group == number) for number in range(len(tests))]
    return accuracy_draws(hits, columns, _counts(group, task, settings))


def _stacked(stored: Sequence[NDArray[Any]], paths: Sequence[Path], rows: int) -> NDArray[Any]:
    for path, one in zip(paths, stored, strict=True):
        if one.shape != (rows,):
            raise ValueError(
                f"{path}.npy: shape {one.shape}, but the task has {rows} rows to score"
            )
    return np.stack(stored)


def _counts(groups: NDArray[Any], task: str, settings: Settings) -> Counts:
    """Every row once, then as often as it is drawn."""
    rng = np.random.default_rng([settings.bootstrap["seed"], *task.encode()])
    drawn = drawn_counts(groups, settings.bootstrap["resamples"], rng)
    return np.concatenate([np.ones((1, len(groups)), dtype=drawn.dtype), drawn])
