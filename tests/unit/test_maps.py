from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.colors import to_hex

from sentscale.differences import DIFFERENCE_COLUMNS, all_differences
from sentscale.draws import Draws
from sentscale.figures import Style, save_figure
from sentscale.lines import EncoderName
from sentscale.maps import plot_differences, ranked, read_differences
from sentscale.tables import write_csv

BOOTSTRAP = {"resamples": 3, "confidence": 0.9, "seed": 1}


@pytest.fixture
def style(root):
    return Style(**yaml.safe_load((root / "config.yaml").read_text())["figures"]["style"])


def differences(scores, columns=("T",)):
    """Of encoders a, b, c, ... with resamples that are 2 points off on either side."""
    points = np.array([scores] * len(columns), float)
    off = np.zeros((len(columns), len(scores), 3))
    off[:, 0] = [-2, 0, 2]
    names = [EncoderName(f"model-{i}", "fp32", "eol", "") for i in range(len(scores))]
    return all_differences(Draws(names, list(columns), points, points[..., None] + off, BOOTSTRAP))


def test_the_best_is_first_and_a_row_is_behind_its_columns():
    encoders, behind, decided = ranked(differences([50, 70, 51]))
    assert [one[0] for one in encoders] == ["model-1", "model-2", "model-0"]
    assert np.tril(behind).tolist() == [[0, 0, 0], [19, 0, 0], [20, 1, 0]]
    np.testing.assert_array_equal(behind, -behind.T)
    # model-0 goes 1.8 points up and down between its resamples' outer tenths.
    assert decided[1, 0]
    assert decided[2, 0]
    assert not decided[2, 1]


def cells(figure):
    (image,) = figure.axes[0].get_images()
    return np.vectorize(to_hex, signature="(n)->()")(image.get_array())


def test_a_cell_is_grey_where_the_interval_holds_zero(style):
    found = cells(plot_differences(differences([50, 70, 51]), "sts", style))
    assert found[2, 1] == "#eeeeee"
    assert found[2, 0] == "#08214a"  # the largest difference
    assert found[1, 0] not in ("#eeeeee", "#ffffff")
    assert {found[0, 0], found[0, 1], found[1, 2], found[2, 2]} == {"#ffffff"}


def test_few_encoders_have_their_numbers_and_names(style):
    figure = plot_differences(differences([50, 70, 51], ["T", "U", "Avg."]), "sts", style)
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["19.0", "20.0", "1.0"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["model-1", "model-2"]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["model-2", "model-0"]
    assert axes.get_title(loc="left") == "sts, mean of 2 tasks, fp32, eol"


def overlaps(boxes):
    return [(i, j) for i, a in enumerate(boxes) for j, b in enumerate(boxes[:i]) if a.overlaps(b)]


@pytest.mark.parametrize("count", [2, 16, 17, 66])
def test_names_stand_apart_and_inside_the_figure(style, count):
    figure = plot_differences(differences(range(count), ["T", "U", "Avg."]), "sts", style)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert bool(axes.texts) == (count <= 16)
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        boxes = [label.get_window_extent() for label in labels]
        assert not overlaps(boxes)
        assert all(box.x0 >= 0 and box.y0 >= 0 for box in boxes)
        assert all(box.x1 <= figure.bbox.width for box in boxes)


def test_one_colour_is_enough(style):
    plain = replace(style, colours=["#E69F00"])
    assert cells(plot_differences(differences([50, 70, 51]), "sts", plain))[2, 0] == "#08214a"


def test_a_figure_is_the_same_in_every_run(style, tmp_path):
    for name in ("1.svg", "2.svg"):
        save_figure(plot_differences(differences([1, 9]), "sts", style), [tmp_path / name])
    assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()


def test_names_of_nothing_survive_the_file(tmp_path):
    table = differences([50, 50])
    table["model"], table["against_adapter"] = "NA", "null"
    write_csv(tmp_path / "d.csv", table)
    found = read_differences(tmp_path / "d.csv")
    pd.testing.assert_frame_equal(found, table, check_dtype=False)
    assert found.reversed.isna().all()
    write_csv(tmp_path / "d.csv", table.drop(columns="low"))
    with pytest.raises(ValueError, match=r"d\.csv: columns are"):
        read_differences(tmp_path / "d.csv")
    assert list(table.columns) == DIFFERENCE_COLUMNS
