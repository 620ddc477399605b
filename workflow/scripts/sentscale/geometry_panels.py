"""The figure of geometry: how a suite's vectors lie in their space, by representation and size."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sentscale.figures import (
    MARKER_PT,
    Plot,
    canvas,
    legend_above,
    marker_size,
    plain_log_axis,
    separate_ticks,
    share_axis,
)
from sentscale.panels import (
    Panel,
    foot_in,
    panels_of,
    representation_keys,
    share_sizes,
    size_axis,
)

# What is drawn against size: column of `geometry_table`, label of its axis.
DRAWN = {"mean_cosine": "Mean cosine", "effective_rank": "Effective rank"}
PLANE = {"uniformity": "Uniformity (lower: more even)", "alignment": "Alignment (lower: closer)"}
# Height of each of several rows of panels, as a share of the style's.
_ROW = 0.55


def plot_geometry(table: pd.DataFrame, plot: Plot) -> Figure:
    """Measures against size, and alignment against uniformity; a row for each `panels_of`.

    Args:
        table: See `geometry_table`. A measure that no encoder has is left out.
        plot: What is shown.
    """
    table = plot.with_models(table)
    panels = panels_of(table)
    measures = [name for name in DRAWN if table[name].notna().any()]
    plane = table[list(PLANE)].notna().all(axis=1).any()
    columns = len(measures) + plane
    figure, grid = canvas(
        plot.style, columns * len(panels), columns, row=_ROW, foot_in=foot_in(panels, plot)
    )
    for number, panel in enumerate(panels):
        row = grid[number * columns : (number + 1) * columns]
        row[0].set_title(panel.title)
        for axes, name in zip(row, measures, strict=False):
            _draw_measure(axes, panel, name, plot)
            if name == "effective_rank":
                plain_log_axis(axes, "y")
        if plane:
            _draw_plane(row[-1], panel, table, plot)
    for column in range(columns):
        if column < len(measures):
            share_sizes(grid[column::columns], panels)
        else:
            share_axis(grid[column::columns], "x")
        share_axis(grid[column::columns], "y")
    sized = [number for number, panel in enumerate(panels) if not panel.named]
    for number in sized[-1:]:
        for axes in grid[number * columns :][: len(measures)]:
            axes.set_xlabel("Parameters (log scale)", fontsize="small")
    if plane:
        grid[-1].set_xlabel(PLANE["uniformity"], fontsize="small")
    legend_above(figure, representation_keys(table, plot))
    separate_ticks(figure)
    return figure


def _draw_measure(axes: Axes, panel: Panel, name: str, plot: Plot) -> None:
    """A line for each representation, from the smallest to the largest model."""
    for representation in plot.shown(panel.rows):
        rows = panel.rows[panel.rows.representation == representation].sort_values("parameters")
        look = plot.look(representation) | ({"linestyle": "none"} if panel.named else {})
        axes.plot(panel.places(rows), rows[name], markersize=MARKER_PT, **look)
    axes.set_ylabel(DRAWN[name], fontsize="small")
    size_axis(axes, panel, plot)


def _draw_plane(axes: Axes, panel: Panel, table: pd.DataFrame, plot: Plot) -> None:
    """Alignment against uniformity; a larger marker is a larger model."""
    for representation in plot.shown(panel.rows):
        rows = panel.rows[panel.rows.representation == representation].sort_values("parameters")
        look = plot.look(representation)
        if not panel.named:
            line = {"color": look["color"], "linestyle": look["linestyle"], "linewidth": 0.8}
            axes.plot(rows.uniformity, rows.alignment, **line)
        for row in rows.itertuples():
            size = marker_size(row.parameters, table.parameters)
            dot = {"markersize": size, "markeredgecolor": "white", "markeredgewidth": 0.3}
            axes.plot(row.uniformity, row.alignment, **look | dot)
    axes.set_ylabel(PLANE["alignment"], fontsize="small")
