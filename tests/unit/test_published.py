"""Published adapters: from the hub to PEFT's two files."""

import json
import os
import pickle
import shutil

import pytest
import torch
from engine_helpers import SHORT_PROMPTS, compute, far, files
from fetch_adapter import main
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModel

from sentscale.adapters import open_adapter
from sentscale.checkpoints import ADAPTER, CONFIG
from sentscale.files import read_json, sha256_of
from sentscale.loading import load_encoder
from sentscale.published import BIN

REPOSITORY, REVISION = "org/adapter", "0123456789abcdef0123456789abcdef01234567"
SOURCE = {"hub": {"repository": REPOSITORY, "revision": REVISION}}
WHOSE = f"{REPOSITORY} at {REVISION}: "


@pytest.fixture(scope="module")
def adapter(tiny_model, tmp_path_factory):
    """Folder of an adapter of tiny OPT, as PEFT saves it today."""
    folder = tmp_path_factory.mktemp("adapter")
    torch.manual_seed(4444)
    settings = LoraConfig(r=4, lora_alpha=2, target_modules=["q_proj", "fc1"])
    model = get_peft_model(AutoModel.from_pretrained(tiny_model("opt")), settings)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(params=[ADAPTER, BIN])
def remote(adapter, tmp_path, request):
    """What the authors uploaded: today's format, or that of 2023 with settings of that time."""
    folder = shutil.copytree(adapter, tmp_path / "remote")
    if request.param == BIN:
        tensors = load_file(folder / ADAPTER)
        torch.save({key: tensor.half() for key, tensor in tensors.items()}, folder / BIN)
        (folder / ADAPTER).unlink()
        settings = read_json(folder / CONFIG)
        old = {key: settings[key] for key in ("peft_type", "r", "lora_alpha", "bias")}
        old |= {"enable_lora": None, "merge_weights": False}
        (folder / CONFIG).write_text(json.dumps(old))
    for name in ("optimizer.pt", "rng_state.pth"):
        (folder / name).write_bytes(b"large")
    return folder


@pytest.fixture
def fetch(tmp_path):
    """Function that runs the command; the folder it writes to."""
    folder = tmp_path / "results" / "cse"

    def run():
        main(["--source", json.dumps(SOURCE), "--manifest", str(folder / "manifest.json")])
        return folder

    run.folder = folder
    return run


def test_a_published_adapter_becomes_what_training_writes(hub, remote, adapter, fetch, tiny_model):
    hub.add_model(REPOSITORY, REVISION, remote)
    folder = fetch()
    assert files(folder) == sorted([ADAPTER, CONFIG, "manifest.json"])
    digests = {name: sha256_of(folder / name) for name in (ADAPTER, CONFIG)}
    assert read_json(folder / "manifest.json") == {"source": SOURCE, "files": digests}
    assert open_adapter(folder / "manifest.json") == folder
    assert (folder / CONFIG).read_bytes() == (remote / CONFIG).read_bytes()
    mine, theirs = load_file(folder / ADAPTER), load_file(adapter / ADAPTER)
    assert mine.keys() == theirs.keys()
    assert all(torch.allclose(mine[key].float(), theirs[key], atol=1e-3) for key in mine)
    found, expected = (
        load_encoder(tiny_model("opt"), "fp32", compute(), one).encode(SHORT_PROMPTS, "last")
        for one in (folder, adapter)
    )
    assert far(found, expected) < (0.02 if (remote / BIN).exists() else 1e-6)


def test_only_what_is_needed_is_fetched_and_only_once(hub, remote, fetch, monkeypatch):
    from huggingface_hub import constants

    hub.add_model(REPOSITORY, REVISION, remote)
    first = sha256_of(fetch() / "manifest.json")
    asked = {path.rpartition("/")[2] for path in hub.server.asked if "/resolve/" in path}
    assert asked == {CONFIG, BIN if (remote / BIN).exists() else ADAPTER}
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert sha256_of(fetch() / "manifest.json") == first


def test_safetensors_are_preferred(hub, adapter, fetch, tmp_path):
    both = shutil.copytree(adapter, tmp_path / "both")
    (both / BIN).write_bytes(b"not even a pickle")
    hub.add_model(REPOSITORY, REVISION, both)
    assert (fetch() / ADAPTER).read_bytes() == (adapter / ADAPTER).read_bytes()
    assert not [path for path in hub.server.asked if path.endswith(BIN)]


def test_a_damaged_file_of_the_cache_is_refused(hub, remote, fetch):
    hub.add_model(REPOSITORY, REVISION, remote)
    shutil.rmtree(fetch())
    (weights,) = [path for path in hub.cache.rglob("adapter_model.*") if path.is_symlink()]
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.resolve().write_bytes(content)
    with pytest.raises(ValueError, match=rf"{weights.name}: sha256 is .*, expected"):
        fetch()
    assert not fetch.folder.exists()


@pytest.mark.parametrize(
    ("missing", "told"),
    [(CONFIG, f"no {CONFIG}, so it is no adapter"), (ADAPTER, f"neither {ADAPTER} nor {BIN}")],
)
def test_a_repository_that_is_no_adapter_is_named(hub, adapter, fetch, tmp_path, missing, told):
    shutil.copytree(adapter, tmp_path / "remote", ignore=shutil.ignore_patterns(missing))
    hub.add_model(REPOSITORY, REVISION, tmp_path / "remote")
    with pytest.raises(ValueError, match=WHOSE + told):
        fetch()
    assert not fetch.folder.exists()


def test_a_model_in_place_of_an_adapter_is_named(hub, tiny_model, fetch):
    hub.add_model(REPOSITORY, REVISION, tiny_model("opt"))
    with pytest.raises(ValueError, match=WHOSE + f"no {CONFIG}"):
        fetch()


def test_no_such_repository_is_named(hub, fetch):
    with pytest.raises(OSError, match=REPOSITORY):
        fetch()
    assert not fetch.folder.exists()


def test_offline_with_a_cold_cache_is_named(hub_cache, fetch):
    with pytest.raises(OSError, match=WHOSE + ".*outgoing traffic has been disabled"):
        fetch()
    assert not fetch.folder.exists()


def test_more_than_plain_lora_stops_before_any_job(hub, adapter, fetch, tmp_path):
    remote = shutil.copytree(adapter, tmp_path / "remote")
    settings = read_json(remote / CONFIG) | {"use_dora": True}
    (remote / CONFIG).write_text(json.dumps(settings))
    hub.add_model(REPOSITORY, REVISION, remote)
    with pytest.raises(ValueError, match="use_dora is True; only plain LoRA is known"):
        fetch()
    assert not fetch.folder.exists()


def test_a_pickle_that_runs_code_is_refused(hub, adapter, fetch, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "evil"),)

    remote = shutil.copytree(adapter, tmp_path / "remote")
    (remote / ADAPTER).unlink()
    torch.save({"a": Evil()}, remote / BIN)
    hub.add_model(REPOSITORY, REVISION, remote)
    with pytest.raises(pickle.UnpicklingError, match=rf"models--org--adapter.*{BIN}.*weights_only"):
        fetch()
    assert not (tmp_path / "evil").exists()
    assert files(fetch.folder) == []
