"""What Snakemake measured of a job."""

import ast
import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Measured:
    """One job; NaN where it ended before it was measured.

    Attributes:
        seconds: Wall time; of a job that was stopped and went on, since then.
        cpu_seconds: Of all its cores together.
        memory_gb: Peak of the process, not of a GPU.
        gpus: That it asked for; None without `benchmark-extended`, which tells.
    """

    seconds: float
    cpu_seconds: float
    memory_gb: float
    gpus: int | None


def read_benchmark(path: Path) -> Measured:
    """The last line of a benchmark file.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It has no line, or one that is cut short.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    if not rows:
        raise ValueError(f"{path}: no line under the names of the columns")
    row = rows[-1]
    try:
        asked: dict[str, Any] = ast.literal_eval(row.get("resources") or "{'devices': None}")
        seconds, cpu_seconds, mib = (_number(row[name]) for name in ("s", "cpu_time", "max_rss"))
    except (KeyError, SyntaxError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a whole benchmark of Snakemake: {row}") from error
    return Measured(seconds, cpu_seconds, mib * 2**20 / 1e9, asked.get("devices", 0))


def _number(text: str) -> float:
    """A number; Snakemake writes NA, - or 0 where a job ended before it was measured."""
    return float("nan") if text in ("NA", "-", "") else float(text) or float("nan")
