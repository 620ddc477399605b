"""The figure of training runs: how loss, gradient and development score went."""

import pandas as pd
from matplotlib.figure import Figure

from sentscale.figures import Style, canvas, key, legend_above
from sentscale.tables import metric_label

# Steps of the thick line's moving mean, as a share of the run; single steps are drawn thin.
_SMOOTH = 0.05
# Height of each row of panels, as a share of the style's; diameter of the markers of candidates.
_ROW, _CANDIDATE_PT = 0.6, 3.0
# The look of the first model: a full line.
_FIRST = 3


def plot_training(
    runs: dict[str, tuple[pd.DataFrame, pd.DataFrame]], suite: str, style: Style
) -> Figure:
    """Four panels: loss, development score, norm of the gradient, learning rate.

    Args:
        runs: For each model its curve (see `training.train`) and its candidates
            (see `candidates.choose_candidate`).
        suite: Development suite of the choice.
        style: Look; colours and markers go by the order of the models.

    Returns:
        The figure; its legend tells the best development score of each model.
    """
    figure, panels = canvas(style, 4, 2, row=_ROW)
    loss, score, norm, rate = panels
    keys = []
    for index, (model, (curve, candidates)) in enumerate(runs.items()):
        look = style.look(index + _FIRST)
        line = {"color": look["color"], "linestyle": look["linestyle"]}
        window = max(1, round(_SMOOTH * len(curve)))
        for axes, column in ((loss, "loss"), (norm, "gradient_norm")):
            axes.plot(curve.step, curve[column], color=look["color"], linewidth=0.5, alpha=0.3)
            smooth = curve[column].rolling(window, center=True, min_periods=1).mean()
            axes.plot(curve.step, smooth, **line)
        rate.plot(curve.step, curve.learning_rate, **line)
        score.plot(candidates.step, candidates.score, markersize=_CANDIDATE_PT, **look)
        (best,) = candidates[candidates.chosen].itertuples()
        score.plot(best.step, best.score, "o", markersize=9, fillstyle="none", color=look["color"])
        keys.append(key(f"{model}: {best.score:.2f}", markersize=_CANDIDATE_PT, **look))
    scored = f"{metric_label('spearman_all')}, {suite}"
    titles = ["Loss", scored, "Norm of the gradient", "Learning rate"]
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title)
    for axes in (norm, rate):
        axes.set_xlabel("Step")
    legend_above(figure, keys)
    return figure
