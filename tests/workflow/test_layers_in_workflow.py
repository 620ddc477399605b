"""Layer choice and several templates in the whole workflow."""

import json

import pandas as pd
import pytest
import yaml

pytestmark = pytest.mark.slow

LAYERS = {"score_layers": 1, "tabulate_layers": 1, "plot_layers": 1}


@pytest.fixture(scope="module")
def planned(finished, tmp_path_factory):
    """The finished tiny workflow, asked for layers of a representation of two templates."""
    flow = finished.copy(tmp_path_factory.mktemp("layers") / "workflow")
    preset = yaml.safe_load((flow.folder / "tiny.yaml").read_text())
    grid = preset["run"][0] | {"suites": ["sample-dev"]}
    preset["representations"] = {
        "two": {
            "template": ['"{text}" means:"', 'In short, "{text}" is:"'],
            "clean_up": "sentence",
            "pooling": "last",
            "demonstration": None,
        }
    }
    preset["run"] = [*preset["run"], grid | {"representations": ["two"]}]
    preset["layers"] = [grid | {"representations": ["two"]}]
    (flow.folder / "tiny.yaml").write_text(yaml.safe_dump(preset))
    return flow


@pytest.fixture(scope="module")
def scored(planned, tmp_path_factory):
    flow = planned.copy(tmp_path_factory.mktemp("scored") / "workflow")
    flow.run()
    return flow


def test_layers_and_a_representation_are_all_that_is_planned(planned):
    jobs = planned.planned()
    new = {"fill_representation": 1, "embed_sentences": 1, "score_sts": 1, "collect_scores": 1}
    assert {**new, **LAYERS}.items() <= jobs.items()
    # All others are made from the scores and the vectors, in seconds.
    made_from_them = ("tabulate_", "plot_", "resample_", "measure_", "fit_", "write_")
    others = jobs.keys() - new.keys() - LAYERS.keys()
    assert all(name.startswith(made_from_them) for name in others), others


def test_the_last_layers_score_is_the_usual_one(scored):
    place = "tiny/none/fp32/two/sample-dev"
    layers = pd.read_csv(scored.folder / f"results/layers/{place}.tsv", sep="\t")
    (path,) = (scored.folder / "results/scores/sts/tiny/none/fp32/two").glob("*.json")
    usual = json.loads(path.read_text())["scores"]["spearman_all"]["value"]
    assert layers.score.iloc[-1] == pytest.approx(usual, abs=1e-9)
    assert len(layers) == 1 + 3
    for name in ("tables/layers/sample-dev.tex", "figures/layers/sample-dev.svg"):
        assert (scored.folder / "results" / name).stat().st_size > 100
    assert scored.planned() == {}


def test_other_resamples_take_the_kept_similarities(scored, tmp_path):
    flow = scored.copy(tmp_path / "workflow")
    flow.edit("tiny.yaml", "resamples: 100", "resamples: 101")
    assert flow.planned()["score_layers"] == 1
    table = "results/layers/tiny/none/fp32/two/sample-dev.tsv"
    flow.run("--", table)
    log = flow.folder / "results/logs/score_layers/tiny/none/fp32/two/sample-dev.log"
    assert "layer" in log.read_text()
    assert "tokens" not in log.read_text()  # no progress: nothing was embedded
