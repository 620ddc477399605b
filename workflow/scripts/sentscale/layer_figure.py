"""The figure of layer choice: score against layer, a line for each encoder."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from sentscale.figures import Style, set_text
from sentscale.layer_tables import best_layer

# Points of a line that get a marker, about.
_MARKED = 12
_PARTS = ("model", "adapter", "precision", "representation")


def plot_layers(layers: Mapping[str, pd.DataFrame], suite: str, style: Style) -> Figure:
    """Score of each layer with its bootstrap interval as a band; the best one has a ring.

    Args:
        layers: See `layers.layer_table`; by model/adapter/precision/representation.
        suite: What was scored.
        style: Look; colours and markers go by the order of the encoders.
    """
    set_text(style)
    figure, axes = plt.subplots(figsize=(style.width_in, style.height_in), layout="constrained")
    names = pd.DataFrame([name.split("/") for name in layers], columns=_PARTS).replace("none", "")
    shared = [part for part in _PARTS if names[part].nunique() == 1]
    for index, (table, (_, parts)) in enumerate(
        zip(layers.values(), names.iterrows(), strict=True)
    ):
        look = style.look(index + 1)
        axes.plot(
            table.layer,
            table.score,
            label=", ".join(filter(None, parts.drop(shared))),
            markersize=4,
            markevery=max(1, len(table) // _MARKED),
            **look,
        )
        axes.fill_between(
            table.layer, table.low, table.high, color=look["color"], alpha=0.15, linewidth=0
        )
        best = best_layer(table)
        axes.plot(best.layer, best.score, "o", markersize=9, fillstyle="none", color=look["color"])
        axes.annotate(
            f"{best.layer:.0f}: {best.score:.1f}",
            (best.layer, best.score),
            (0, 7),
            ha="center",
            textcoords="offset points",
            fontsize="small",
        )
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.margins(y=0.1)
    axes.set_xlabel("Layer (0: what enters the first; the last one behind the final norm)")
    axes.set_ylabel(f"Spearman's ρ × 100\n{suite}")
    axes.set_title(", ".join(filter(None, names.loc[0, shared])), loc="left")
    if len(layers) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    return figure
