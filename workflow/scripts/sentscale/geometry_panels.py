"""The figures of geometry: how a suite's vectors lie in their space, by representation and size."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sentscale.figures import (
    MARKER_PT,
    Plot,
    canvas,
    key,
    legend_above,
    marker_size,
    plain_log_axis,
    separate_ticks,
    share_axis,
)
from sentscale.files import read_json
from sentscale.lines import FULL
from sentscale.measures import geometry_table
from sentscale.panels import Panel, panels_of
from sentscale.sizes import foot_in, representation_keys, share_sizes, size_axis

# What is drawn against size: column of `geometry_table`, label of its axis.
DRAWN = {"mean_cosine": "Mean cosine", "effective_rank": "Effective rank"}
PLANE = {"uniformity": "Uniformity (lower: more even)", "alignment": "Alignment (lower: closer)"}
SPECTRUM_COLUMNS = 3
# Height of each of several rows of panels, as a share of the style's: measures, spectra.
_ROW, _SPECTRUM_ROW = 0.55, 0.5
# Of a line of an encoder with an adapter.
_THICK_PT = 2.4
# What two encoders share that differ in their precision.
_TWIN = ["model", "adapter", "representation"]
# Points of a spectrum's line, so that a file stays small.
_POINTS = 60


def read_geometry(paths: list[Path]) -> pd.DataFrame:
    """`geometry_table` with the spectra in column "spectrum".

    Args:
        paths: Of measure_geometry.

    Raises:
        ValueError: A spectrum is empty or grows.
    """
    spectra = []
    for path in paths:
        spectra.append(np.array(read_json(path)["spectrum"], dtype=float))
        if not len(spectra[-1]) or (np.diff(spectra[-1]) > 0).any():
            raise ValueError(f"{path}: spectrum is empty or not in descending order")
    return geometry_table(paths).assign(spectrum=spectra)


def plot_geometry(table: pd.DataFrame, plot: Plot) -> Figure:
    """Measures against size, and alignment against uniformity; a row for each `panels_of`.

    Args:
        table: See `read_geometry`. A measure that no encoder has is left out.
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


def plot_spectra(table: pd.DataFrame, plot: Plot) -> Figure:
    """For each model the share of the variance that lies in the first so many components.

    Args:
        table: See `read_geometry`; of a quantised encoder only what has no unquantised twin.
        plot: What is shown.
    """
    table = plot.with_models(table)
    bare = table.precision.isin(FULL)
    has_twin = bare.groupby([table[name] for name in _TWIN]).transform("any")
    table = table[bare | ~has_twin]
    table = table.assign(place=pd.factorize(table.family)[0])
    models = dict.fromkeys(table.sort_values(["place", "parameters"]).model)
    figure, panels = canvas(plot.style, len(models), SPECTRUM_COLUMNS, row=_SPECTRUM_ROW)
    for axes, model in zip(panels, models, strict=True):
        for row in table[table.model == model].itertuples():
            look = plot.look(row.representation) | {"marker": "none"}
            width = {"linewidth": _THICK_PT if row.adapter else 1.3}
            axes.plot(*cumulated(row.spectrum), **look, **width)
        plain_log_axis(axes, "x", subs=[1])
        axes.set_title(f"{model} ({plot.size(model)})")
    share_axis(panels, "x")
    share_axis(panels, "y", SPECTRUM_COLUMNS)
    figure.supxlabel("Principal components (log scale)", fontsize="medium")
    figure.supylabel("Share of the variance", fontsize="medium")
    looks = [key(name, **plot.look(name) | {"marker": "none"}) for name in plot.shown(table)]
    if table.adapter.any():
        looks.append(key("with an adapter", color="0.45", linewidth=_THICK_PT))
    legend_above(figure, looks)
    return figure


def cumulated(spectrum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of components, evenly spaced on a logarithmic axis, and their share in all."""
    places = np.unique(np.geomspace(1, len(spectrum), _POINTS).round().astype(int))
    return places, np.cumsum(spectrum)[places - 1]
