"""Names beside points of a figure, put where they cover neither points nor each other."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

# Where a name may stand, to the right and up; first where nothing is that is better and cheaper.
_WAYS = [(-1, 1), (-1, 0), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]
# How far from the point, in heights of the text; from the second on a thin line joins them.
_DISTANCES = [0, 0.7, 1.4, 2.1, 2.8, 3.5, 4.2, 5, 6, 7]
# Room of a point, and between a name and the edge of the panel.
_POINT_PT, _EDGE_PX = 4.5, 3


def name_points(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    names: Sequence[str],
    others: Iterable[tuple[float, float]],
) -> None:
    """Write a name beside each point, the nearest place that is free first.

    The layout of the figure is frozen: all else must be drawn.

    Args:
        axes: Panel of the points, with its final limits.
        points: In data coordinates.
        names: One for each.
        others: Further points that no name may cover.
    """
    figure = axes.figure
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    renderer = figure.canvas.get_renderer()
    radius = _POINT_PT * figure.dpi / 72
    places = axes.transData.transform(np.array([*points, *others], dtype=float))
    taken = [Bbox.from_extents(x - radius, y - radius, x + radius, y + radius) for x, y in places]
    for (x, y), name in sorted(zip(points, names, strict=True), key=lambda one: -one[0][1]):
        text = axes.annotate(name, (x, y), (0, 0), textcoords="offset pixels", fontsize="small")
        size = text.get_window_extent(renderer)
        start = axes.transData.transform((x, y))
        box, far = _free_place(start, size, taken, axes.bbox.padded(-_EDGE_PX), radius)
        taken.append(box)
        text.remove()
        axes.annotate(
            name,
            (x, y),
            tuple((np.array([box.x0, box.y0]) - start) * 72 / figure.dpi),
            textcoords="offset points",
            fontsize="small",
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": "0.4", "shrinkB": _POINT_PT}
            if far
            else None,
            annotation_clip=False,
        )


def _free_place(
    start: np.ndarray,
    size: Bbox,
    taken: list[Bbox],
    inside: Bbox,
    radius: float,
) -> tuple[Bbox, bool]:
    """The nearest box for a name that touches nothing, or that touches least."""
    best: tuple[float, Bbox, bool] | None = None
    for distance in _DISTANCES:
        for right, up in _WAYS:
            aside = radius + distance * size.height
            left = start[0] - size.width / 2 + right * (aside + size.width / 2)
            low = start[1] - size.height / 2 + up * (aside + size.height / 2)
            box = Bbox.from_bounds(left, low, size.width, size.height)
            cost = sum(_shared(box, other) for other in taken)
            cost += size.width * size.height - _shared(box, inside)
            if best is None or cost < best[0] - 1e-9:
                best = cost, box, distance > 0
        if best[0] <= 1e-9:
            break
    return best[1], best[2]


def _shared(one: Bbox, other: Bbox) -> float:
    """Area of both boxes in common, in square pixels."""
    common = Bbox.intersection(one, other)
    return 0.0 if common is None else common.width * common.height
