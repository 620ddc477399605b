"""The paper's histogram: development scores of all candidate demonstrations."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sentscale.figures import MARKER_PT, Style, canvas, key, legend_above, share_axis, shortened
from sentscale.tables import metric_label

COLUMNS = 3
# Most bars over the range of all models; few candidates get fewer.
_BARS = 40
# Height of each of several rows of panels, as a share of the style's.
_ROW = 0.5
# Letters of a demonstration's word in the title of a panel.
_LETTERS = 11


def plot_demonstrations(
    searched: dict[str, tuple[pd.DataFrame, dict[str, Any]]], suite: str, style: Style
) -> Figure:
    """A histogram for each model, with the score without a demonstration and the chosen one.

    Args:
        searched: For each model its `choice.score_table` and its choice.
        suite: Development suite of the search.
        style: Look.

    Returns:
        Panels in rows of three, all with the same axes.
    """
    figure, panels = canvas(style, len(searched), COLUMNS, row=_ROW)
    looks = {
        "zero_shot": {"color": "black", "linestyle": "--", "marker": "s"},
        "score": {"color": style.look(3)["color"], "linestyle": "-", "marker": "v"},
    }
    values = [scores.score for scores, _ in searched.values()]
    marks = [choice["zero_shot"] for _, choice in searched.values()]
    low, high = np.min([*map(np.min, values), *marks]), np.max([*map(np.max, values), *marks])
    bars = np.linspace(low, high, min(_BARS, 2 + max(map(len, values)) // 2) + 1)
    for axes, (model, (scores, choice)) in zip(panels, searched.items(), strict=True):
        axes.hist(
            scores.score, bars, color=style.look(2)["color"], edgecolor="white", linewidth=0.4
        )
        for name, look in looks.items():
            line = {"markevery": [1], "markersize": MARKER_PT, "linewidth": 1.2, "clip_on": False}
            axes.plot(
                [choice[name]] * 2, [0, 1], transform=axes.get_xaxis_transform(), **line, **look
            )
        axes.set_title(_title(model, choice, len(scores)), pad=7)
        axes.xaxis.get_major_locator().set_params(nbins=6)
        axes.yaxis.get_major_locator().set_params(integer=True)
    share_axis(panels, "x")
    share_axis(panels, "y", COLUMNS)
    for axes in panels:
        axes.set_ylim(bottom=0)
    figure.supxlabel(f"{metric_label('spearman_all')}, {suite}", fontsize="medium")
    figure.supylabel("Candidates", fontsize="medium")
    names = {"zero_shot": "no demonstration", "score": "chosen"}
    legend_above(figure, [key(names[name], **look) for name, look in looks.items()])
    return figure


def _title(model: str, choice: dict[str, Any], candidates: int) -> str:
    """What a demonstration changes, the word of the chosen one, how many help at all."""
    word = shortened(choice["demonstration"]["word"], _LETTERS)
    return (
        f"{model}: {choice['zero_shot']:.1f} → {choice['score']:.1f}\n"
        f"“{word}”, {choice['better']} of {candidates} better"
    )
