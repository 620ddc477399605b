"""The figure of all differences between the encoders of a suite."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from sentscale.differences import AGAINST, DIFFERENCE_COLUMNS
from sentscale.figures import Style, blank
from sentscale.tables import ENCODER

Floats = NDArray[np.float64]

# Side of a cell in inches with and without a number in it, and most encoders with numbers.
_NUMBERED, _BARE, _MOST_NUMBERED = 0.5, 0.15, 16
# Colour where the interval holds 0.
_UNDECIDED = "#eeeeee"


def read_differences(path: Path) -> pd.DataFrame:
    """Read `results/tables/differences/{suite}.csv`; a model called NA stays a name."""
    names = [*ENCODER, *AGAINST, "task"]
    table = pd.read_csv(
        path,
        dtype=dict.fromkeys(names, str),
        keep_default_na=False,
        na_values={"reversed": [""]},
    )
    if list(table.columns) != DIFFERENCE_COLUMNS:
        raise ValueError(
            f"{path}: columns are {list(table.columns)}, expected {DIFFERENCE_COLUMNS}"
        )
    return table


def plot_differences(differences: pd.DataFrame, suite: str, style: Style) -> Figure:
    """A triangle: how many points each encoder is behind each better one, best first.

    Args:
        differences: Of `differences.all_differences`; the last task of each pair is drawn.
        suite: Its name.
        style: Look; few encoders have their numbers in the cells, many have small ones.
    """
    tasks = list(dict.fromkeys(differences.task))
    encoders, behind, decided = ranked(differences[differences.task == tasks[-1]])
    count, numbered = len(encoders), len(encoders) <= _MOST_NUMBERED
    side = _NUMBERED if numbered else _BARE
    shared = [place for place in range(len(ENCODER)) if len({one[place] for one in encoders}) == 1]
    own = [place for place in range(len(ENCODER)) if place not in shared]
    labels = [_parts(one, own) for one in encoders]
    size = side * count + 1 + 0.07 * max(map(len, labels))
    figure = blank(style, max(size + 0.8, 4.2), max(size, 2.8))
    axes = figure.subplots()
    scale = ScalarMappable(
        Normalize(0, max(behind.max(), 0.01)),
        LinearSegmentedColormap.from_list("behind", ["#d0e1f2", style.look(1)["color"], "#08214a"]),
    )
    below = np.tri(count, k=-1, dtype=bool)
    cells = scale.to_rgba(behind)
    cells[~decided] = to_rgba(_UNDECIDED)
    cells[~below] = to_rgba("white")
    axes.imshow(cells, interpolation="nearest", aspect="auto")
    if numbered:
        for row, column in zip(*np.nonzero(below), strict=True):
            dark = cells[row, column, :3] @ [0.3, 0.59, 0.11] < 0.5
            where = {"ha": "center", "va": "center", "fontsize": "small"}
            text = f"{behind[row, column]:.1f}"
            axes.text(column, row, text, color="white" if dark else "black", **where)
    font = style.font_pt if numbered else min(style.font_pt, 60 * side)
    axes.set_xticks(range(count - 1), labels[:-1], rotation=90, fontsize=font)
    axes.set_yticks(range(1, count), labels[1:], fontsize=font)
    axes.set(xlim=(-0.5, count - 1.5), ylim=(count - 0.5, 0.5))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    what = f"{suite}, mean of {len(tasks) - 1} tasks" if len(tasks) > 1 else tasks[0]
    axes.set_title(", ".join(filter(None, [what, _parts(encoders[0], shared)])), loc="left")
    bar = figure.colorbar(scale, ax=axes, shrink=min(1, 3 / (side * count)), anchor=(0, 1))
    bar.set_label("Points behind\nthe column")
    note = Patch(facecolor=_UNDECIDED, label="interval holds 0")
    figure.legend(handles=[note], loc="outside lower right", frameon=False)
    return figure


def ranked(
    rows: pd.DataFrame,
) -> tuple[list[tuple[str, ...]], Floats, NDArray[np.bool_]]:
    """Encoders, the best first, and a matrix of their differences.

    Args:
        rows: Every pair once, of one task.

    Returns:
        Encoders, `n`; by how much the row is behind the column, and whether the interval
        leaves 0 out, both of shape `(n, n)`.
    """
    first = list(rows[ENCODER].itertuples(index=False, name=None))
    second = list(rows[AGAINST].itertuples(index=False, name=None))
    encoders = list(dict.fromkeys([*first, *second]))
    place = {name: index for index, name in enumerate(encoders)}
    ahead = np.zeros((len(encoders), len(encoders)))
    decided = np.zeros(ahead.shape, dtype=bool)
    cells = zip(first, second, rows.difference, rows.low, rows.high, strict=True)
    for one, other, difference, low, high in cells:
        i, j = place[one], place[other]
        ahead[i, j], ahead[j, i] = difference, -difference
        decided[i, j] = decided[j, i] = low > 0 or high < 0
    order = np.argsort(-ahead.mean(axis=1), kind="stable")
    return [encoders[i] for i in order], -ahead[np.ix_(order, order)], decided[np.ix_(order, order)]


def _parts(encoder: tuple[str, ...], places: Collection[int]) -> str:
    return ", ".join(encoder[place] for place in places if encoder[place])
