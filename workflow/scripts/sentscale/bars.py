"""The figure of representations: score of a suite for each of them, model by model."""

import logging
import math

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from sentscale.figures import (
    DASHES,
    Plot,
    blank,
    canvas,
    key,
    legend_above,
    share_axis,
    text_width_in,
)
from sentscale.panels import spans
from sentscale.reference import Published
from sentscale.tables import ENCODER, WITHOUT_PROMPT

log = logging.getLogger(__name__)

# Height of each of several rows of panels, as a share of the style's.
_ROW = 0.55
# Of lines only: a pattern of dots takes 70 KB of an SVG file.
_HATCHES = ["", "//", "||", "xx", "\\\\", "--", "++", "/-"]
# Inches: a bar with its number on its side, the widest bar, what the score axis takes of the width,
# between two names under the axis.
_NARROW, _WIDE, _LEFT, _BETWEEN = 0.14, 0.6, 0.7, 0.08
# From here on a number stands upright on its bar. Room for the numbers of the highest bars.
_UPRIGHT, _NUMBER = 0.34, 0.22
# Most printed scores of others that are drawn. Of ours: a dot on the bar.
_MOST_LINES = 4
_DOT = {"marker": "o", "linestyle": "none", "color": "black", "markerfacecolor": "white"}
_DOT_PT = 4.0


def plot_representations(scores: pd.DataFrame, published: Published, plot: Plot) -> Figure:
    """Bars grouped by model, in as many rows as they need to show their numbers.

    Args:
        scores: Tidy scores; encoders that miss a task of the suite are left out.
        published: Printed scores. What is known of an encoder of ours is a dot on its bar, of
            other models as they come a line across all rows, unless there are more than four.
        plot: What is shown.
    """
    table = _with_printed(plot.table(scores), published, plot)
    groups = {
        "\n".join(filter(None, names)): rows
        for names, rows in table.groupby(WITHOUT_PROMPT, sort=False)
    }
    room = plot.style.width_in - _LEFT
    ruler = blank(plot.style, 1, 1)
    rows = _in_rows({name: _width(name, groups[name], ruler) for name in groups}, room / _NARROW)
    width = max(room / _WIDE, *(sum(row.values()) for row in rows))
    figure, panels = canvas(plot.style, len(rows), 1, row=_ROW)
    for axes, row in zip(panels, rows, strict=True):
        ends = np.cumsum(list(row.values()))
        middles = ends - np.array(list(row.values())) / 2
        for name, middle in zip(row, middles, strict=True):
            _draw_group(axes, groups[name], middle, plot, upright=room / width > _UPRIGHT)
        axes.set_xticks(middles, list(row))
        axes.tick_params(axis="x", length=0)
        axes.set_xlim(0, width)
        axes.axhline(0, color="black", linewidth=0.8)
        axes.spines["bottom"].set_visible(False)
    handles = [*_keys(table, plot), *_draw_references(panels, _others(published, table, plot))]
    share_axis(panels, "y")
    figure.supylabel(plot.score_label, fontsize="medium")
    legend_above(figure, handles)
    figure.draw_without_rendering()
    for axes in panels:
        low, high = axes.get_ylim()
        axes.set_ylim(top=high + (high - low) * _NUMBER * figure.dpi / axes.bbox.height)
    return figure


def _width(name: str, group: pd.DataFrame, ruler: Figure) -> int:
    """Bars that a group takes the room of: its own and a gap, or those over its name."""
    return max(len(group) + 1, math.ceil((text_width_in(ruler, name) + _BETWEEN) / _NARROW))


def _in_rows(widths: dict[str, int], most: float) -> list[dict[str, int]]:
    """Groups in their order, a new row where one does not fit any more."""
    rows: list[dict[str, int]] = [{}]
    for name, width in widths.items():
        if rows[-1] and sum(rows[-1].values()) + width > most:
            rows.append({})
        rows[-1][name] = width
    return rows


def _draw_group(
    axes: Axes, group: pd.DataFrame, middle: float, plot: Plot, *, upright: bool
) -> None:
    """Bars of one model around `middle`, each 1 wide, with interval and number."""
    for index, name in enumerate(plot.shown(group)):
        row = group[group.representation == name]
        place = middle + index - (len(group) - 1) / 2
        axes.bar(
            place,
            row.score,
            width=0.88,
            yerr=spans(row),
            error_kw={"elinewidth": 0.8, "capsize": 1.5},
            **_look(name, plot),
        )
        if row.published.notna().item():
            axes.plot(place, row.published.item(), markersize=_DOT_PT, zorder=3, **_DOT)
        axes.annotate(
            f"{row.score.item():.1f}",
            (place, max(row.high.item(), 0)),
            (0, 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            rotation=0 if upright else 90,
            fontsize="small",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.3},
        )


def _look(name: str, plot: Plot) -> dict[str, str]:
    """Colour and hatch of a representation."""
    hatch = plot.style.turned(plot.representations.index(name), _HATCHES)
    return {"facecolor": plot.look(name)["color"], "hatch": hatch, "edgecolor": "white"}


def _keys(table: pd.DataFrame, plot: Plot) -> list[Artist]:
    dots = [key("published", **_DOT, markersize=_DOT_PT)] if table.published.notna().any() else []
    return [*(Patch(label=name, **_look(name, plot)) for name in plot.shown(table)), *dots]


def _with_printed(table: pd.DataFrame, published: Published, plot: Plot) -> pd.DataFrame:
    """Encoders with the score that was printed of each, NaN where none was."""
    printed = plot.printed(published).drop_duplicates(ENCODER)[[*ENCODER, "published"]]
    return table.merge(printed, on=ENCODER, how="left")


def _others(published: Published, table: pd.DataFrame, plot: Plot) -> pd.DataFrame:
    """Printed scores of models as they come, of which no encoder is in the table."""
    printed = plot.printed(published)
    printed = printed[printed.fine_tuned == "no"]
    ours = set(table[ENCODER].itertuples(index=False, name=None))
    printed["ours"] = [row in ours for row in printed[ENCODER].itertuples(index=False, name=None)]
    printed = printed[~printed.groupby("published as").ours.transform("any")]
    printed = printed.drop_duplicates("published as")
    if len(printed) <= _MOST_LINES:
        return printed
    log.info("%d published scores of other models are too many lines: left out", len(printed))
    return printed[:0]


def _draw_references(panels: list[Axes], printed: pd.DataFrame) -> list[Artist]:
    """A line for each printed score; their keys."""
    keys = []
    for index, (words, score) in enumerate(
        zip(printed["published as"], printed.published, strict=True)
    ):
        look = {"color": "0.25", "linewidth": 1.2, "linestyle": DASHES[index % len(DASHES)]}
        for axes in panels:
            axes.axhline(score, zorder=0.9, **look)
        keys.append(key(f"{words}: {score:.2f} (published)", **look))
    return keys
