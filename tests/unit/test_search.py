import json

import numpy as np
import pytest

from sentscale.demonstrations import Demonstration, write_demonstrations
from sentscale.encoder import Compute
from sentscale.files import write_json
from sentscale.loading import load_encoder
from sentscale.pairs import Pair, write_table
from sentscale.prompts import Representation
from sentscale.search import similarities

EOL = Representation('This sentence : "{text}" means in one word:"', "sentence", "last")
PROMPT = {"shot": '"{demo}":"{word}".', "template": '"{text}":"'}
PROMPT |= {"clean_up": "sentence", "pooling": "last"}
TEXTS = ["a cat", "a dog?", "it rains", "the sun", "a cat", "snow", "one", "two", "x", "a cat"]
PAIRS = [
    Pair(f"s:{i}", "s", left, right, float(i))
    for i, (left, right) in enumerate(zip(TEXTS[::2], TEXTS[1::2], strict=True))
]
LIST = [Demonstration(f"Sentence {i}.", f"Word{'abcdefg'[i]}") for i in range(7)]


def test_similarities_are_cosines_of_each_pair(tiny_model):
    encoder = load_encoder(tiny_model("opt"), "fp32", Compute("fast", "resident", 1, 0, 256, 8))
    a, b = (
        encoder.encode([EOL.prompt(getattr(p, side)) for p in PAIRS], "last").astype(float)
        for side in ("left", "right")
    )
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    found = similarities(encoder, EOL, PAIRS)
    assert found.dtype == np.float32
    assert found == pytest.approx(cosine, abs=1e-6)


@pytest.fixture
def search(tmp_path, tiny_model, monkeypatch):
    """Function that runs the step on a shard of a list, and tells which templates it computed."""
    import search_demonstrations as step

    from sentscale import search as library

    computed = []

    def counted(encoder, representation, pairs):
        computed.append(representation.template)
        if len(computed) == counted.dies_at:
            raise KeyboardInterrupt
        return similarities(encoder, representation, pairs)

    counted.dies_at = None
    monkeypatch.setattr(library, "similarities", counted)
    folder = tiny_model("opt")
    manifest = {"weights": {"path": str(folder)}, "files": {}}
    write_json(tmp_path / "manifest.json", manifest)
    monkeypatch.setattr(step, "open_weights", lambda path: folder)
    write_table(tmp_path / "task.tsv", PAIRS)
    write_table(tmp_path / "other.tsv", PAIRS[:2])

    def run(candidates=LIST, shard=(1, 1), max_tokens=256, precision="fp32", tasks=("task",)):
        computed.clear()
        write_demonstrations(tmp_path / "list.tsv", candidates)
        compute = {"engine": "fast", "placement": "resident", "threads": 1, "gpus": 0}
        compute |= {"max_tokens": max_tokens, "shard_sentences": 8}
        step.main(
            [
                *("--weights", str(tmp_path / "manifest.json"), "--precision", precision),
                *(
                    "--candidates",
                    str(tmp_path / "list.tsv"),
                ),
                *("--tasks", *(str(tmp_path / f"{task}.tsv") for task in tasks)),
                *("--prompt", json.dumps(PROMPT), "--protocol", "1"),
                *("--compute", *(f"{key}={value}" for key, value in compute.items())),
                *("--shard", *map(str, shard), "--kept", str(tmp_path / "kept")),
                *("--out", str(tmp_path / "out.npy")),
            ]
        )
        return np.load(tmp_path / "out.npy"), list(computed)

    run.counted = counted
    run.folder = tmp_path
    return run


def test_row_0_has_no_demonstration(search):
    rows, computed = search()
    assert rows.shape == (8, 5)
    assert computed[:2] == ['"{text}":"', '"Sentence 0.":"Worda"."{text}":"']


def test_a_killed_search_goes_on_where_it_was(search):
    whole, _ = search()
    for path in (search.folder / "kept").rglob("*.npy"):
        path.unlink()
    (search.folder / "out.npy").unlink()
    search.counted.dies_at = 4
    with pytest.raises(KeyboardInterrupt):
        search()
    assert not (search.folder / "out.npy").exists()
    search.counted.dies_at = None
    rows, computed = search()
    assert len(computed) == 8 - 3
    assert rows.tobytes() == whole.tobytes()


def test_a_longer_list_costs_only_what_is_new(search):
    first, _ = search(LIST[:5])
    longer, computed = search([*LIST[5:], *LIST[:5]])
    assert [text[1:11] for text in computed] == ["Sentence 5", "Sentence 6"]
    assert longer[3:].tobytes() == first[1:].tobytes()


def test_shards_are_the_whole(search):
    whole, _ = search()
    parts = [search(shard=(number, 3)) for number in (1, 2, 3)]
    assert np.concatenate([rows for rows, _ in parts]).tobytes() == whole.tobytes()
    assert not any(computed for _, computed in parts)  # nothing is done again


def test_more_shards_than_candidates_leave_some_empty(search):
    rows, computed = search(LIST[:1], shard=(3, 3))
    assert rows.shape == (0, 5)
    assert not computed


def test_a_damaged_similarity_is_computed_again(search):
    whole, _ = search()
    path = next((search.folder / "kept").rglob("*.npy"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    rows, computed = search()
    assert len(computed) == 1
    assert rows.tobytes() == whole.tobytes()


def test_speed_does_nothing_again_and_precision_does_all(search):
    search()
    assert search(max_tokens=64)[1] == []
    assert len(search(precision="bf16")[1]) == 8


def test_tasks_in_another_order_are_another_search(search):
    one, _ = search(tasks=("task", "other"))
    other, computed = search(tasks=("other", "task"))
    assert len(computed) == 8
    assert other[:, :2].tobytes() == one[:, 5:].tobytes()
