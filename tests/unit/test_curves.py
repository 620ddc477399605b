import pandas as pd
import pytest
import yaml

from sentscale.curves import plot_training
from sentscale.figures import Style, save_figure


@pytest.fixture
def style(root):
    return Style(**yaml.safe_load((root / "config.yaml").read_text())["figures"]["style"])


def run(steps=10):
    curve = pd.DataFrame({"step": range(1, steps + 1)})
    curve["loss"] = 3.0 - 0.1 * curve.step
    curve["gradient_norm"], curve["learning_rate"] = 1.0, 5e-4
    candidates = pd.DataFrame({"step": [0, 5, 10], "score": [60.0, 70.0, 69.0]})
    return curve, candidates.assign(chosen=[False, True, False])


def test_each_model_has_its_lines_and_its_choice_is_marked(style):
    figure = plot_training({"small": run(), "large": run()}, "dev", style)
    loss, score, norm, rate = figure.axes
    assert [axes.get_title(loc="left") for axes in (loss, norm, rate)] == [
        "Loss",
        "Norm of the gradient",
        "Learning rate",
    ]
    assert "dev" in score.get_title(loc="left")
    assert len(rate.lines) == 2
    lines = [line for line in score.lines if len(line.get_xdata()) == 1]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in lines] == [(5, 70.0)] * 2
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told == ["small: 70.00", "large: 70.00"]


def test_the_thick_line_is_a_moving_mean(style):
    curve = pd.DataFrame({"step": range(1, 61), "loss": [1.0, 2.0, 6.0] * 20})
    curve["gradient_norm"], curve["learning_rate"] = 1.0, 5e-4
    loss = plot_training({"small": (curve, run()[1])}, "dev", style).axes[0]
    thin, thick = loss.lines
    assert thin.get_ydata().tolist() == [1.0, 2.0, 6.0] * 20
    # A twentieth of 60 steps, three, around each; two at both ends: (1 + 2) / 2 and (2 + 6) / 2.
    assert thick.get_ydata().tolist() == pytest.approx([1.5, *[3.0] * 58, 4.0])


def test_the_same_run_gives_the_same_bytes(style, tmp_path):
    for name in ("one.svg", "two.svg"):
        save_figure(plot_training({"small": run()}, "dev", style), [tmp_path / name])
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
