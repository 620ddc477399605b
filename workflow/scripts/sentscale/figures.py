"""Figures, drawn from the tidy scores. One style for all of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sentscale.files import written_whole
from sentscale.tables import AVERAGE, suite_table

# Without them the same figure would differ in bytes from run to run.
_SAME_BYTES = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
# What a line of the scaling figure stands for.
LINE = ["representation", "family", "precision", "adapter"]
# Room left and right of the smallest and largest model, as a factor.
_MARGIN = 1.5
# Distance of neighbouring lines, and of the outermost ones at most, as shares of the axis.
_ASIDE, _ASIDE_IN_ALL = 0.02, 0.1
# Bars whose numbers stand side by side; more are turned.
_UPRIGHT = 14
_HATCHES = ["", "//", "..", "xx", "\\\\", "oo", "--", "++"]


@dataclass(frozen=True)
class Style:
    """Look of the figures: the section `figures.style` of config.yaml.

    Attributes:
        colours: One for each representation, in the order of the catalogue.
        markers: Likewise, so that a figure can be read in grey.
        width_in, height_in: Size in inches.
        font_pt: Size of the text in points.
    """

    colours: list[str]
    markers: list[str]
    width_in: float
    height_in: float
    font_pt: float

    def look(self, index: int) -> dict[str, str]:
        """Colour and marker of the representation or line of a number, from 0.

        When the colours are used up they begin again, each with the next marker, so
        that two with the same colour differ in their marker.
        """
        turn, colour = divmod(index, len(self.colours))
        marker = self.markers[(colour + turn) % len(self.markers)]
        return {"color": self.colours[colour], "marker": marker}


@dataclass(frozen=True)
class Plot:
    """What a figure shows.

    Attributes:
        suite: Name of the suite.
        tasks: Its tasks.
        metric: For example "spearman_all".
        models: Parameters and family of each model.
        representations: All of the catalogue, so that each keeps its colour.
        style: Look.
    """

    suite: str
    tasks: list[str]
    metric: str
    models: dict[str, dict[str, Any]]
    representations: list[str]
    style: Style

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Self:
        """From JSON; raises TypeError for a missing or unknown key."""
        return cls(**(settings | {"style": Style(**settings["style"])}))

    def look(self, representation: str) -> dict[str, str]:
        """Colour and marker of a representation, see `Style.look`."""
        return self.style.look(self.representations.index(representation))

    def hatch(self, representation: str) -> str:
        """Hatch of a representation's bars: another one for each with the same colour."""
        turn, colour = divmod(self.representations.index(representation), len(self.style.colours))
        return _HATCHES[(colour + turn) % len(_HATCHES)]

    @property
    def score_column(self) -> str:
        """Column of the suite table that is drawn."""
        return AVERAGE if len(self.tasks) > 1 else self.tasks[0]

    @property
    def score_label(self) -> str:
        """Label of the score axis, with its unit."""
        many = f"{self.suite}, mean of {len(self.tasks)} tasks"
        what = many if len(self.tasks) > 1 else self.tasks[0]
        kinds = {"spearman": "Spearman's ρ", "pearson": "Pearson's r", "accuracy": "Accuracy"}
        return f"{kinds[self.metric.partition('_')[0]]} × 100\n{what}"


def plot_scaling(scores: pd.DataFrame, plot: Plot) -> Figure:
    """Score of a suite against parameters, a line for each way of embedding.

    Error bars are the bootstrap intervals of `suite_table`. Encoders that miss a
    task of the suite are left out.
    """
    table = _complete(scores, plot)
    table["parameters"] = [plot.models[name]["parameters"] for name in table.model]
    table["family"] = [plot.models[name]["family"] for name in table.model]
    figure, axes = _canvas(plot.style)
    lines = list(table.groupby(LINE, sort=False))
    families = list(dict.fromkeys(table.family))
    shared = [column for column in LINE if table[column].nunique() == 1]
    sizes = sorted(set(table.parameters))
    span = np.log(sizes[-1] / sizes[0]) + 2 * np.log(_MARGIN)
    for index, (_, rows) in enumerate(lines):
        rows = rows.sort_values("parameters")
        first = rows.iloc[0]
        # Side by side, so that the intervals of one model do not hide each other.
        step = min(_ASIDE, _ASIDE_IN_ALL / len(lines))
        aside = np.exp(step * span * (index - (len(lines) - 1) / 2))
        score = rows[plot.score_column]
        axes.errorbar(
            rows.parameters * aside,
            score,
            yerr=_bars(rows, score),
            label=", ".join(
                first[column] for column in LINE if column not in shared and first[column]
            ),
            linestyle=["-", "--", "-.", ":"][families.index(first.family) % 4],
            capsize=2,
            elinewidth=0.8,
            fillstyle="none" if first.adapter else "full",
            **plot.look(first.representation),
        )
    axes.set_xscale("log")
    ticks = {short_count(size): size for size in sizes}
    axes.set_xticks(list(ticks.values()), list(ticks))
    axes.set_xticks([], minor=True)
    axes.set_xlim(sizes[0] / _MARGIN, sizes[-1] * _MARGIN)
    axes.set_xlabel("Parameters (log scale)")
    axes.set_ylabel(plot.score_label)
    axes.set_title(", ".join(name for name in table.iloc[0][shared] if name), loc="left")
    if len(lines) > 1:
        _legend(axes)
    return figure


def plot_representations(scores: pd.DataFrame, plot: Plot) -> Figure:
    """Score of a suite for each representation, grouped by model."""
    table = _complete(scores, plot)
    table["group"] = table[["model", "adapter", "precision"]].agg(
        lambda row: "\n".join(part for part in row if part), axis=1
    )
    groups = list(dict.fromkeys(table.group))
    shown = [name for name in plot.representations if name in set(table.representation)]
    figure, axes = _canvas(plot.style)
    width = 0.84 / len(shown)
    for index, name in enumerate(shown):
        rows = table[table.representation == name]
        places = [
            groups.index(group) + (index - (len(shown) - 1) / 2) * width for group in rows.group
        ]
        values = rows[plot.score_column]
        axes.bar(
            places,
            values,
            width=0.92 * width,
            yerr=_bars(rows, values),
            color=plot.look(name)["color"],
            hatch=plot.hatch(name),
            edgecolor="white",
            error_kw={"elinewidth": 0.8, "capsize": 2},
            label=name,
        )
        for place, high, value in zip(places, rows.high, values, strict=True):
            axes.annotate(
                f"{value:.1f}",
                (place, max(high, 0)),
                (0, 3),
                ha="center",
                rotation=90 if len(table) > _UPRIGHT else 0,
                textcoords="offset points",
                fontsize="small",
            )
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(groups)), groups)
    axes.margins(y=0.1)
    axes.set_ylabel(plot.score_label)
    _legend(axes)
    return figure


def _bars(rows: pd.DataFrame, score: pd.Series) -> np.ndarray:
    """Lengths down and up; a percentile interval may miss its point, a bar cannot."""
    return np.maximum([score - rows.low, rows.high - score], 0)


def _legend(axes: Axes) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)


def _complete(scores: pd.DataFrame, plot: Plot) -> pd.DataFrame:
    table = suite_table(scores, plot.tasks, plot.metric)
    table = table[table[plot.score_column].notna()].copy()
    if table.empty:
        raise ValueError(f"no encoder has a {plot.metric} score on all of {plot.tasks}")
    return table


def set_text(style: Style) -> None:
    """Size of all text, and names inside SVG files that are the same in every run."""
    plt.rcParams.update({"font.size": style.font_pt, "svg.hashsalt": "sentscale"})


def _canvas(style: Style) -> tuple[Figure, Axes]:
    set_text(style)
    figure, axes = plt.subplots(figsize=(style.width_in, style.height_in), layout="constrained")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def short_count(count: int) -> str:
    """A number of parameters as people write it: 135M, 1.3B."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if count >= 0.9995 * size:  # 999.6M would print as 1e+03M
            return f"{count / size:.3g}{letter}"
    return str(count)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format of its suffix, svg or pdf."""
    kind = path.suffix[1:]
    with written_whole(path) as part:
        figure.savefig(part, format=kind, metadata=_SAME_BYTES[kind])
