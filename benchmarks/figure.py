"""Bars of slots a second, by contender."""

from pathlib import Path

import matplotlib
import pandas as pd

from sentscale.files import written_whole

matplotlib.use("svg")
from matplotlib import pyplot as plt

TITLES = {
    "eol": "PromptEOL, STS",
    "icl": "with a demonstration, STS",
    "search": "search, STS-B dev",
}
COLOURS = {"original": "#999999", "sentence-transformers": "#E69F00", "ours": "#0072B2"}


def draw(table: Path, out: Path) -> None:
    """One panel for each part that was measured."""
    rows = pd.read_csv(table)
    parts = [part for part in TITLES if part in set(rows["part"])]
    if not parts:
        return
    heights = [sum(rows["part"] == part) for part in parts]
    plt.rcParams["svg.hashsalt"] = "sentscale"
    figure, axes = plt.subplots(
        len(parts),
        1,
        figsize=(6.4, 0.32 * sum(heights) + 0.7 * len(parts)),
        sharex=True,
        height_ratios=heights,
        squeeze=False,
        layout="constrained",
    )
    for axis, part in zip(axes[:, 0], parts, strict=True):
        shown = rows[rows["part"] == part].sort_values("slots_per_second", ascending=False)
        colours = [COLOURS.get(name.split()[0], "#56B4E9") for name in shown["contender"]]
        bars = axis.barh(shown["contender"], shown["slots_per_second"], color=colours)
        axis.bar_label(bars, fmt="%.0f", padding=3, fontsize=8)
        axis.set_title(TITLES[part], loc="left", fontsize=10)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1, 0].set_xlabel("sentence slots a second")
    axes[-1, 0].margins(x=0.08)
    with written_whole(out) as part:
        figure.savefig(part, format="svg", metadata={"Date": None})
    plt.close(figure)
