import json
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import yaml

from sentscale.figures import Plot, plot_representations, plot_scaling, save_figure, short_count
from sentscale.tables import SCORE_COLUMNS, write_csv

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
SETTINGS = {
    "suite": "two",
    "tasks": ["A", "B"],
    "metric": "spearman_all",
    "models": {
        "small": {"parameters": 125_000_000, "family": "OPT"},
        "large": {"parameters": 1_300_000_000, "family": "OPT"},
        "other": {"parameters": 7_000_000_000, "family": "LLaMA"},
    },
    "representations": ["avg", "eol", "icl"],
    "style": CONFIG["figures"]["style"],
}
FULL = [
    (model, representation, task)
    for model in ("small", "large", "other")
    for representation in ("avg", "eol")
    for task in ("A", "B")
]


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def scores(cells, precision="fp32"):
    rows = [
        [
            model,
            precision,
            representation,
            "",
            task,
            "spearman_all",
            50.0 + i,
            48.0 + i,
            53.0 + i,
            9,
        ]
        for i, (model, representation, task) in enumerate(cells)
    ]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def plot(**changes):
    return Plot.from_settings(SETTINGS | changes)


def lines(figure):
    return [container for container in figure.axes[0].containers if len(container) > 1]


def heights(figure):
    """Drawn scores of each representation."""
    return [[bar.get_height() for bar in bars] for bars in figure.axes[0].containers
            if hasattr(bars, "patches")]  # fmt: skip


BOTH = pytest.mark.parametrize("draw", [plot_scaling, plot_representations])


@BOTH
@pytest.mark.parametrize("suffix", ["svg", "pdf"])
def test_the_same_scores_give_the_same_bytes(draw, suffix, tmp_path):
    paths = [tmp_path / f"{number}.{suffix}" for number in range(2)]
    for path in paths:
        save_figure(draw(scores(FULL), plot()), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].stat().st_size > 1000


def test_another_process_gives_the_same_bytes(tmp_path):
    write_csv(tmp_path / "scores.csv", scores(FULL))
    script = ROOT / "workflow" / "scripts" / "plot_scaling.py"
    command = [sys.executable, script, "--scores", tmp_path / "scores.csv"]
    command += ["--settings", json.dumps(SETTINGS), "--out", tmp_path / "a.svg", tmp_path / "a.pdf"]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": "7"})
    figure = plot_scaling(scores(FULL), plot())
    for name in ("svg", "pdf"):
        save_figure(figure, tmp_path / f"b.{name}")
        assert (tmp_path / f"a.{name}").read_bytes() == (tmp_path / f"b.{name}").read_bytes()


@BOTH
def test_a_colour_of_the_configuration_is_drawn(draw, tmp_path):
    style = CONFIG["figures"]["style"]
    colours = ["#123456", *style["colours"][1:]]
    save_figure(draw(scores(FULL), plot()), tmp_path / "a.svg")
    save_figure(draw(scores(FULL), plot(style=style | {"colours": colours})), tmp_path / "b.svg")
    assert "#123456" not in (tmp_path / "a.svg").read_text()
    assert "#123456" in (tmp_path / "b.svg").read_text()


@BOTH
def test_the_size_is_the_configurations(draw):
    figure = draw(scores(FULL), plot(style=SETTINGS["style"] | {"width_in": 5, "height_in": 2}))
    assert figure.get_size_inches().tolist() == [5, 2]


@BOTH
def test_one_model_is_enough(draw, tmp_path):
    figure = draw(scores(FULL[:4]), plot())
    save_figure(figure, tmp_path / "one.svg")
    assert len(figure.axes[0].get_xticks()) == 1


@BOTH
def test_the_score_axis_tells_metric_unit_and_what_is_averaged(draw):
    label = draw(scores(FULL), plot()).axes[0].get_ylabel()
    assert "Spearman" in label
    assert "× 100" in label
    assert "mean of 2 tasks" in label
    alone = draw(scores(FULL), plot(tasks=["A"])).axes[0].get_ylabel()
    assert "A" in alone
    assert "mean" not in alone


@BOTH
def test_pearson_is_called_pearson(draw):
    pearson = scores(FULL).assign(metric="pearson_all")
    label = draw(pearson, plot(metric="pearson_all")).axes[0].get_ylabel()
    assert "Pearson" in label
    assert "Spearman" not in label


def test_the_size_axis_is_logarithmic_with_a_tick_for_each_model():
    axes = plot_scaling(scores(FULL), plot()).axes[0]
    assert axes.get_xscale() == "log"
    assert "Parameters" in axes.get_xlabel()
    assert axes.get_xticks().tolist() == [125e6, 1.3e9, 7e9]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["125M", "1.3B", "7B"]


def test_a_line_joins_the_models_of_one_family():
    # Two representations of two families: OPT with two sizes, LLaMA with one.
    drawn = plot_scaling(scores(FULL), plot()).axes[0].containers
    sizes = sorted(len(container.lines[0].get_xdata()) for container in drawn)
    assert sizes == [1, 1, 2, 2]


def test_points_are_averages_with_their_intervals():
    # small, avg: A 50 (48 to 53), B 51 (49 to 54). Average 50.5; below sqrt(2^2 + 2^2) / 2 = 1.41,
    # above sqrt(3^2 + 3^2) / 2 = 2.12, both rounded to 2 decimals.
    figure = plot_scaling(scores(FULL[:2]), plot())
    (container,) = figure.axes[0].containers
    (segment,) = container.lines[2][0].get_segments()
    assert container.lines[0].get_ydata().tolist() == [50.5]
    assert segment[:, 1].tolist() == pytest.approx([50.5 - 1.41, 50.5 + 2.12])


@BOTH
def test_an_encoder_that_misses_a_task_is_left_out(draw):
    missing = [cell for cell in FULL if cell != ("other", "eol", "B")]
    figure = draw(scores(missing), plot())
    drawn = len(figure.axes[0].containers)
    assert drawn == len(draw(scores(FULL), plot()).axes[0].containers) - (draw is plot_scaling)
    if draw is plot_representations:
        assert [len(values) for values in heights(figure)] == [3, 2]


@BOTH
def test_no_complete_encoder_is_an_error(draw):
    with pytest.raises(ValueError, match=r"no encoder has a spearman_all score on all of \['A'"):
        draw(scores([("small", "avg", "A")]), plot())


@BOTH
def test_precisions_are_not_mixed(draw):
    figure = draw(pd.concat([scores(FULL), scores(FULL, "nf4")]), plot())
    words = " ".join(text.get_text() for text in figure.findobj(plt.Text))
    assert "fp32" in words
    assert "nf4" in words


@BOTH
def test_an_interval_may_miss_its_point(draw):
    # A percentile interval need not hold the point: few pairs, many ties.
    missed = scores([("small", "avg", "A"), ("small", "eol", "A")])
    missed.loc[0, "low"] = missed.loc[0, "value"] + 0.5
    draw(missed, plot(tasks=["A"]))


def test_representations_keep_their_colour_without_the_others():
    look = plot().look
    assert look("eol") == {"color": SETTINGS["style"]["colours"][1], "marker": "v"}
    figure = plot_representations(scores([("small", "eol", "A")]), plot(tasks=["A"]))
    (bars,) = [bars for bars in figure.axes[0].containers if hasattr(bars, "patches")]
    assert (
        plt.matplotlib.colors.to_hex(bars.patches[0].get_facecolor())
        == look("eol")["color"].lower()
    )


def test_colours_repeat_after_the_last():
    style = SETTINGS["style"] | {"colours": ["#111111", "#222222"], "markers": ["o"]}
    assert plot(style=style).look("icl") == {"color": "#111111", "marker": "o"}


def test_bars_tell_their_value():
    figure = plot_representations(scores([("small", "eol", "A")]), plot(tasks=["A"]))
    assert "50.0" in [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize(
    ("count", "text"),
    [(134_515_008, "135M"), (1_315_758_080, "1.32B"), (7e9, "7B"), (66e9, "66B"), (999, "999"),
     (2_500, "2.5K"), (999_999_999, "1B")],
)  # fmt: skip
def test_sizes_are_written_as_people_do(count, text):
    assert short_count(count) == text


@pytest.mark.parametrize("change", [{"colour": 1}, {"style": {"colours": []}}])
def test_unknown_or_missing_settings_are_refused(change):
    with pytest.raises(TypeError):
        Plot.from_settings(SETTINGS | change)


def test_no_two_representations_look_alike(tmp_path):
    names = [f"r{number}" for number in range(60)]
    drawn = plot(representations=names)
    looks = [tuple(drawn.look(name).values()) for name in names]
    assert len(set(looks)) == 60
    assert len({(drawn.look(name)["color"], drawn.hatch(name)) for name in names}) == 60
    colours, markers = SETTINGS["style"]["colours"], SETTINGS["style"]["markers"]
    assert looks[10] == (colours[10], markers[10])
    assert looks[11:13] == [(colours[0], markers[1]), (colours[1], markers[2])]
    assert looks[22] == (colours[0], markers[2])
    assert looks[21] == (colours[10], markers[0])
