"""The figure of spectra: how the variance of a suite's vectors spreads over components."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sentscale.figures import Plot, canvas, key, legend_above, plain_log_axis, share_axis
from sentscale.files import read_json
from sentscale.lines import FULL
from sentscale.measures import geometry_table

COLUMNS = 3
# Height of each of several rows of panels, as a share of the style's.
_ROW = 0.5
# What two encoders share that differ in their precision.
_TWIN = ["model", "adapter", "representation"]
# Points of a line, so that a file stays small.
_POINTS = 60


def read_spectra(paths: list[Path]) -> pd.DataFrame:
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


def plot_spectra(table: pd.DataFrame, plot: Plot) -> Figure:
    """For each model the share of the variance that lies in the first so many components.

    Args:
        table: See `read_spectra`; of a quantised encoder only what has no unquantised twin.
        plot: What is shown.

    Returns:
        A panel for each model and adapter; models as they come are first.
    """
    table = plot.with_models(table)
    bare = table.precision.isin(FULL)
    has_twin = bare.groupby([table[name] for name in _TWIN]).transform("any")
    table = table[bare | ~has_twin]
    ranked = table.assign(
        adapters=(pd.factorize(table.adapter)[0] + 1) * (table.adapter != ""),
        families=pd.factorize(table.family)[0],
    ).sort_values(["adapters", "families", "parameters"], kind="stable")
    parts = list(ranked.groupby(["model", "adapter"], sort=False))
    figure, panels = canvas(plot.style, len(parts), COLUMNS, row=_ROW)
    for axes, ((model, adapter), rows) in zip(panels, parts, strict=True):
        for row in rows.itertuples():
            look = plot.look(row.representation) | {"marker": "none", "linewidth": 1.3}
            axes.plot(*cumulated(row.spectrum), **look)
        plain_log_axis(axes, "x", subs=[1])
        axes.set_title("\n".join(filter(None, [f"{model} ({plot.size(model)})", adapter])))
    share_axis(panels, "x")
    share_axis(panels, "y", COLUMNS)
    figure.supxlabel("Principal components (log scale)", fontsize="medium")
    figure.supylabel("Share of the variance", fontsize="medium")
    looks = {name: plot.look(name) | {"marker": "none"} for name in plot.shown(table)}
    legend_above(figure, [key(name, **look) for name, look in looks.items()])
    return figure


def cumulated(spectrum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of components, evenly spaced on a logarithmic axis, and their share in all."""
    places = np.unique(np.geomspace(1, len(spectrum), _POINTS).round().astype(int))
    return places, np.cumsum(spectrum)[places - 1]
