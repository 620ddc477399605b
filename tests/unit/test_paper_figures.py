"""Every figure of the whole paper, of made-up results, can be read."""

import numpy as np
import pandas as pd
import pytest
from paper_grid import (
    encoders_of,
    made_up_benchmarks,
    made_up_geometry,
    made_up_scores,
    made_up_search,
    published,
    read_config,
    settings_of,
)
from readable import faults

from sentscale.bars import plot_representations
from sentscale.curves import plot_training
from sentscale.effort import plot_cost, read_effort
from sentscale.figures import Plot, Style
from sentscale.geometry_panels import plot_geometry
from sentscale.heat_map import plot_heat_map
from sentscale.histograms import plot_demonstrations
from sentscale.sizes import plot_scaling
from sentscale.spectra import plot_spectra, read_spectra

WIDE = {
    "models": ["opt-125m", "opt-350m", "opt-1.3b", "opt-2.7b", "opt-6.7b", "opt-13b", "opt-30b",
               "opt-66b", "llama-7b", "llama-13b", "llama-30b", "llama-65b"],
    "adapters": ["none"],
    "precisions": ["fp32"],
}  # fmt: skip
BASELINES = {"bert-base": "BERT", "simcse-bert-sup": "BERT", "simcse-roberta-unsup": "RoBERTa"}


@pytest.fixture(scope="module")
def config():
    return read_config("paper")


@pytest.fixture(scope="module")
def wide(config):
    """Twelve models with all representations of the catalogue, and baselines of one size."""
    wide = config | {"models": dict(config["models"])}
    names = {"representations": list(config["representations"]), "suites": ["dev"]}
    wide["run"] = [WIDE | names]
    for name, family in BASELINES.items():
        wide["models"][name] = {"parameters": 109_000_000, "family": family}
        wide["run"].append(WIDE | names | {"models": [name], "representations": ["avg", "prompt"]})
    return wide


def plot(config, suite):
    return Plot.from_settings(settings_of(config, suite))


@pytest.mark.parametrize("suite", ["sts", "transfer"])
def test_scaling(config, suite, monkeypatch):
    plotted = plot(config, suite)
    figure = plot_scaling(made_up_scores(config, suite), published(), plotted)
    assert faults(figure, monkeypatch) == []
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[0] == "OPT, fp32 and fp16"
    assert {"OPT, cse, fp32", "LLaMA, cse, fp32"} <= set(titles)
    assert titles[-1] == "families of one size"
    assert len(titles) == {"sts": 6, "transfer": 5}[suite]


def test_printed_scores_are_rings_at_their_sizes(config):
    plotted = plot(config, "sts")
    figure = plot_scaling(made_up_scores(config, "sts"), published(), plotted)
    colour = plotted.look("eol")["color"]
    rings = {
        tuple(line.get_xydata()[0])
        for line in figure.axes[0].lines
        if line.get_fillstyle() == "none" and line.get_color() == colour
    }
    # Table 1: PromptEOL of OPT, averages of the seven STS tasks.
    assert rings == {
        (config["models"][f"opt-{size}"]["parameters"], score)
        for size, score in (
            ("125m", 67.00), ("350m", 65.03), ("1.3b", 73.18), ("2.7b", 69.30),
            ("6.7b", 72.10), ("13b", 71.86), ("30b", 72.43), ("66b", 68.84),
        )
    }  # fmt: skip


def test_scaling_of_everything(wide, monkeypatch):
    plotted = plot(wide, "dev")
    figure = plot_scaling(made_up_scores(wide, "dev"), published(), plotted)
    assert faults(figure, monkeypatch) == []


@pytest.mark.parametrize("name", ["config", pytest.param("wide", marks=pytest.mark.slow)])
def test_representations(name, request, monkeypatch):
    config = request.getfixturevalue(name)
    plotted = plot(config, "dev")
    figure = plot_representations(made_up_scores(config, "dev"), published(), plotted)
    assert faults(figure, monkeypatch) == []
    numbers = sum(len(axes.texts) for axes in figure.axes)
    assert numbers == len(encoders_of(config, "dev"))


def test_demonstrations(config, monkeypatch):
    config = config | {"run": [WIDE | {"representations": ["icl"], "suites": ["dev"]}]}
    searched = made_up_search(config, "paper")
    assert len(searched) == 12
    style = Style(**config["figures"]["style"])
    assert faults(plot_demonstrations(searched, "dev", style), monkeypatch) == []


@pytest.mark.parametrize("suite", ["sts", "transfer"])
def test_cost(config, suite, tmp_path, monkeypatch):
    made_up_benchmarks(config, suite, tmp_path)
    plotted = plot(config, suite)
    table = plotted.table(made_up_scores(config, suite))
    figure = plot_cost(table.join(read_effort(tmp_path, table, suite)), plotted)
    assert faults(figure, monkeypatch) == []
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert [label.split()[0] for label in labels] == ["GPU-hours", "CPU-hours", "Peak"]


@pytest.mark.parametrize("draw", [plot_geometry, plot_spectra])
def test_geometry(draw, config, tmp_path, monkeypatch):
    table = read_spectra(made_up_geometry(config, "sts", tmp_path))
    assert faults(draw(table, plot(config, "sts")), monkeypatch) == []


@pytest.mark.slow
@pytest.mark.parametrize("draw", [plot_geometry, plot_spectra])
def test_geometry_of_everything(draw, wide, tmp_path, monkeypatch):
    table = read_spectra(made_up_geometry(wide, "dev", tmp_path))
    assert faults(draw(table, plot(wide, "dev")), monkeypatch) == []


@pytest.mark.parametrize(("encoders", "count"), [(1, 2), (2, 12)])
def test_heat_map(encoders, count, config, monkeypatch):
    random = np.random.default_rng(3333)
    maps = {f"model/{i}": random.uniform(-0.3, 1, (count, count)) for i in range(encoders)}
    sentences = ["Many wide words make way below the worn wooden bridge at dawn."] * count
    style = Style(**config["figures"]["style"])
    assert faults(plot_heat_map(maps, sentences, style), monkeypatch) == []


def test_training(config, monkeypatch):
    steps = np.arange(1, 101)
    curve = pd.DataFrame({"step": steps, "loss": 1 / steps, "gradient_norm": 1.0})
    curve["learning_rate"] = 5e-4
    candidates = pd.DataFrame({"step": [0, 50, 100], "score": [60.0, 85.0, 84.9]})
    candidates["chosen"] = candidates.score == 85.0
    models = ["opt-1.3b", "opt-2.7b", "opt-6.7b", "opt-13b", "llama-7b", "llama-13b"]
    runs = dict.fromkeys(models, (curve, candidates))
    style = Style(**config["figures"]["style"])
    assert faults(plot_training(runs, "dev", style), monkeypatch) == []
