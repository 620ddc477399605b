"""Stored vectors are used only for what they were made from."""

import numpy as np
import pytest

from sentscale.files import sha256_of, write_json
from sentscale.store import open_vectors

PROMPT = {"template": "{text}", "clean_up": "words", "pooling": "last"}


@pytest.fixture
def store(tmp_path):
    """Two vectors with all that they were made from."""
    (tmp_path / "sentences.txt").write_text("one\ntwo\n")
    np.save(tmp_path / "v.npy", np.eye(2, dtype=np.float32))
    write_json(tmp_path / "weights.json", {"files": {"model": "1"}})
    write_json(tmp_path / "adapter.json", {"files": {"adapter": "1"}})
    write_json(tmp_path / "prompt.json", PROMPT | {"demonstration": None})
    names = {"manifest": "weights.json", "sentences": "sentences.txt", "adapter": "adapter.json"}
    about = {
        "sha256": sha256_of(tmp_path / "v.npy"),
        "representation": PROMPT,
        "inputs": {key: sha256_of(tmp_path / name) for key, name in names.items()},
    }
    write_json(tmp_path / "v.json", about)
    return tmp_path


def opened(folder, *others):
    names = ["v.npy", "v.json", "sentences.txt", "weights.json", "prompt.json", "adapter.json"]
    return open_vectors(*[folder / name for name in names])


def test_each_sentence_has_its_row(store):
    vectors, row = opened(store)
    assert row == {"one": 0, "two": 1}
    assert vectors[row["two"]].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("sentences.txt", "one\nthree\n", "another sentences"),
        ("weights.json", "{}", "another manifest"),
        ("adapter.json", "{}", "another adapter"),
    ],
)
def test_vectors_of_an_earlier_run_are_refused(store, name, text, told):
    # A cluster reported their job as done, but it never ran.
    (store / name).write_text(text)
    with pytest.raises(ValueError, match=rf"v\.npy was made from {told}: .* delete"):
        opened(store)


def test_vectors_of_another_prompt_are_refused(store):
    write_json(store / "prompt.json", PROMPT | {"pooling": "mean", "demonstration": None})
    with pytest.raises(ValueError, match=r"made from another representation: .*'pooling': 'last'"):
        opened(store)


def test_vectors_without_an_adapter_are_not_taken_for_one_with(store):
    write_json(
        store / "v.json",
        {
            "sha256": sha256_of(store / "v.npy"),
            "representation": PROMPT,
            "inputs": {
                "manifest": sha256_of(store / "weights.json"),
                "sentences": sha256_of(store / "sentences.txt"),
            },
        },
    )
    with pytest.raises(ValueError, match="another adapter: None"):
        opened(store)
