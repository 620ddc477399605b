"""Layer choice: transformers' hidden states and SciPy's rank correlation are what is expected."""

import io
import json

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from engine_helpers import compute
from scipy.stats import spearmanr
from transformers import AutoModel, AutoTokenizer

from sentscale.figures import Style
from sentscale.files import write_json
from sentscale.layer_figure import plot_layers
from sentscale.layer_tables import best_layer, choice_table, read_layers
from sentscale.layers import layer_similarities, layer_table
from sentscale.loading import load_encoder
from sentscale.pairs import Pair, write_table
from sentscale.prompts import Representation

EOL = Representation('This sentence : "{text}" means in one word:"', "sentence", "last")
# Of different lengths: where positions are added, those of one length are the same before layer 1.
TEXTS = [
    "A man plays a guitar on the beach.",
    "A dog?",
    "It rains a lot in the hills, and it rains every day of the week",
    "x",
    "Snow on a hill",
    "One of the two dogs runs along the beach and carries a stick in its mouth",
    "Two men",
    "Stocks fell sharply on Monday",
]
PAIRS = [
    Pair(f"s:{row}", "s", TEXTS[row], TEXTS[(3 * row + 1) % 8], gold)
    for row, gold in enumerate([0.0, 5.0, 1.0, 3.0, 2.5, 4.0])
]
BOOTSTRAP = {"resamples": 200, "confidence": 0.95, "seed": 3}
ENGINES = [("plain",), ("fast",), ("fast", "stream")]


def hidden_states(folder, sentence):
    """The last token's state in front of each layer and behind the final norm."""
    tokens = AutoTokenizer.from_pretrained(folder)(EOL.prompt(sentence), return_tensors="pt")
    with torch.inference_mode():
        found = AutoModel.from_pretrained(folder).eval()(**tokens, output_hidden_states=True)
    states = [*found.hidden_states[:-1], found.last_hidden_state]
    return [state[0, -1].double().numpy() for state in states]


@pytest.mark.parametrize("settings", ENGINES, ids="-".join)
@pytest.mark.parametrize("name", ["opt", "opt-350m", "gpt2"])
def test_scores_are_those_of_transformers_states(tiny_model, name, settings):
    folder = tiny_model(name)
    states = {text: hidden_states(folder, text) for text in TEXTS}
    gold = [pair.gold for pair in PAIRS]
    expected = []
    for layer in range(4):
        sides = [(states[pair.left][layer], states[pair.right][layer]) for pair in PAIRS]
        cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in sides]
        expected.append(100 * spearmanr(cosines, gold).statistic)
    encoder = load_encoder(folder, "fp32", compute(*settings))
    table = layer_table(layer_similarities(encoder, EOL, PAIRS), [PAIRS], BOOTSTRAP)
    assert table.layer.tolist() == [0, 1, 2, 3]
    assert table.score.tolist() == pytest.approx(expected, abs=1e-9)
    assert len({round(score) for score in expected}) > 1  # else any layer would do


def test_words_alone_rank_nothing(tiny_model):
    # LLaMA adds no positions to its words, and every prompt ends in the same one.
    encoder = load_encoder(tiny_model("llama"), "fp32", compute())
    table = layer_table(layer_similarities(encoder, EOL, PAIRS), [PAIRS], BOOTSTRAP)
    assert table.loc[0].drop("layer").isna().all()
    assert table.loc[1:].notna().all(axis=None)


def gold_of(*values):
    return [Pair(f"s:{row}", "s", f"l{row}", f"r{row}", value) for row, value in enumerate(values)]


def test_a_table_by_hand():
    # Right, wrong way round, no score, half right: Spearman 1, -1, none, and of the ranks
    # 2 1 3 4 against 1 2 3 4: 1 - 6 * 2 / (4 * 15) = 0.8.
    gold = gold_of(1.0, 2.0, 3.0, 4.0)
    similarity = np.array(
        [[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1], [0.5] * 4, [0.2, 0.1, 0.3, 0.4]]
    )
    table = layer_table(similarity, [gold], BOOTSTRAP)
    assert table.score.tolist() == pytest.approx([100, -100, np.nan, 80], nan_ok=True)
    assert table.gain.tolist() == pytest.approx([20, -180, np.nan, 0], nan_ok=True)
    assert table.loc[0, ["low", "high"]].tolist() == pytest.approx([100, 100])
    assert table.loc[3, ["gain_low", "gain_high"]].tolist() == [0, 0]
    assert table.loc[0, "gain_low"] >= 0
    # Some resamples leave out the first or the second pair: there both are right, and the
    # first of equals is taken.
    assert table.chance.tolist() == pytest.approx([1, 0, np.nan, 0], nan_ok=True)
    assert best_layer(table).layer == 0


def test_the_mean_over_tasks_is_scored():
    tasks = [gold_of(1.0, 2.0, 3.0), gold_of(3.0, 2.0, 1.0, 0.0)]
    similarity = np.array(
        [[0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4, 0.3, 0.2, 0.1]]
    )
    table = layer_table(similarity, tasks, BOOTSTRAP)
    assert table.score.tolist() == pytest.approx([0, 100])
    assert table.chance.tolist() == [0, 1]


def test_a_last_layer_without_a_score_is_an_error():
    with pytest.raises(ValueError, match="last layer is undefined"):
        layer_table(np.array([[0.1, 0.2], [0.3, 0.3]]), [gold_of(1.0, 2.0)], BOOTSTRAP)


def table_of(scores):
    """A table in the file's form; gains as the step would give them."""
    scores = np.array(scores)
    columns = {"layer": range(len(scores)), "score": scores, "low": scores - 2, "high": scores + 1}
    columns |= {"gain": scores - scores[-1], "gain_low": scores - 71.0, "gain_high": scores - 69.0}
    return pd.DataFrame(columns | {"chance": [0.25] * len(scores)})


def test_of_equal_printed_scores_the_lowest_layer_is_taken():
    assert best_layer(table_of([np.nan, 70.001, 70.004, 69.0])).layer == 1


def test_the_choice_stands_beside_the_last_layer():
    layers = {
        "small/none/fp32/eol": table_of([np.nan, 60.0, 75.0, 70.0]),
        "small/cse/nf4/eol": table_of([50.0, 70.0]),
    }
    table = choice_table(layers)
    assert table.loc[0].tolist() == [
        *("small", "fp32", "eol", ""),
        *(3, 2, 0.25, 75.0, 70.0, 5.0, 4.0, 6.0),
    ]
    assert table.loc[1, ["adapter", "layers", "best", "gain"]].tolist() == ["cse", 1, 1, 0.0]


@pytest.fixture
def style(root):
    config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    return Style(**config["figures"]["style"])


def test_the_figure_has_a_line_for_each_encoder_and_rings_the_best_layer(style):
    layers = {
        "small/none/bf16/eol": table_of([np.nan, 60.0, 75.0, 70.0]),
        "large/none/bf16/eol": table_of([50.0, 71.0, 72.0, 73.0, 70.0]),
    }
    figure = plot_layers(layers, "dev", style)
    (axes,) = figure.axes
    drawn = [line for line in axes.lines if len(line.get_xdata()) > 1]
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told == ["small: layer 2, 75.0", "large: layer 3, 73.0"]
    assert drawn[1].get_ydata().tolist() == [50, 71, 72, 73, 70]
    rings = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line not in drawn]
    assert rings == [(2, 75), (3, 73)]
    assert axes.get_title(loc="left") == "bf16, eol"
    assert "dev" in axes.get_ylabel()
    band = axes.collections[1].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (48, 74)


@pytest.fixture
def step(tmp_path, tiny_model, monkeypatch):
    """Function that runs score_layers on a tiny model, and tells how often it was loaded."""
    import score_layers

    folder, loaded = tiny_model("opt"), []
    real = score_layers.load_encoder
    monkeypatch.setattr(score_layers, "open_weights", lambda path: folder)
    monkeypatch.setattr(score_layers, "load_encoder", lambda *args: loaded.append(1) or real(*args))
    write_json(tmp_path / "manifest.json", {"files": {}})
    write_table(tmp_path / "task.tsv", PAIRS)

    def run(bootstrap=BOOTSTRAP, representation=EOL, adapter=()):
        loaded.clear()
        write_json(tmp_path / "r.json", vars(representation))
        settings = {"engine": "fast", "placement": "resident", "threads": 1, "gpus": 0}
        settings |= {"max_tokens": 64, "shard_sentences": 8}
        score_layers.main(
            [
                *("--weights", str(tmp_path / "manifest.json"), "--adapter", *adapter),
                *("--precision", "fp32", "--representation", str(tmp_path / "r.json")),
                *("--tasks", str(tmp_path / "task.tsv"), "--bootstrap", json.dumps(bootstrap)),
                *("--protocol", "1", "--kept", str(tmp_path / "kept")),
                *("--compute", *(f"{key}={value}" for key, value in settings.items())),
                *("--out", str(tmp_path / "out.tsv"), "--about", str(tmp_path / "about.json")),
            ]
        )
        return (tmp_path / "out.tsv").read_text(), len(loaded)

    run.folder = tmp_path
    return run


def test_other_resamples_load_no_model(step):
    first, loaded = step()
    assert loaded == 1
    again, loaded = step(BOOTSTRAP | {"seed": 4})
    assert loaded == 0
    one, other = (pd.read_csv(io.StringIO(text), sep="\t") for text in (first, again))
    assert one.score.tolist() == other.score.tolist()
    assert one.low.tolist() != other.low.tolist()
    assert step()[0] == first
    several = Representation([EOL.template, '"{text}" is:"'], "sentence", "last")
    assert step(representation=several)[1] == 1


def test_what_a_score_was_made_from_stands_beside_it(step):
    step()
    about = json.loads((step.folder / "about.json").read_text())
    assert about["representation"] == vars(EOL)
    assert about["bootstrap"] == BOOTSTRAP
    assert set(about["inputs"]) == {"manifest", "task"}
    assert about["protocol"] == 1


def test_tables_and_figures_from_files(step, style):
    import plot_layers as plotting
    import tabulate_layers as tabulating

    step()
    table = read_layers([step.folder / "out.tsv"], ["tiny/none/fp32/eol"])
    assert table["tiny/none/fp32/eol"].columns.tolist()[:2] == ["layer", "score"]
    given = ["--scores", str(step.folder / "out.tsv"), "--encoders", "tiny/none/fp32/eol"]
    given += ["--suite", "dev"]
    tables = [str(step.folder / f"t.{kind}") for kind in ("csv", "md", "tex", "html")]
    tabulating.main([*given, "--training-sets", "{}", "--out", *tables])
    assert (step.folder / "t.csv").read_text().startswith("model,precision,representation,adapter")
    figures = [str(step.folder / f"f.{kind}") for kind in ("svg", "pdf")]
    plotting.main([*given, "--style", json.dumps(vars(style)), "--out", *figures])
    assert (step.folder / "f.pdf").stat().st_size > 1000
