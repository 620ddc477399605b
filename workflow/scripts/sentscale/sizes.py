"""The figure of scaling: score of a suite against the size of the models."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
from sentscale.panels import (
    STEP,
    Panel,
    foot_in,
    panels_of,
    representation_keys,
    share_sizes,
    size_axis,
    spans,
)
from sentscale.reference import Published
from sentscale.tables import ENCODER

COLUMNS = 2
# Height of each of several rows of panels, as a share of the style's.
_ROW = 0.55
# Distance of neighbouring points of one size, as a share of the axis.
_ASIDE = 0.03
# A published point is a ring around ours where both agree.
_RING_PT = 8.0


def plot_scaling(scores: pd.DataFrame, published: Published, plot: Plot) -> Figure:
    """Score against parameters: a panel for each of `panels_of`.

    Bands are the bootstrap intervals of `suite_table`; a point without neighbours has a
    bar. Encoders that miss a task of the suite are left out.

    Args:
        scores: Tidy scores.
        published: Printed scores: open markers in the panels that they belong to.
        plot: What is shown.
    """
    table = plot.table(scores)
    panels = panels_of(table)
    figure, all_axes = canvas(
        plot.style, len(panels), COLUMNS, row=_ROW, foot_in=foot_in(panels, plot)
    )
    rings = [_rings(published, panel, plot) for panel in panels]
    for axes, panel, printed in zip(all_axes, panels, rings, strict=True):
        size_axis(axes, panel, plot, printed)
        axes.set_title(panel.title)
    share_sizes(all_axes, panels)
    for axes, panel, printed in zip(all_axes, panels, rings, strict=True):
        rows = _placed(panel, plot, axes)
        _draw_lines(axes, rows, plot)
        _draw_rings(axes, printed, rows, plot)
    share_axis(all_axes, "y", COLUMNS)
    _label_sizes(figure, all_axes, panels)
    figure.supylabel(plot.score_label, fontsize="medium")
    handles = representation_keys(table, plot)
    if any(len(printed) for printed in rings):
        ring = {"marker": "o", "color": "0.3", "linestyle": "none", "fillstyle": "none"}
        handles.append(key("published", markersize=_RING_PT, **ring))
    legend_above(figure, handles)
    separate_ticks(figure)
    return figure


def _placed(panel: Panel, plot: Plot, axes: Axes) -> pd.DataFrame:
    """Rows of a panel with their `place`, and whether they are `joined` by a line.

    Those that are not stand side by side where they have one size, so that their intervals
    do not hide each other.
    """
    sizes = panel.rows.groupby("representation").parameters
    count = sizes.transform("size")
    joined = (sizes.transform("nunique") == count) & (count > 1) & (not panel.named)
    rows = panel.rows.assign(joined=joined)
    places = panel.places(rows)
    beside = [places, joined]
    order = rows.representation.map(plot.representations.index)
    rank = order.groupby(beside).rank(method="first")
    steps = (rank - (1 + rank.groupby(beside).transform("max")) / 2).mask(joined, 0)
    if panel.named:
        return rows.assign(place=places + STEP * steps)
    low, high = axes.get_xlim()
    return rows.assign(place=places * (high / low) ** (_ASIDE * steps))


def _draw_lines(axes: Axes, placed: pd.DataFrame, plot: Plot) -> None:
    """A line with its band for each representation; single points have bars."""
    for name in plot.shown(placed):
        rows = placed[placed.representation == name].sort_values("parameters")
        look = plot.look(name)
        if rows.joined.all():
            axes.fill_between(
                rows.place, rows.low, rows.high, color=look["color"], alpha=0.15, linewidth=0.8
            )
            axes.plot(rows.place, rows.score, markersize=MARKER_PT, **look)
            continue
        axes.errorbar(
            rows.place,
            rows.score,
            yerr=spans(rows),
            capsize=2,
            elinewidth=0.8,
            markersize=MARKER_PT,
            **(look | {"linestyle": "none"}),
        )


def _draw_rings(axes: Axes, rings: pd.DataFrame, placed: pd.DataFrame, plot: Plot) -> None:
    """Published scores: around our points, else at the size of their model."""
    points = zip(placed["name"], placed.representation, strict=True)
    places = dict(zip(points, placed.place, strict=True))
    for ring in rings.itertuples():
        place = places.get((ring.name, ring.representation), ring.parameters)
        look = plot.look(ring.representation) | {"linestyle": "none"}
        axes.plot(place, ring.published, markersize=_RING_PT, fillstyle="none", **look)


def _rings(published: Published, panel: Panel, plot: Plot) -> pd.DataFrame:
    """Printed scores of a panel's encoders, on an axis of sizes of other sizes too.

    `name` is that of our encoder, missing where the panel has none.
    """
    printed = plot.printed(published)
    shown = plot.shown(panel.rows)
    printed = printed[printed.model.isin(list(plot.models)) & printed.representation.isin(shown)]
    printed = plot.with_models(printed)
    if panel.named:
        rings = printed.merge(panel.rows[[*ENCODER, "name"]], on=ENCODER)
    else:
        same = printed.family.isin(panel.rows.family) & (printed.adapter == panel.adapter)
        same &= printed.precision.isin(FULL) != panel.quantised
        ours = panel.rows[["model", "representation", "name"]]
        rings = printed[same].merge(ours, on=["model", "representation"], how="left")
    # A method may stand for several representations: the first of ours.
    order = rings.representation.map(shown.index).astype(int)
    rings = rings.assign(lacking=rings["name"].isna(), order=order)
    rings = rings.sort_values(["lacking", "order"], kind="stable")
    return rings.drop_duplicates(["method", "name" if panel.named else "model"])


def _label_sizes(figure: Figure, all_axes: Sequence[Axes], panels: Sequence[Panel]) -> None:
    """One label for all; where a panel has names, below the last other one of each column."""
    label = "Parameters (log scale)"
    if not any(panel.named for panel in panels):
        figure.supxlabel(label, fontsize="medium")
        return
    pairs = list(zip(all_axes, panels, strict=True))
    for column in range(COLUMNS):
        sized = [axes for axes, panel in pairs[column::COLUMNS] if not panel.named]
        for axes in sized[-1:]:
            axes.set_xlabel(label)
