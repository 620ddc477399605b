"""The choice of a checkpoint: the best on a development suite, the latest of equals."""

import numpy as np
import pandas as pd
import pytest
import torch
from engine_helpers import files
from peft import PeftModel
from scipy.stats import spearmanr
from training_helpers import lora_model, small
from transformers import AutoModel, AutoTokenizer

from sentscale.candidates import choose_candidate, score_candidates
from sentscale.checkpoints import ADAPTER, CONFIG
from sentscale.files import read_json, sha256_of, write_json
from sentscale.lora import trained
from sentscale.pairs import Pair, write_table
from sentscale.progress import Progress
from sentscale.prompts import Representation
from sentscale.shards import ShardFolder
from sentscale.weights import write_manifest

PLAIN = Representation("{text}", "words", "last")
LEFT = ["a man", "two dogs", "the bank", "one stick", "A beach"]
RIGHT = ["the man", "one dog", "rates", "a guitar", "the sea"]
PAIRS = [Pair(f"d:{n}", "d", LEFT[n], RIGHT[n], float(n)) for n in range(5)]


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        ({50: 80.0}, 50),
        ({50: 80.0, 100: 81.0, 150: 79.0}, 100),
        ({50: 80.0, 100: 80.0, 150: 79.0}, 100),  # the latest of equals
        ({50: 80.004, 100: 79.996, 150: 80.0, 200: 79.0}, 150),  # all 80.00 but the last
        ({50: 80.004, 100: 80.006}, 100),
        ({50: 80.006, 100: 80.004}, 50),  # 80.01 and 80.00
        ({50: -3.0, 100: -2.0}, 100),
        ({0: 90.0, 50: 80.0, 100: 70.0}, 50),  # 0 is the model without an adapter
    ],
)
def test_the_latest_of_equal_printed_scores_is_taken(scores, chosen):
    table = choose_candidate(scores)
    assert table.step.tolist() == list(scores)
    assert table.score.tolist() == list(scores.values())
    assert table.step[table.chosen].tolist() == [chosen]


class Turning:
    """An encoder whose pairs are as far apart as their place in a list says."""

    def __init__(self, order):
        self.angles = dict.fromkeys(LEFT, 0.0) | dict(zip(RIGHT, order, strict=True))

    def encode(self, prompts, *others, **more):
        angles = np.array([self.angles[prompt] for prompt in prompts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


# Angles of the five pairs, whose gold is 0 to 4; a small angle is a high similarity.
ORDERS = {
    "none": [5, 4, 2, 3, 1],
    "first": [5, 4, 3, 2, 1],
    "second": [1, 2, 3, 4, 5],
    "third": [5, 4, 3, 1, 2],
}


@pytest.fixture
def folders(tmp_path):
    found = {0: None}
    for step, name in enumerate(["first", "second", "third"], start=1):
        (tmp_path / name).mkdir()
        (tmp_path / name / ADAPTER).write_text(name)
        found[step] = tmp_path / name
    return found


def score(folders, kept, most=9, orders=ORDERS):
    """Scores and the candidates that were loaded; the job is killed after `most` of them."""
    loaded = []

    def load(folder):
        if len(loaded) == most:
            raise KeyboardInterrupt
        loaded.append(folder.name if folder else "none")
        return Turning([angle / 10 for angle in orders[loaded[-1]]])

    progress = Progress("candidates", len(folders), "checkpoints")
    try:
        return score_candidates(folders, PLAIN, [PAIRS], load, kept, progress), loaded
    except KeyboardInterrupt:
        return None, loaded


def test_scores_by_hand(folders, tmp_path):
    # Two neighbours of five ranks are swapped: rho = 1 - 6 * 2 / (5 * 24).
    scores, loaded = score(folders, ShardFolder(tmp_path / "kept", {}))
    assert scores == pytest.approx({0: 90, 1: 100, 2: -100, 3: 90})
    assert loaded == list(ORDERS)


def test_a_candidate_that_was_scored_is_not_embedded_again(folders, tmp_path):
    kept = ShardFolder(tmp_path / "kept", {})
    assert score(folders, kept, most=3) == (None, ["none", "first", "second"])
    scores, loaded = score(folders, kept)
    assert loaded == ["third"]
    assert scores == pytest.approx({0: 90, 1: 100, 2: -100, 3: 90})
    (folders[2] / ADAPTER).write_text("trained again")
    assert score(folders, kept)[1] == ["second"]
    assert score(folders, ShardFolder(tmp_path / "kept", {"new": 1}))[1] == list(ORDERS)


def test_equal_similarities_have_no_score(folders, tmp_path):
    flat = ORDERS | {"second": [1] * 5}
    with pytest.raises(ValueError, match="step 2 is undefined: its similarities are all equal"):
        score(folders, ShardFolder(tmp_path / "kept", {}), orders=flat)


def pefts_score(folder, candidate):
    """By PEFT, transformers and scipy, one sentence at a time."""
    model = AutoModel.from_pretrained(folder).eval()
    if candidate:
        model = PeftModel.from_pretrained(model, candidate).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def vector(text):
        ids = tokenizer(f"X {text} Y", return_tensors="pt").input_ids
        return model(ids).last_hidden_state[0, -1]

    with torch.no_grad():
        found = [torch.cosine_similarity(vector(p.left), vector(p.right), dim=0) for p in PAIRS]
    return 100 * spearmanr([float(one) for one in found], [p.gold for p in PAIRS]).statistic


def test_the_script_copies_the_best_candidate(tiny_model, tmp_path):
    from choose_checkpoint import main

    folder = tiny_model("llama")
    model = lora_model(folder, small(rank=4), dtype=torch.float32)
    scores = [pefts_score(folder, None)]
    for step in (2, 4, 6):
        candidate = tmp_path / "checkpoints" / f"step-{step:06d}"
        model.save_pretrained(candidate)
        (candidate / "README.md").unlink()
        scores.append(pefts_score(folder, candidate))
        with torch.no_grad():
            for matrix in trained(model).values():
                matrix += 0.3 * torch.randn(matrix.shape)
    write_table(tmp_path / "dev.tsv", PAIRS)
    write_manifest(tmp_path / "model.json", {"path": str(folder)}, None)
    template = {"template": "X {text} Y", "clean_up": "words", "pooling": "last"}
    write_json(tmp_path / "prompt.json", template)
    write_json(tmp_path / "about.json", {"rows": 24})
    out = tmp_path / "out"
    words = {
        "checkpoints": [tmp_path / "checkpoints"],
        "about": [tmp_path / "about.json"],
        "triplets": ["nli"],
        "weights": [tmp_path / "model.json"],
        "precision": ["fp32"],
        "representation": [tmp_path / "prompt.json"],
        "tasks": [tmp_path / "dev.tsv"],
        "protocol": [1],
        "compute": ["engine=fast", "placement=resident", "threads=1", "gpus=0", "max_tokens=64"],
        "kept": [tmp_path / "kept"],
        "scores": [out / "checkpoints.csv"],
        "adapter": [out / ADAPTER, out / CONFIG],
        "manifest": [out / "manifest.json"],
    }
    words["compute"].append("shard_sentences=8")
    main([str(word) for name, value in words.items() for word in (f"--{name}", *value)])
    table = pd.read_csv(out / "checkpoints.csv")
    assert table.step.tolist() == [0, 2, 4, 6]
    assert table.score.tolist() == pytest.approx(scores)
    best = max((1, 2, 3), key=lambda place: (round(scores[place], 2), place))
    assert table.chosen.tolist() == [place == best for place in range(4)]
    chosen = tmp_path / "checkpoints" / f"step-{table.step[best]:06d}"
    assert files(out) == [CONFIG, ADAPTER, "checkpoints.csv", "manifest.json"]
    for name in (ADAPTER, CONFIG):
        assert (out / name).read_bytes() == (chosen / name).read_bytes()
    about = read_json(out / "manifest.json")
    assert about["files"] == {name: sha256_of(out / name) for name in (ADAPTER, CONFIG)}
    assert about["training"]["triplets"] == "nli"
    assert about["selection"]["step"] == table.step[best]
    assert about["selection"]["zero_shot"] == pytest.approx(scores[0])
    assert not (tmp_path / "kept").exists()
