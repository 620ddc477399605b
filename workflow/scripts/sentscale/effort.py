"""The figure of cost: score of a suite against time and memory of the jobs that embedded it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sentscale.benchmarks import read_benchmark
from sentscale.callouts import name_points
from sentscale.figures import (
    Plot,
    canvas,
    key,
    legend_above,
    marker_size,
    plain_log_axis,
    share_axis,
)
from sentscale.lines import FULL, EncoderName
from sentscale.tables import ENCODER

COLUMNS = 2
# What is drawn against: column, label of the axis.
MEASURES = {
    "gpu_hours": "GPU-hours",
    "cpu_hours": "CPU-hours of jobs without a GPU",
    "memory_gb": "Peak memory of the process in GB",
}
# Height of each of several rows of panels, as a share of the style's.
_ROW = 0.8
_QUANTISED = {"markerfacecolor": "white", "markeredgewidth": 1.0}
_ADAPTED = {"markeredgecolor": "black", "markeredgewidth": 1.0}
# The cost axis spans at least such a factor, and has room on its sides, for names on the left.
_LEAST_SPAN, _LEFT, _RIGHT = 4.0, 0.2, 0.05
_FRONT = {"color": "0.35", "linewidth": 1, "linestyle": "-"}


def read_effort(folder: Path, table: pd.DataFrame, suite: str) -> pd.DataFrame:
    """What Snakemake measured of the embedding jobs of a suite, a row for each encoder.

    Args:
        folder: `results/benchmarks/embed_sentences`.
        table: Encoders.
        suite: What was embedded.

    Returns:
        The columns of `MEASURES` and the table's index; NaN where nothing was measured. A job
        has GPU-hours (time by GPUs) or, if it had none, CPU-hours (of all its cores); of a job
        that was stopped and went on, since then. Memory is of the host, not of a GPU. Without
        `benchmark-extended` nobody knows of GPUs, and a job has neither kind of hours.
    """
    names = map(EncoderName._make, table[ENCODER].itertuples(index=False))
    rows = [_measured(folder / name.place / f"{suite}.tsv") for name in names]
    return pd.DataFrame(rows, columns=list(MEASURES), index=table.index, dtype=float)


def _measured(path: Path) -> dict[str, float]:
    """Columns of `MEASURES` from a benchmark file; empty if there is none."""
    if not path.is_file():
        return {}
    job = read_benchmark(path)
    found = {"memory_gb": job.memory_gb}
    if job.gpus:
        found["gpu_hours"] = job.seconds * job.gpus / 3600
    elif job.gpus == 0:
        found["cpu_hours"] = job.cpu_seconds / 3600
    return found


def pareto_front(cost: np.ndarray, score: np.ndarray) -> list[int]:
    """Indices of what nothing else beats in both, cheapest first; of equals one."""
    front: list[int] = []
    for index in sorted(range(len(cost)), key=lambda i: (cost[i], -score[i])):
        if not front or score[index] > score[front[-1]]:
            front.append(index)
    return front


def plot_cost(table: pd.DataFrame, plot: Plot) -> Figure:
    """A panel for each measure: all encoders, the Pareto front, names of those on it.

    Args:
        table: `Plot.table` with the columns of `read_effort`.
        plot: What is shown.
    """
    shown = [name for name in MEASURES if table[name].notna().any()]
    figure, panels = canvas(plot.style, max(1, len(shown)), COLUMNS, row=_ROW)
    fronts = {}
    for axes, name in zip(panels, shown, strict=False):
        rows = table[table[name].notna()]
        for row in rows.itertuples():
            axes.plot(getattr(row, name), row.score, **_look(row, table, plot))
        front = rows.iloc[pareto_front(rows[name].to_numpy(), rows.score.to_numpy())]
        axes.step(front[name], front.score, where="post", zorder=1.5, **_FRONT)
        fronts[axes] = front[name], front, rows[name], rows.score
        axes.set_xlabel(MEASURES[name])
        if len(rows) < len(table):
            axes.set_title(f"{len(rows)} of {len(table)} encoders")
    if not shown:
        panels[0].set(xticks=[], yticks=[], xlabel="No job of this suite was measured.")
    for axes in fronts:
        _cost_axis(axes)
    share_axis(panels, "y", COLUMNS)
    figure.supylabel(plot.score_label, fontsize="medium")
    legend_above(figure, _keys(table, plot))
    for axes, (costs, front, *others) in fronts.items():
        points = list(zip(costs, front.score, strict=True))
        names = [_name(row, plot) for row in front.itertuples()]
        name_points(axes, points, names, list(zip(*others, strict=True)))
    return figure


def _cost_axis(axes: Axes) -> None:
    """A logarithmic axis in plain numbers, with room for names on the left of the front."""
    low, high = axes.dataLim.x0, axes.dataLim.x1
    spare = max(1.0, (_LEAST_SPAN / (high / low)) ** 0.5)
    span = high / low * spare**2
    plain_log_axis(axes, "x")
    axes.set_xlim(low / spare / span**_LEFT, high * spare * span**_RIGHT)
    axes.grid(axis="x", linewidth=0.4, alpha=0.6)


def _name(row: Any, plot: Plot) -> str:
    """Of a point: the size of the model, and what was done to it."""
    precision = "" if row.precision in FULL else row.precision
    return " ".join(filter(None, [plot.size(row.model), row.adapter, precision]))


def _look(row: Any, table: pd.DataFrame, plot: Plot) -> dict[str, Any]:
    """Colour of the family, marker of the representation, larger for a larger model."""
    families = list(dict.fromkeys(table.family))
    plain = row.precision in FULL and not row.adapter
    return {
        "linestyle": "none",
        "color": plot.style.look(families.index(row.family))["color"],
        "marker": plot.look(row.representation)["marker"],
        "markersize": marker_size(row.parameters, table.parameters),
        **({"markeredgewidth": 0.4, "markeredgecolor": "white"} if plain else {}),
        **({} if row.precision in FULL else _QUANTISED),
        **(_ADAPTED if row.adapter else {}),
    }


def _keys(table: pd.DataFrame, plot: Plot) -> list[Artist]:
    """What colour, marker, fill, edge and size stand for, as far as the table has it."""
    dot = {"marker": "o", "linestyle": "none", "color": "0.45"}
    families = list(dict.fromkeys(table.family))
    keys = [
        key(name, **(dot | {"color": plot.style.look(index)["color"]}))
        for index, name in enumerate(families)
    ]
    keys += [
        key(name, **(dot | {"marker": plot.look(name)["marker"]})) for name in plot.shown(table)
    ]
    if not table.precision.isin(FULL).all():
        keys.append(key("quantised", **dot, **_QUANTISED))
    if table.adapter.any():
        keys.append(key("with an adapter", **dot, **_ADAPTED))
    if table.parameters.nunique() > 1:
        ranked = table.sort_values("parameters")
        for row in (ranked.iloc[0], ranked.iloc[-1]):
            size = marker_size(row.parameters, table.parameters)
            keys.append(key(plot.size(row.model), **dot, markersize=size))
    return [*keys, key("best for its cost", **_FRONT)]
