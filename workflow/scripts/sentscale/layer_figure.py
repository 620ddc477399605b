"""The figure of layer choice: score against layer, a line for each encoder."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from sentscale.figures import Style, canvas, key, legend_above
from sentscale.layer_tables import best_layer
from sentscale.lines import EncoderName
from sentscale.tables import metric_label

# Points of a line that get a marker, about.
_MARKED = 12


def plot_layers(layers: Mapping[str, pd.DataFrame], suite: str, style: Style) -> Figure:
    """Score of each layer with its bootstrap interval as a band; the best one has a ring.

    Args:
        layers: See `layers.layer_table`; by model/adapter/precision/representation.
        suite: What was scored.
        style: Look; colours and markers go by the order of the encoders.
    """
    figure, (axes,) = canvas(style, 1, 1, row=1)
    names = pd.DataFrame([EncoderName.of(*name.split("/")) for name in layers])
    shared = [part for part in names if names[part].nunique() == 1]
    keys = []
    for index, (table, (_, parts)) in enumerate(
        zip(layers.values(), names.iterrows(), strict=True)
    ):
        look = style.look(index + 1)
        marked = max(1, len(table) // _MARKED)
        axes.plot(table.layer, table.score, markersize=4, markevery=marked, **look)
        axes.fill_between(
            table.layer, table.low, table.high, color=look["color"], alpha=0.15, linewidth=0
        )
        best = best_layer(table)
        axes.plot(best.layer, best.score, "o", markersize=9, fillstyle="none", color=look["color"])
        name = ", ".join(filter(None, parts.drop(shared)))
        told = f"layer {best.layer:.0f}, {best.score:.1f}"
        keys.append(key(f"{name}: {told}" if name else f"best: {told}", **look))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("Layer (0: what enters the first; the last one behind the final norm)")
    axes.set_ylabel(f"{metric_label('spearman_all')}, {suite}")
    axes.set_title(", ".join(filter(None, names.loc[0, shared])))
    legend_above(figure, keys)
    return figure
