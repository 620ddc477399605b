import numpy as np
import pandas as pd
import pytest
import yaml

from sentscale.figures import Style, save_figure
from sentscale.histograms import plot_demonstrations


@pytest.fixture
def style(root):
    return Style(**yaml.safe_load((root / "config.yaml").read_text())["figures"]["style"])


def searched(models, scores, word="Music"):
    choice = {"zero_shot": 60.0, "score": max(scores), "better": 2}
    choice["demonstration"] = {"word": word}
    return {f"model-{i}": (pd.DataFrame({"score": scores}), choice) for i in range(models)}


def test_every_candidate_is_counted_once(style):
    scores = [58.0, 61.0, 61.1, 69.0]
    (axes,) = plot_demonstrations(searched(1, scores), "dev", style).axes
    assert sum(bar.get_height() for bar in axes.patches) == 4
    first, last = axes.patches[0], axes.patches[-1]
    assert first.get_x() == 58.0
    assert last.get_x() + last.get_width() == pytest.approx(69.0)


def test_the_score_without_and_the_chosen_one_are_marked(style):
    (axes,) = plot_demonstrations(searched(1, [58.0, 69.0]), "dev", style).axes
    assert [line.get_xdata()[0] for line in axes.lines] == [60.0, 69.0]
    looks = {(line.get_linestyle(), line.get_marker()) for line in axes.lines}
    assert len(looks) == 2  # told apart without colours
    assert axes.get_title(loc="left") == "model-0: 60.0 → 69.0\n“Music”, 2 of 2 better"


def test_a_long_word_is_cut(style):
    (axes,) = plot_demonstrations(searched(1, [69.0], "Incomprehensible"), "dev", style).axes
    assert "“Incomprehe…”" in axes.get_title(loc="left")


@pytest.mark.parametrize(("models", "shape"), [(1, (1, 1)), (3, (1, 3)), (8, (3, 3))])
def test_models_have_a_panel_each_with_the_same_axes(style, models, shape):
    figure = plot_demonstrations(searched(models, [58.0, 69.0]), "dev", style)
    assert len(figure.axes) == models
    assert figure.axes[0].get_gridspec().get_geometry() == shape
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    assert len({axes.get_ylim() for axes in figure.axes}) == 1


def test_one_candidate_that_changes_nothing_is_drawn(style, tmp_path):
    figure = plot_demonstrations(searched(1, [60.0]), "dev", style)
    save_figure(figure, [tmp_path / "f.svg"])
    assert np.isfinite(figure.axes[0].get_xlim()).all()
