import json

import numpy as np
import pytest
from paper_grid import read_config
from plot_heat_map import main
from sklearn.metrics.pairwise import cosine_similarity

from sentscale.figures import Style, save_figure
from sentscale.files import sha256_of, write_array, write_json, write_text
from sentscale.heat_map import cosines, plot_heat_map

STYLE = read_config()["figures"]["style"]


def test_cosines_are_those_of_another_library():
    rows = np.random.default_rng(4444).normal(size=(5, 8)).astype(np.float32)
    assert cosines(rows) == pytest.approx(cosine_similarity(rows.astype(float)))


def test_a_zero_vector_is_an_error():
    with pytest.raises(ValueError, match="vector 1 is not finite or has length zero"):
        cosines(np.array([[1.0, 0.0], [0.0, 0.0]]))


def test_maps_share_their_colours_and_tell_the_cosine_of_different_sentences():
    maps = {
        "one": np.array([[1.0, 0.874], [0.874, 1.0]]),
        "two": np.array([[1.0, -0.126], [-0.126, 1.0]]),
    }
    figure = plot_heat_map(maps, ["A dog.", "A cat."], Style(**STYLE))
    first, second, _ = figure.axes
    assert [axes.get_title(loc="left") for axes in (first, second)] == ["one", "two"]
    assert [text.get_text() for text in first.texts] == ["87", "87"]
    assert [text.get_text() for text in second.texts] == ["-13", "-13"]
    # From the lowest of both, rounded down to a tenth.
    assert first.images[0].get_clim() == second.images[0].get_clim() == pytest.approx((-0.2, 1))
    assert [text.get_color() for text in (*first.texts, *second.texts)] == [
        "black",
        "black",
        "white",
        "white",
    ]
    assert [label.get_text() for label in first.get_yticklabels()] == ["A dog.  1", "A cat.  2"]
    assert not [label for label in second.get_yticklabels() if label.get_text()]


def test_equal_sentences_are_drawn():
    figure = plot_heat_map({"one": np.ones((2, 2))}, ["A dog."] * 2, Style(**STYLE))
    assert [text.get_text() for text in figure.axes[0].texts] == ["100", "100"]


def test_dollars_are_no_mathematics(tmp_path):
    text = "He paid $5 for _a_ and $6."
    figure = plot_heat_map({"one": np.eye(2)}, [text, "A cat."], Style(**STYLE))
    save_figure(figure, [tmp_path / "a.svg"])
    assert figure.axes[0].get_yticklabels()[0].get_text() == f"{text}  1"


def test_the_width_is_the_configurations():
    style = Style(**STYLE | {"width_in": 5})
    for count in (1, 2):
        maps = {str(number): np.eye(3) for number in range(count)}
        assert plot_heat_map(maps, ["A."] * 3, style).get_size_inches()[0] == 5


@pytest.fixture
def stored(tmp_path):
    """Arguments of the command for vectors of three sentences."""
    vectors = np.array([[1, 0], [1, 1], [0, 1]], dtype=np.float32)
    write_array(tmp_path / "v.npy", vectors)
    write_text(tmp_path / "s.txt", "A dog.\nA dog and a cat.\nA cat.\n")
    write_json(tmp_path / "manifest.json", {"files": {}})
    prompt = {"template": "{text}", "clean_up": "words", "pooling": "last"}
    write_json(tmp_path / "eol.json", prompt)
    made_from = [str(tmp_path / "manifest.json"), str(tmp_path / "eol.json")]
    digests = {name: sha256_of(tmp_path / file) for name, file in
               (("manifest", "manifest.json"), ("sentences", "s.txt"))}  # fmt: skip
    about = {"sha256": sha256_of(tmp_path / "v.npy"), "inputs": digests, "representation": prompt}
    write_json(tmp_path / "v.json", about)
    return [
        "--vectors", str(tmp_path / "v.npy"), "--abouts", str(tmp_path / "v.json"),
        "--encoders", "tiny/none/fp32/eol", "--made-from", json.dumps([made_from]),
        "--sentences", str(tmp_path / "s.txt"),
        "--count", "2", "--style", json.dumps(STYLE), "--out", str(tmp_path / "a.svg"),
    ]  # fmt: skip


def test_the_command_takes_the_first_sentences(stored, tmp_path, monkeypatch):
    seen = {}

    def kept(maps, sentences, style):
        seen.update(maps=maps, sentences=sentences)
        return plot_heat_map(maps, sentences, style)

    monkeypatch.setattr("plot_heat_map.plot_heat_map", kept)
    main(stored)
    assert seen["sentences"] == ["A dog.", "A dog and a cat."]
    # 45 degrees.
    root = 2**-0.5
    assert seen["maps"]["tiny/none/fp32/eol"] == pytest.approx(np.array([[1, root], [root, 1]]))
    assert (tmp_path / "a.svg").stat().st_size > 1000


def test_vectors_of_another_time_are_refused(stored, tmp_path):
    write_array(tmp_path / "v.npy", np.eye(3, dtype=np.float32))
    with pytest.raises(ValueError, match=r"v\.npy: sha256 is"):
        main(stored)
