import json
import os
import subprocess
import sys

import pandas as pd
import pytest
from paper_grid import read_config
from printed import published, write_published

from sentscale.figures import Plot, save_figure
from sentscale.sizes import plot_scaling
from sentscale.tables import SCORE_COLUMNS, write_csv

SETTINGS = {
    "suite": "two",
    "tasks": ["A", "B"],
    "metric": "spearman_all",
    "models": {
        "small": {"parameters": 331_000_000, "family": "OPT", "size": "350M"},
        "large": {"parameters": 1_300_000_000, "family": "OPT"},
        "huge": {"parameters": 30_000_000_000, "family": "OPT"},
        "seven": {"parameters": 6_600_000_000, "family": "LLaMA", "size": "7B"},
        "sixty": {"parameters": 65_000_000_000, "family": "LLaMA"},
        "bert": {"parameters": 109_000_000, "family": "BERT"},
    },
    "representations": ["avg", "eol", "icl"],
    "style": read_config()["figures"]["style"],
}
NOTHING = published()


def scores(*encoders, tasks=("A", "B")):
    """Score 50 of the first encoder on its first task, one more for each that follows."""
    rows = [
        [model, precision, representation, adapter, task, "spearman_all"]
        for model, representation, adapter, precision in encoders
        for task in tasks
    ]
    rows = [[*row, 50.0 + i, 48.0 + i, 53.0 + i, 9] for i, row in enumerate(rows)]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def of(models, representation, adapter="", precision="fp32"):
    return [(model, representation, adapter, precision) for model in models]


def plot(**changes):
    return Plot.from_settings(SETTINGS | changes)


def draw(*encoders, printed=NOTHING):
    return plot_scaling(scores(*encoders), printed, plot())


def drawn(axes, marker=None):
    """Points of each line that is drawn through scores, single ones too."""
    return [
        line.get_xydata().tolist()
        for line in axes.lines
        if line.get_marker() not in ("None", "_", "|")
        and (marker is None or line.get_fillstyle() == marker)
    ]


OPT, LLAMA = ("small", "large"), ("seven", "sixty")


def test_a_line_joins_the_sizes_of_a_family():
    figure = draw(*of(OPT, "eol"), *of(LLAMA, "eol"))
    lines = [drawn(axes) for axes in figure.axes]
    # Averages of 50 and 51, of 52 and 53, and so on.
    assert lines == [
        [[[331e6, 50.5], [1.3e9, 52.5]]],
        [[[6.6e9, 54.5], [65e9, 56.5]]],
    ]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["OPT, fp32", "LLaMA, fp32"]


def test_the_size_axis_is_logarithmic_with_a_tick_for_each_model_of_the_panel():
    figure = draw(*of(OPT, "eol"), *of(LLAMA, "eol"))
    left, right = figure.axes
    assert left.get_xscale() == right.get_xscale() == "log"
    assert [tick.get_text() for tick in left.get_xticklabels()] == ["350M", "1.3B"]
    assert [tick.get_text() for tick in right.get_xticklabels()] == ["7B", "65B"]
    assert left.get_xlim() == right.get_xlim()
    assert left.get_xlim()[0] < 331e6
    assert left.get_xlim()[1] > 65e9
    assert left.get_ylim() == right.get_ylim()
    assert "Parameters" in figure.get_supxlabel()
    assert figure.get_supylabel() == "Spearman's ρ × 100, mean of 2 tasks"


def test_bands_are_the_intervals_of_the_averages():
    # A 50 (48 to 53), B 51 (49 to 54): average 50.5; below it sqrt(2^2 + 2^2) / 2 = 1.41, above
    # sqrt(3^2 + 3^2) / 2 = 2.12, both rounded to 2 decimals. The larger model scores 2 more.
    (axes,) = draw(*of(OPT, "eol")).axes
    (band,) = axes.collections
    corners = {tuple(round(number, 2) for number in corner)
               for corner in band.get_paths()[0].vertices}  # fmt: skip
    assert corners == {
        (331e6, 49.09), (331e6, 52.62), (1.3e9, 51.09), (1.3e9, 54.62),
    }  # fmt: skip


def test_a_single_point_has_a_bar_beside_those_of_its_model():
    (axes,) = draw(*of(("small",), "avg"), *of(("small",), "eol")).axes
    first, second = axes.containers
    (segment,) = first.lines[2][0].get_segments()
    assert segment[:, 1].tolist() == pytest.approx([50.5 - 1.41, 50.5 + 2.12])
    places = [container.lines[0].get_xdata()[0] for container in (first, second)]
    assert places[0] < 331e6 < places[1]
    assert places[0] * places[1] == pytest.approx(331e6**2)  # as far away on both sides


def test_a_family_of_one_size_is_named():
    figure = draw(*of(OPT, "eol"), *of(("bert",), "avg"))
    assert [tick.get_text() for tick in figure.axes[1].get_xticklabels()] == ["bert"]
    assert figure.axes[1].get_xscale() == "linear"
    assert drawn(figure.axes[1]) == [[[0.5, 54.5]]]
    # The other panel's axis is one of sizes.
    assert [axes.get_xlabel() for axes in figure.axes] == ["Parameters (log scale)", ""]
    assert figure.get_supxlabel() == ""


def test_an_encoder_that_misses_a_task_is_left_out():
    whole = scores(*of(OPT, "eol"))
    (axes,) = plot_scaling(whole.drop(index=3), NOTHING, plot()).axes
    assert drawn(axes) == [[[331e6, 50.5]]]


def test_no_complete_encoder_is_an_error():
    with pytest.raises(ValueError, match=r"no encoder has a spearman_all score on all of \['A'"):
        plot_scaling(scores(*of(OPT, "eol"), tasks=["A"]), NOTHING, plot())


def test_published_scores_are_open_markers_where_they_belong():
    rows = [
        ("Prompt", "OPT", "350M", "no", 61.0),
        ("Prompt", "OPT", "30B", "no", 62.0),
        ("Tuned", "OPT", "1.3B", "yes", 81.0),
        ("Something", "OPT", "1.3B", "no", 63.0),
        ("Four bits", "OPT", "1.3B", "no", 59.0),
    ]
    ours = {
        rows[0][:3]: "small fp32,bf16 icl,eol",
        rows[1][:3]: "huge fp16 eol",
        rows[2][:3]: "large fp32 eol cse",
        rows[4][:3]: "large nf4 eol",
    }
    figure = draw(
        *of(OPT, "eol"), *of(OPT, "icl"), *of(OPT, "eol", "cse"), *of(OPT, "eol", "", "nf4"),
        printed=published(*rows, ours=ours),
    )  # fmt: skip
    rings = {axes.get_title(loc="left"): drawn(axes, "none") for axes in figure.axes}
    # Also of a size that the run does not have.
    assert rings == {
        "OPT, fp32": [[[331e6, 61.0]], [[30e9, 62.0]]],
        "OPT, nf4": [[[1.3e9, 59.0]]],
        "OPT, cse, fp32": [[[1.3e9, 81.0]]],
    }
    # The first of the representations that the method compares with.
    ring, _ = (line for line in figure.axes[0].lines if line.get_fillstyle() == "none")
    assert ring.get_color() == plot().look("eol")["color"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "eol", "icl", "published",
    ]  # fmt: skip


def test_points_and_rings_of_one_model_stand_apart_on_a_long_axis():
    rows = [("Prompt", "OPT", size, "no", 50.5) for size in ("350M", "1.3B", "30B")]
    models = dict(zip(("350M", "1.3B", "30B"), ("small", "large", "huge"), strict=True))
    ours = {row[:3]: f"{models[row[2]]} fp32 eol" for row in rows}
    figure = draw(
        *of(("large",), "eol"), *of(("large",), "icl"), printed=published(*rows, ours=ours)
    )
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    assert (low < 331e6, high > 30e9) == (True, True)
    eol, icl = (container.lines[0].get_xdata()[0] for container in axes.containers)
    # 3 % of the axis from each other, in its own measure, and as far from the size on both sides.
    assert icl / eol == pytest.approx((high / low) ** 0.03)
    assert eol * icl == pytest.approx(1.3e9**2)
    rings = {x for ((x, _),) in drawn(axes, "none")}
    assert rings == {331e6, eol, 30e9}


def test_a_family_of_one_size_has_its_published_scores_too():
    rows = [("Mean", "BERT", "110M", "no", 54.0), ("Other", "BERT", "110M", "no", 53.0)]
    ours = {rows[0][:3]: "bert fp32,bf16 avg", rows[1][:3]: "bert nf4 avg"}
    figure = draw(
        *of(OPT, "eol"), *of(("bert",), "avg"), *of(("bert",), "eol"),
        printed=published(*rows, ours=ours),
    )  # fmt: skip
    named = figure.axes[1]
    bare, rings = drawn(named, "full"), drawn(named, "none")
    assert [place for ((place, _),) in bare] == pytest.approx([0.35, 0.65])  # 0.3 apart
    # None for the score in four bits, which the run does not have.
    assert rings == [[[pytest.approx(0.35), 54.0]]]
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told == ["avg", "eol", "published"]


def test_a_legend_tells_of_published_scores_only_where_there_are_any():
    (legend,) = draw(*of(OPT, "eol")).legends
    assert [text.get_text() for text in legend.get_texts()] == ["eol"]


def test_another_process_gives_the_same_bytes(tmp_path, root):
    ours = scores(*of(OPT, "avg"), *of(OPT, "eol"))
    write_csv(tmp_path / "scores.csv", ours)
    row = ("Prompt", "OPT", "350M", "no", 61.0)
    files = write_published(tmp_path, row, ours={row[:3]: "small fp32 eol"})
    command = [sys.executable, root / "workflow/scripts/plot_scaling.py"]
    command += ["--scores", tmp_path / "scores.csv", "--published", *files]
    command += ["--settings", json.dumps(SETTINGS), "--out", tmp_path / "a.svg", tmp_path / "a.pdf"]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": "7"})
    figure = plot_scaling(ours, published(row, ours={row[:3]: "small fp32 eol"}), plot())
    save_figure(figure, [tmp_path / "b.svg", tmp_path / "b.pdf"])
    for name in ("svg", "pdf"):
        assert (tmp_path / f"a.{name}").read_bytes() == (tmp_path / f"b.{name}").read_bytes()
