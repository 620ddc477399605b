"""The figure of scaling: score of a suite against the size of the models."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sentscale.figures import (
    MARKER_PT,
    Plot,
    canvas,
    key,
    legend_above,
    separate_ticks,
    share_axis,
)
from sentscale.lines import FULL
from sentscale.panels import STEP, Panel, panels_of, spans
from sentscale.reference import Published
from sentscale.tables import ENCODER

COLUMNS = 2
# Height of each of several rows of panels, as a share of the style's.
_ROW = 0.55
# Room left and right of the smallest and largest model, as a factor.
_MARGIN = 1.5
# Distance of neighbouring points of one size, as a share of the axis.
_ASIDE = 0.03
# Width of a letter of a model's name, as a share of the size of the text.
_LETTER = 0.5
# A published point is a ring around ours where both agree.
_RING_PT = 8.0


def plot_scaling(scores: pd.DataFrame, published: Published, plot: Plot) -> Figure:
    """Score against parameters: a panel for each family, adapter and kind of precision.

    Bands are the bootstrap intervals of `suite_table`; a point without neighbours has a
    bar. Encoders that miss a task of the suite are left out.

    Args:
        scores: Tidy scores.
        published: Printed scores: open markers in the panels that they belong to.
        plot: What is shown.
    """
    table = plot.table(scores)
    panels = panels_of(table)
    foot = foot_in(panels, plot)
    figure, all_axes = canvas(plot.style, len(panels), COLUMNS, row=_ROW, foot_in=foot)
    span = np.log(table.parameters.max() / table.parameters.min() * _MARGIN**2)
    printed = False
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw_lines(axes, panel, plot, span)
        rings = _of_panel(published, panel, plot)
        printed |= not rings.empty
        for ring in rings.itertuples():
            look = plot.look(ring.representation) | {"linestyle": "none"}
            axes.plot(ring.place, ring.published, markersize=_RING_PT, fillstyle="none", **look)
        size_axis(axes, panel, plot, rings)
        axes.set_title(panel.title)
    share_sizes(all_axes, panels)
    share_axis(all_axes, "y", COLUMNS)
    _label_sizes(figure, all_axes, panels)
    figure.supylabel(plot.score_label, fontsize="medium")
    handles = representation_keys(table, plot)
    if printed:
        ring = {"marker": "o", "color": "0.3", "linestyle": "none", "fillstyle": "none"}
        handles.append(key("published", markersize=_RING_PT, **ring))
    legend_above(figure, handles)
    separate_ticks(figure)
    return figure


def representation_keys(table: pd.DataFrame, plot: Plot) -> list[Line2D]:
    """Entries of a legend: the representations of a table."""
    return [key(name, **plot.look(name)) for name in plot.shown(table)]


def _draw_lines(axes: Axes, panel: Panel, plot: Plot, span: float) -> None:
    """A line with its band for each representation; single points have bars."""
    lines = {
        name: panel.rows[panel.rows.representation == name].sort_values("parameters")
        for name in plot.shown(panel.rows)
    }
    joined = {
        name: not panel.named and rows.parameters.nunique() == len(rows) > 1
        for name, rows in lines.items()
    }
    single = panel.rows[~panel.rows.representation.map(joined)]
    for name, rows in lines.items():
        look = plot.look(name)
        if joined[name]:
            axes.fill_between(
                rows.parameters, rows.low, rows.high, color=look["color"], alpha=0.15, linewidth=0.8
            )
            axes.plot(rows.parameters, rows.score, markersize=MARKER_PT, **look)
            continue
        places, aside = panel.places(rows), _aside(rows, single, plot)
        places = places + STEP * aside if panel.named else places * np.exp(_ASIDE * span * aside)
        axes.errorbar(
            places,
            rows.score,
            yerr=spans(rows),
            capsize=2,
            elinewidth=0.8,
            markersize=MARKER_PT,
            **(look | {"linestyle": "none"}),
        )


def _aside(rows: pd.DataFrame, single: pd.DataFrame, plot: Plot) -> np.ndarray:
    """Steps from the middle, so that the intervals of one model do not hide each other."""
    beside = {name: plot.shown(group) for name, group in single.groupby("name")}
    pairs = zip(rows["name"], rows.representation, strict=True)
    return np.array([beside[one].index(name) - (len(beside[one]) - 1) / 2 for one, name in pairs])


def _of_panel(published: Published, panel: Panel, plot: Plot) -> pd.DataFrame:
    """Printed scores of encoders such as those of a panel, also of sizes that it has not."""
    cells = published.of(plot.suite, plot.metric)
    printed = published.with_encoders(cells[cells.task == plot.score_column])
    printed = plot.with_models(printed[printed.model.isin(list(plot.models))])
    shown = plot.shown(panel.rows)
    if panel.named:
        found = printed.merge(panel.rows[[*ENCODER, "name"]], on=ENCODER)
        return found.assign(place=panel.places(found) + STEP * _aside(found, panel.rows, plot))
    same = printed.family.isin(panel.rows.family) & printed.representation.isin(shown)
    same &= (printed.adapter == panel.adapter) & (printed.precision.isin(FULL) != panel.quantised)
    order = printed[same].sort_values(
        "representation", key=lambda names: names.map(shown.index), kind="stable"
    )
    return order.drop_duplicates(["method", "model"]).assign(place=lambda found: found.parameters)


def size_axis(axes: Axes, panel: Panel, plot: Plot, rings: pd.DataFrame | None = None) -> None:
    """A logarithmic axis with a tick for each size of the panel, or the names of its models."""
    if panel.named:
        middles = panel.middles
        axes.set_xticks(list(middles.values()), list(middles), rotation=90)
        axes.set_xlim(0, sum(panel.widths.values()))
        return
    ticks = {row.parameters: plot.size(row.model) for row in panel.rows.itertuples()}
    if rings is not None:
        ticks |= {row.parameters: plot.size(row.model) for row in rings.itertuples()}
    axes.set_xscale("log")
    axes.set_xticks(sorted(ticks), [ticks[place] for place in sorted(ticks)])
    axes.set_xticks([], minor=True)
    axes.set_xlim(min(ticks) / _MARGIN, max(ticks) * _MARGIN)


def share_sizes(all_axes: Sequence[Axes], panels: Sequence[Panel]) -> None:
    """The same size axis for all panels that have one."""
    pairs = zip(all_axes, panels, strict=True)
    if sized := [axes for axes, panel in pairs if not panel.named]:
        share_axis(sized, "x")


def _label_sizes(figure: Figure, all_axes: Sequence[Axes], panels: Sequence[Panel]) -> None:
    """One label for all; where a panel has names, below the last other one of each column."""
    label = "Parameters (log scale)"
    if not any(panel.named for panel in panels):
        figure.supxlabel(label, fontsize="medium")
    for column in range(COLUMNS):
        pairs = list(zip(all_axes, panels, strict=True))[column::COLUMNS]
        sized = [axes for axes, panel in pairs if not panel.named]
        if sized and not figure.get_supxlabel():
            sized[-1].set_xlabel(label)


def foot_in(panels: Sequence[Panel], plot: Plot) -> float:
    """Height in inches that the longest name below a panel takes."""
    letters = [len(name) + 1 for panel in panels if panel.named for name in panel.names]
    return max(letters, default=0) * _LETTER * plot.style.font_pt / 72
