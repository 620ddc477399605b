"""The paper's histogram: development scores of all candidate demonstrations."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sentscale.figures import Style, set_text

COLUMNS = 3
# Most bars over the range of all models; few candidates get fewer.
_BARS = 40


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
    set_text(style)
    columns = min(COLUMNS, len(searched))
    rows = -(-len(searched) // columns)
    figure, panels = plt.subplots(
        rows,
        columns,
        figsize=(style.width_in, style.height_in * (0.7 * rows + 0.15)),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    bars_in, chosen_in = (style.colours[index % len(style.colours)] for index in (1, 3))
    values = [scores.score for scores, _ in searched.values()]
    marks = [choice["zero_shot"] for _, choice in searched.values()]
    low, high = np.min([*map(np.min, values), *marks]), np.max([*map(np.max, values), *marks])
    bars = np.linspace(low, high, min(_BARS, 2 + max(map(len, values)) // 2) + 1)
    for axes, (model, (scores, choice)) in zip(panels.flat, searched.items(), strict=False):
        axes.hist(scores.score, bars, color=bars_in, edgecolor="white", linewidth=0.5)
        axes.axvline(choice["zero_shot"], color="black", linestyle="--", label="no demonstration")
        axes.axvline(choice["score"], color=chosen_in, label="chosen")
        better = f"{choice['better']} of {len(scores)} better than none"
        axes.set_title(
            f"{model}: {choice['demonstration']['word']}\n{better}", fontsize="medium", loc="left"
        )
        axes.spines[["top", "right"]].set_visible(False)
        axes.yaxis.get_major_locator().set_params(integer=True)
    for axes in panels.flat[len(searched) :]:
        axes.set_visible(False)
    figure.supxlabel(f"Spearman's ρ × 100, {suite}", fontsize="medium")
    figure.supylabel("Candidates", fontsize="medium")
    lines = panels.flat[0].get_legend_handles_labels()
    figure.legend(*lines, loc="outside upper left", ncols=2, frameon=False)
    return figure
