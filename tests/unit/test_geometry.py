import json
from itertools import combinations

import measure_geometry
import numpy as np
import pytest
from scipy.spatial.distance import cosine, pdist
from scipy.stats import entropy

from sentscale.files import sha256_of, write_array, write_json, write_text
from sentscale.geometry import (
    alignment,
    component_variances,
    effective_rank,
    geometry,
    mean_cosine,
    uniformity,
)
from sentscale.measures import geometry_table
from sentscale.pairs import Pair, write_table


def vectors(n=30, d=5, seed=0):
    """With a common direction, as language models have it, and lengths that differ."""
    rng = np.random.default_rng(seed)
    return ((rng.normal(size=(n, d)) + 1) * rng.uniform(1, 9, (n, 1))).astype(np.float32)


def unit_vectors(*args):
    found = vectors(*args).astype(float)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_mean_cosine_is_that_of_all_pairs():
    found = vectors()
    pairs = [1 - cosine(a, b) for a, b in combinations(found, 2)]
    assert mean_cosine(found) == pytest.approx(np.mean(pairs), abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[1, 0], [5, 0]], 1),
        ([[1, 0], [0, 2]], 0),
        ([[1, 0], [-2, 0]], -1),
        ([[1, 0], [0, 1], [3, 0]], 1 / 3),  # cosines 0, 1, 0
    ],
)
def test_mean_cosine_by_hand(rows, expected):
    assert mean_cosine(np.array(rows, np.float32)) == pytest.approx(expected)


@pytest.mark.parametrize("count", [1023, 1024, 1025, 2050])
def test_blocks_miss_no_row(count):
    found = unit_vectors(count, 3)
    gram = found @ found.T
    off = gram[~np.eye(count, dtype=bool)]
    assert mean_cosine(found) == pytest.approx(off.mean())
    assert uniformity(found) == pytest.approx(np.log(np.exp(-2 * (2 - 2 * off)).mean()))


def test_uniformity_by_hand():
    # Squared distances: 2 between axes, 4 between opposites; 4 pairs of the first, 2 of the second.
    axes = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    expected = np.log((4 * np.exp(-4) + 2 * np.exp(-8)) / 6)
    assert uniformity(axes) == pytest.approx(expected)
    assert uniformity(np.array([[1.0, 0], [1, 0]])) == pytest.approx(0)


@pytest.mark.parametrize("shape", [(30, 5), (5, 30), (6, 6)])
def test_variances_are_those_of_the_singular_values(shape):
    found = unit_vectors(*shape)
    singular = np.linalg.svd(found - found.mean(axis=0), compute_uv=False)
    expected = (singular**2 / len(found))[: min(len(found) - 1, found.shape[1])]
    assert component_variances(found) == pytest.approx(expected, abs=1e-12)


def test_effective_rank_by_hand():
    assert effective_rank(np.ones(7)) == pytest.approx(7)
    assert effective_rank(np.array([3.0, 0, 0])) == pytest.approx(1)
    # Shares 1/2, 1/4, 1/4: entropy 1.5 ln 2.
    assert effective_rank(np.array([2.0, 1, 1])) == pytest.approx(2**1.5)


def test_alignment_is_of_pairs_that_people_call_alike():
    # (2 - 2 * 0.9 + 2 - 2 * 0.5) / 2: "a score higher than 4", so that 4 does not count.
    assert alignment(np.array([0.9, 0.1, 0.5]), np.array([5.0, 4.0, 4.2])) == pytest.approx(0.6)
    assert alignment(np.array([0.9]), np.array([4.0])) is None


def test_a_suite_is_measured_on_a_sample_that_is_seeded():
    found = vectors(200, 4)
    whole = geometry(found, 200, 1)
    assert geometry(found, 10_000, 2) == whole  # all of them, whatever the seed
    once, again, other = geometry(found, 50, 1), geometry(found, 50, 1), geometry(found, 50, 2)
    assert once == again
    assert once.mean_cosine == other.mean_cosine == whole.mean_cosine
    assert len({once.uniformity, other.uniformity, whole.uniformity}) == 3
    unit_length = found / np.linalg.norm(found, axis=1, keepdims=True)
    singular = np.linalg.svd(unit_length - unit_length.mean(axis=0), compute_uv=False)
    shares = singular**2 / (singular**2).sum()
    assert whole.spectrum == pytest.approx(shares, rel=1e-5)
    assert whole.first_component == pytest.approx(shares[0], rel=1e-5)
    assert whole.effective_rank == pytest.approx(np.exp(entropy(singular)))
    assert whole.uniformity == pytest.approx(np.log(np.exp(-2 * pdist(unit_length) ** 2).mean()))
    assert whole.mean_cosine == pytest.approx(1 - pdist(unit_length, "cosine").mean())


def test_lengths_do_not_count():
    found = vectors()
    longer = found * np.arange(1, 31, dtype=np.float32)[:, None]
    assert geometry(longer, 30, 1).uniformity == pytest.approx(geometry(found, 30, 1).uniformity)
    assert geometry(longer, 30, 1).spectrum == pytest.approx(geometry(found, 30, 1).spectrum)


@pytest.mark.parametrize("bad", [0, np.nan, np.inf])
def test_a_bad_vector_is_named(bad):
    found = vectors()
    found[17] = bad
    with pytest.raises(ValueError, match="vector 17 is not finite or has length zero"):
        mean_cosine(found)
    with pytest.raises(ValueError, match="vector 17 is not"):
        geometry(found, 30, 1)


def test_what_has_no_geometry_is_refused():
    with pytest.raises(ValueError, match="1 vectors have no geometry"):
        geometry(vectors(1), 10, 1)
    with pytest.raises(ValueError, match="all 30 vectors are the same"):
        geometry(np.tile(vectors(1), (30, 1)), 30, 1)


@pytest.fixture
def measured(tmp_path):
    """What measure_geometry makes of three sentences."""
    stored = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
    write_array(tmp_path / "s.npy", stored)
    write_text(tmp_path / "s.txt", "a\nb\nc\n")
    write_json(tmp_path / "weights.json", {})
    prompt = {"template": "{text}", "clean_up": "words", "pooling": "last"}
    write_json(tmp_path / "prompt.json", prompt | {"demonstration": None})
    inputs = {"manifest": "weights.json", "sentences": "s.txt"}
    about = {
        "sha256": sha256_of(tmp_path / "s.npy"),
        "representation": prompt,
        "inputs": {name: sha256_of(tmp_path / file) for name, file in inputs.items()},
    }
    write_json(tmp_path / "s.json", about)
    # a and c at 45 degrees: squared distance 2 - sqrt(2).
    write_table(tmp_path / "T.tsv", [Pair("1", "x", "a", "c", 4.5), Pair("2", "x", "a", "b", 0.0)])
    out = tmp_path / "m/cse/nf4/eol/s.json"
    measure_geometry.main(
        [
            *("--pairs", str(tmp_path / "T.tsv"), "--sentences", str(tmp_path / "s.txt")),
            *("--vectors", str(tmp_path / "s.npy"), "--about", str(tmp_path / "s.json")),
            *("--encoder", "m", "cse", "nf4", "eol", "--out", str(out)),
            *("--sample", '{"sentences": 10, "seed": 1}'),
            *("--made-from", str(tmp_path / "weights.json"), str(tmp_path / "prompt.json")),
        ]
    )
    return out


def test_a_file_tells_the_geometry_of_an_encoder(measured):
    found = json.loads(measured.read_text())
    assert found["alignment"] == pytest.approx(2 - np.sqrt(2))
    assert found["mean_cosine"] == pytest.approx(np.sqrt(2) / 3)
    assert (found["suite"], found["sentences"], found["dimensions"]) == ("s", 3, 2)
    assert sum(found["spectrum"]) == pytest.approx(1, abs=1e-5)
    assert set(found["inputs"]) == {"sentences", "vectors"}


def test_a_table_has_a_row_for_each_encoder(measured, tmp_path):
    other = json.loads(measured.read_text()) | {"alignment": None}
    other["encoder"] |= {"adapter": "none"}
    write_json(tmp_path / "other.json", other)
    table = geometry_table([measured, tmp_path / "other.json"])
    assert list(table.columns) == [
        "model", "precision", "representation", "adapter",
        "mean_cosine", "effective_rank", "first_component", "alignment", "uniformity",
    ]  # fmt: skip
    assert table.adapter.tolist() == ["cse", ""]
    assert table.alignment.notna().tolist() == [True, False]
    assert table.mean_cosine.tolist() == pytest.approx([np.sqrt(2) / 3] * 2)
