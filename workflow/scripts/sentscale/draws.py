"""Scores of all encoders of a suite on the same bootstrap resamples of its tasks.

All that is said of two or more encoders at once is counted on them: differences, trends, ranks.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentscale.files import check_sha256, read_json, sha256_of, write_array, write_json
from sentscale.lines import EncoderName
from sentscale.resampling import tails
from sentscale.tables import AVERAGE

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Draws:
    """Scores x 100 of a suite, as they are and on resamples that all encoders share.

    Attributes:
        encoders: `e` of them; adapter is empty for a model as it comes.
        columns: The tasks and, of more than one, `AVERAGE`: `t` in all.
        points: As printed, with two decimals, shape `(t, e)`.
        resampled: Shape `(t, e, r)`.
        bootstrap: resamples, confidence and seed.
    """

    encoders: list[EncoderName]
    columns: list[str]
    points: Floats
    resampled: Floats
    bootstrap: dict[str, Any]

    @property
    def tails(self) -> list[float]:
        """Percentiles that bound the interval."""
        return tails(self.bootstrap["confidence"])


def write_draws(path: Path, about: Path, found: dict[str, Any]) -> None:
    """Write what `suite_draws` gives: `resampled` as npy, all else beside it."""
    write_array(path, found["resampled"])
    told = found | {"points": found["points"].tolist(), "sha256": sha256_of(path)}
    del told["resampled"]
    write_json(about, told)


def read_draws(path: Path, about: Path) -> Draws:
    """Read what `write_draws` wrote, with the average of the tasks.

    The average is that of printed scores, and on resamples that of the tasks' own.

    Raises:
        ValueError: The two files are not from the same run.
    """
    told = read_json(about)
    check_sha256(path, told["sha256"])
    resampled = np.load(path, allow_pickle=False)
    points, columns = np.round(told["points"], 2), told["tasks"]
    if len(columns) > 1:
        columns = [*columns, AVERAGE]
        points = np.vstack([points, np.round(points.mean(axis=0), 2)])
        resampled = np.concatenate([resampled, resampled.mean(axis=0, keepdims=True)])
    encoders = [EncoderName.of(**name) for name in told["encoders"]]
    return Draws(encoders, columns, points, resampled, told["bootstrap"])
