"""The figure of similarities: cosine of each sentence with each other, encoder by encoder."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sentscale.figures import Style, blank, fitted
from sentscale.geometry import unit

# Inches: above the maps, below them, of the key, between two maps, beside the last.
_HEAD, _GAP, _KEY, _BETWEEN, _RIGHT = 0.3, 0.3, 0.5, 0.15, 0.05
# Inches of the number of a sentence and of the widest map; sentences as a share of the width.
_NUMBER, _WIDEST, _SENTENCES = 0.35, 3.2, 0.36
# One lightness for each value, also in grey; on what is lighter than this, numbers are black.
_COLOURS, _LIGHT = "cividis", 0.5


def cosines(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """Cosine of each row with each other, shape `(n, n)`.

    Raises:
        ValueError: A row is zero or not finite.
    """
    rows = unit(vectors, np.arange(len(vectors)))  # (n, d)
    return rows @ rows.T  # (n, d) (d, n) -> (n, n)


def plot_heat_map(
    maps: dict[str, NDArray[np.float64]], sentences: list[str], style: Style
) -> Figure:
    """Maps side by side with the same colours, from the lowest tenth to 1.

    Args:
        maps: For the name of each encoder its `cosines`.
        sentences: What they are of; numbered, and written out beside the first map.
        style: Look.
    """
    left = style.width_in * _SENTENCES
    room = style.width_in - left - _RIGHT - _BETWEEN * (len(maps) - 1)
    side = min(room / len(maps), _WIDEST)
    height = _HEAD + side + _GAP + _KEY
    figure = blank(style, style.width_in, height, layout="none")
    lowest = min(0.9, np.floor(10 * min(values.min() for values in maps.values())) / 10)
    numbers = range(1, len(sentences) + 1)
    told = [
        f"{fitted(figure, text, left - _NUMBER)}  {number}"
        for number, text in zip(numbers, sentences, strict=True)
    ]
    for index, (name, values) in enumerate(maps.items()):
        place = left + index * (side + _BETWEEN), _GAP + _KEY, side, side
        axes = figure.add_axes(_shares(place, style.width_in, height))
        image = axes.imshow(values, cmap=_COLOURS, vmin=lowest, vmax=1)
        _write_numbers(axes, values, lowest)
        axes.set_title(name)
        axes.set_xticks(range(len(sentences)), numbers)
        axes.set_yticks(*([[]] if index else [range(len(sentences)), told]))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    place = left, _KEY - 0.1, side, 0.1
    colours = figure.add_axes(_shares(place, style.width_in, height))
    bar = figure.colorbar(image, cax=colours, orientation="horizontal")
    bar.outline.set_visible(False)
    bar.set_label("Cosine, and the same × 100", fontsize="small")
    return figure


def _shares(place: tuple[float, ...], width: float, height: float) -> list[float]:
    """Left, bottom, width and height of axes, from inches to shares of the figure."""
    return [inches / whole for inches, whole in zip(place, [width, height] * 2, strict=True)]


def _write_numbers(axes: Axes, values: NDArray[np.float64], lowest: float) -> None:
    """Cosines x 100 of different sentences, in black or white, whichever is read better."""
    for (row, column), value in np.ndenumerate(values):
        light = (value - lowest) / (1 - lowest) > _LIGHT
        if row != column:
            axes.text(
                column,
                row,
                str(round(100 * value)),
                ha="center",
                va="center",
                fontsize="small",
                color="black" if light else "white",
            )
