import json
import logging

import numpy as np
import pandas as pd
import pytest
from paper_grid import read_config
from plot_cost import main

from sentscale.effort import pareto_front, plot_cost, read_effort
from sentscale.figures import Plot
from sentscale.tables import SCORE_COLUMNS, write_csv

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
SETTINGS = {
    "suite": "mine",
    "tasks": ["A"],
    "metric": "accuracy",
    "models": {
        "small": {"parameters": 125_000_000, "family": "OPT"},
        "large": {"parameters": 1_300_000_000, "family": "OPT"},
        "other": {"parameters": 7_000_000_000, "family": "LLaMA"},
    },
    "representations": ["avg", "eol"],
    "style": read_config()["figures"]["style"],
}
ENCODERS = pd.DataFrame(
    [["small", "", "fp32", "eol"], ["large", "cse", "nf4", "avg"]],
    columns=["model", "adapter", "precision", "representation"],
    index=[4, 7],
)


def measured(folder, encoder, seconds="36.0", memory="1000", cpu="72.0", resources=None):
    path = folder / encoder / "mine.tsv"
    path.parent.mkdir(parents=True)
    row = f"{seconds}\t0:00:36\t{memory}\t1\t1\t1\t1\t1\t1\t{cpu}"
    more = ("", "") if resources is None else ("\tresources", f"\t{resources}")
    path.write_text(f"{HEADER}{more[0]}\n{row}{more[1]}\n")


def test_hours_of_a_gpu_count_its_time_hours_of_a_cpu_its_cores(tmp_path):
    measured(tmp_path, "small/none/fp32/eol", resources={"devices": 0, "mem_mb": 9})
    measured(tmp_path, "large/cse/nf4/avg", resources={"devices": 4, "gres": "gpu:4"})
    effort = read_effort(tmp_path, ENCODERS, "mine")
    assert effort.index.tolist() == [4, 7]
    assert effort.cpu_hours.tolist() == pytest.approx([72 / 3600, np.nan], nan_ok=True)
    assert effort.gpu_hours.tolist() == pytest.approx([np.nan, 4 * 36 / 3600], nan_ok=True)
    # Snakemake's megabytes are 2^20 bytes: 1000 of them are 1.048576e9 bytes.
    assert effort.memory_gb.tolist() == pytest.approx([1.048576, 1.048576])


def test_without_resources_nobody_knows_of_gpus(tmp_path):
    measured(tmp_path, "small/none/fp32/eol")
    effort = read_effort(tmp_path, ENCODERS[:1], "mine")
    assert effort[["cpu_hours", "gpu_hours"]].isna().all(axis=None)
    assert effort.memory_gb.notna().all()


def test_what_was_not_measured_is_missing_and_not_zero(tmp_path):
    measured(tmp_path, "small/none/fp32/eol", memory="NA", cpu="0.00")
    assert read_effort(tmp_path, ENCODERS, "mine").isna().all(axis=None)


def test_a_file_without_a_row_is_an_error(tmp_path):
    measured(tmp_path, "small/none/fp32/eol")
    path = tmp_path / "small/none/fp32/eol/mine.tsv"
    path.write_text(f"{HEADER}\n")
    with pytest.raises(ValueError, match=r"mine\.tsv: no line under the names"):
        read_effort(tmp_path, ENCODERS, "mine")


@pytest.mark.parametrize(
    "row",
    ["36.0\t0:00:36", "x\t" + 9 * "1\t" + "{}", "36.0\t" + 9 * "1\t" + "{'devices': 0, 'mem"],
)
def test_a_row_that_is_cut_short_is_an_error(tmp_path, row):
    measured(tmp_path, "small/none/fp32/eol")
    path = tmp_path / "small/none/fp32/eol/mine.tsv"
    path.write_text(f"{HEADER}\tresources\n{row}\n")
    with pytest.raises(ValueError, match=r"mine\.tsv: not a whole benchmark of Snakemake: {'s': "):
        read_effort(tmp_path, ENCODERS, "mine")


def test_the_front_holds_what_nothing_else_beats():
    # 1: cheapest. 3: dearer and better. 0: dearer, no better. 2: as dear as 3, worse. 4: best.
    cost = np.array([3.0, 1.0, 2.0, 2.0, 9.0])
    score = np.array([60.0, 50.0, 55.0, 60.0, 61.0])
    assert pareto_front(cost, score) == [1, 3, 4]


def test_of_equals_one_is_on_the_front():
    assert pareto_front(np.array([1.0, 1.0]), np.array([5.0, 5.0])) == [0]


def table(*rows):
    """Encoders with score, GPU-hours, CPU-hours and memory."""
    columns = ["model", "precision", "representation", "adapter", "score"]
    found = pd.DataFrame(rows, columns=[*columns, "gpu_hours", "cpu_hours", "memory_gb"])
    for key in ("family", "parameters"):
        found[key] = [SETTINGS["models"][model][key] for model in found.model]
    return found


def draw(*rows):
    return plot_cost(table(*rows), Plot.from_settings(SETTINGS))


def test_each_measure_has_a_panel_with_its_front_and_its_names():
    figure = draw(
        ["small", "fp32", "eol", "", 60.0, 1.0, np.nan, 2.0],
        ["large", "nf4", "eol", "cse", 80.0, 5.0, np.nan, 4.0],
        ["other", "fp32", "avg", "", 50.0, 7.0, np.nan, 3.0],
    )
    hours, memory = figure.axes
    assert hours.get_xlabel() == "GPU-hours"
    assert memory.get_xlabel().startswith("Peak memory")
    for axes, places in ((hours, [1, 5]), (memory, [2, 4])):
        (front,) = [line for line in axes.lines if line.get_linestyle() == "-"]
        assert front.get_xdata().tolist() == places
        assert front.get_ydata().tolist() == [60, 80]
        assert {text.get_text() for text in axes.texts} == {"125M", "1.3B cse nf4"}
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told == ["OPT", "LLaMA", "avg", "eol", "quantised", "with an adapter", "125M", "7B",
                    "best for its cost"]  # fmt: skip


def test_a_panel_says_how_many_were_measured():
    figure = draw(
        ["small", "fp32", "eol", "", 60.0, np.nan, 1.0, 2.0],
        ["large", "fp32", "eol", "", 80.0, np.nan, np.nan, np.nan],
    )
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["1 of 2 encoders"] * 2


def test_the_cost_axis_has_several_numbers_however_near_the_costs_are():
    axes = draw(["small", "fp32", "eol", "", 60.0, np.nan, 1.0, 2.0]).axes[0]
    low, high = axes.get_xlim()
    assert high / low > 4
    assert sum(low < place < high for place in axes.get_xticks()) >= 2


def test_nothing_measured_is_said():
    (axes,) = draw(["small", "fp32", "eol", "", 60.0, np.nan, np.nan, np.nan]).axes
    assert axes.get_xlabel() == "No job of this suite was measured."


def test_the_command_names_what_was_not_measured(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    measured(tmp_path / "benchmarks", "small/none/fp32/eol")
    rows = [[model, "fp32", "eol", adapter, "A", "accuracy", 50.0, 49.0, 51.0, 9]
            for model, adapter in (("small", ""), ("large", "cse"))]  # fmt: skip
    write_csv(tmp_path / "scores.csv", pd.DataFrame(rows, columns=SCORE_COLUMNS))
    main(
        ["--scores", str(tmp_path / "scores.csv"), "--benchmarks", str(tmp_path / "benchmarks"),
         "--settings", json.dumps(SETTINGS), "--out", str(tmp_path / "a.svg")]
    )  # fmt: skip
    assert caplog.messages == ["not measured, and left out: large fp32 eol cse"]
    assert (tmp_path / "a.svg").stat().st_size > 1000
