"""The figure of training runs: how loss, gradient and development score went."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from sentscale.figures import Style, set_text

# Steps of the thick line's moving mean, as a share of the run; single steps are drawn thin.
_SMOOTH = 0.05


def plot_training(
    runs: dict[str, tuple[pd.DataFrame, pd.DataFrame]], suite: str, style: Style
) -> Figure:
    """Four panels: loss, development score, norm of the gradient, learning rate.

    Args:
        runs: For each model its curve (see `training.train`) and its candidates
            (see `candidates.choose_candidate`).
        suite: Development suite of the choice.
        style: Look; colours and markers go by the order of the models.
    """
    set_text(style)
    figure, panels = plt.subplots(
        2, 2, figsize=(style.width_in, 1.4 * style.height_in), sharex=True, layout="constrained"
    )
    (loss, score), (norm, rate) = panels
    for index, (model, (curve, candidates)) in enumerate(runs.items()):
        colour = style.colours[(index + 1) % len(style.colours)]
        marker = style.markers[(index + 1) % len(style.markers)]
        window = max(1, round(_SMOOTH * len(curve)))
        for axes, column in ((loss, "loss"), (norm, "gradient_norm")):
            axes.plot(curve.step, curve[column], color=colour, linewidth=0.5, alpha=0.5)
            smooth = curve[column].rolling(window, center=True, min_periods=1).mean()
            axes.plot(curve.step, smooth, color=colour)
        rate.plot(curve.step, curve.learning_rate, color=colour)
        score.plot(
            candidates.step,
            candidates.score,
            color=colour,
            marker=marker,
            markersize=3,
            label=model,
        )
        (best,) = candidates[candidates.chosen].itertuples()
        score.plot(best.step, best.score, "o", markersize=9, fillstyle="none", color=colour)
        score.annotate(
            f"{best.score:.2f}", (best.step, best.score), (0, -12), textcoords="offset points",
            ha="center", va="top", fontsize="small",
        )  # fmt: skip
    titles = {
        loss: "Loss",
        score: f"Spearman's ρ × 100, {suite}",
        norm: "Norm of the gradient",
        rate: "Learning rate",
    }
    for axes, title in titles.items():
        axes.set_title(title, loc="left", fontsize="medium")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    for axes in panels[1]:
        axes.set_xlabel("Step")
    if len(runs) > 1:
        handles = score.get_legend_handles_labels()
        figure.legend(*handles, loc="outside upper left", ncols=3, frameon=False)
    return figure
