"""A checkpoint is complete or absent, and is looked at before it is trusted."""

import errno
import os
import resource
import shutil
from dataclasses import replace

import pandas as pd
import pytest
import torch
from engine_helpers import files, warnings_of
from peft import LoraConfig, PeftModel, get_peft_model_state_dict
from safetensors import SafetensorError
from training_helpers import lora_model, same_bits, small
from transformers import AutoModel

from sentscale import checkpoints
from sentscale.checkpoints import ADAPTER, CONFIG, CURVE, OPTIMISER, STATE, Checkpoints, State
from sentscale.lora import trained

WHOLE = [CONFIG, ADAPTER, CURVE, OPTIMISER, STATE]
PLAIN = LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj"])


def state(step, numbers=6):
    tensors = {name: torch.full((numbers,), float(step)) for name in ("a", "b")}
    kinds = ("mean", "square")
    moments = {f"{kind}.{name}": one / 3 for kind in kinds for name, one in tensors.items()}
    curve = pd.DataFrame({"step": range(1, step + 1), "loss": [1 / (n + 3) for n in range(step)]})
    counters = {"updates": float(step), "scaler": {"scale": 1024.0}}
    return State(step, tensors, moments, counters, curve)


def written(parent, *steps, every=2):
    kept = Checkpoints(parent, {"seed": 1}, every)
    for step in steps:
        kept.save(state(step), PLAIN)
    return kept


def flip(path):
    """Another byte in the middle; the size stays."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-7])


def test_what_is_read_is_what_was_written(tmp_path):
    kept = written(tmp_path, 2, 4)
    found, expected = kept.read(kept.newest()), state(4)
    assert found.step == 4
    assert same_bits(found.adapter, expected.adapter)
    assert same_bits(found.optimiser, expected.optimiser)
    assert found.counters == expected.counters
    pd.testing.assert_frame_equal(found.curve, expected.curve, check_exact=True)


def test_without_checkpoints_training_begins(tmp_path):
    kept = Checkpoints(tmp_path / "none", {}, 2)
    assert (kept.newest(), kept.steps()) == (0, [])


def fill_the_disk(name):
    """A `save_file` that writes half of one file, and no more."""
    save = checkpoints.save_file

    def full(tensors, path, **options):
        save(tensors, path, **options)
        if path.name == name:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    return full


@pytest.mark.parametrize("name", [ADAPTER, OPTIMISER])
def test_a_full_disk_leaves_the_last_checkpoint_and_no_half(tmp_path, monkeypatch, name):
    kept = written(tmp_path, 2, 4)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_file", fill_the_disk(name))
        with pytest.raises(OSError, match="No space left"):
            kept.save(state(6), PLAIN)
    assert files(kept.folder) == ["step-000002", "step-000004"]
    assert kept.newest() == 4
    kept.save(state(6), PLAIN)  # there is room again
    assert kept.newest() == 6


def test_a_file_too_large_for_the_system_leaves_no_half(tmp_path):
    kept = written(tmp_path, 2)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(SafetensorError, match="File too large"):
            kept.save(state(4, numbers=10_000), PLAIN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files(kept.folder) == ["step-000002"]
    assert files(kept.path(2)) == WHOLE


def test_what_a_killed_job_was_writing_is_no_checkpoint(tmp_path):
    kept = written(tmp_path, 2)
    left = kept.folder / ".step-000004.0a1b2c3d.part"
    shutil.copytree(kept.path(2), left)
    os.utime(left, (0, 0))  # long ago
    assert (kept.steps(), kept.newest()) == ([2], 2)
    kept.save(state(4), PLAIN)
    assert files(kept.folder) == ["step-000002", "step-000004"]


@pytest.mark.parametrize("damage", [flip, cut, lambda path: path.unlink()])
@pytest.mark.parametrize("name", [ADAPTER, CONFIG, CURVE, STATE])
def test_the_one_before_a_damaged_newest_is_taken(tmp_path, caplog, name, damage):
    kept = written(tmp_path, 2, 4)
    damage(kept.path(4) / name)
    assert kept.newest() == 2
    (warning,) = warnings_of(caplog)
    assert f"{kept.path(4)} is damaged and left out: " in warning
    assert kept.steps() == [2]  # the other is gone, so that it is made anew


@pytest.mark.parametrize("damage", [flip, cut])
def test_a_damaged_optimiser_is_not_gone_on_from(tmp_path, caplog, damage):
    kept = written(tmp_path, 2, 4)
    damage(kept.path(4) / OPTIMISER)
    assert kept.newest() == 2
    assert f"{OPTIMISER} is not what was written" in caplog.text


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"sha256": 1}', '{"sha256": ["a"]}'])
def test_a_state_that_says_nothing_is_damage(tmp_path, caplog, text):
    kept = written(tmp_path, 2, 4)
    (kept.path(4) / STATE).write_text(text)
    assert kept.newest() == 2
    assert "is damaged" in caplog.text


def test_nothing_good_is_a_beginning(tmp_path, caplog):
    kept = written(tmp_path, 2)
    cut(kept.path(2) / ADAPTER)
    assert (kept.newest(), kept.steps()) == (0, [])
    assert len(warnings_of(caplog)) == 1


def test_only_the_two_newest_can_be_gone_on_from_and_only_candidates_stay(tmp_path):
    kept = written(tmp_path, 2, 4, 5, 6)
    assert kept.steps() == [2, 4, 5, 6]
    kept.save(state(8), PLAIN)
    assert kept.steps() == [2, 4, 6, 8]  # 5, after a signal, was no candidate
    with_optimiser = [step for step in kept.steps() if (kept.path(step) / OPTIMISER).exists()]
    assert with_optimiser == [6, 8]
    assert kept.newest() == 8
    flip(kept.path(8) / ADAPTER)
    assert kept.newest() == 6


@pytest.mark.parametrize("damage", ["flip", "gone"])
@pytest.mark.parametrize(("place", "last"), [(2, 0), (4, 0), (6, 0), (8, 7)])
def test_training_goes_back_before_a_damaged_candidate(tmp_path, place, last, damage):
    # A run that only went on would end with a candidate less. The optimisers of 2 to 6 are gone.
    kept = written(tmp_path, 2, 4, 6, 7, 8)
    if damage == "flip":
        flip(kept.path(place) / ADAPTER)
    else:
        checkpoints.remove(kept.path(place))
    assert kept.newest() == last
    assert kept.steps() == [step for step in (2, 4, 6, 7) if step <= last]


def test_a_damaged_checkpoint_that_is_no_candidate_is_passed_over(tmp_path):
    kept = written(tmp_path, 2, 3, 4)
    flip(kept.path(3) / ADAPTER)
    assert kept.newest() == 4
    assert kept.steps() == [2, 3, 4]


@pytest.mark.parametrize("change", [{"seed": 2}, {"seed": 1, "more": 0}, {"recipe": {"seed": 1}}])
def test_other_settings_take_nothing_up(tmp_path, change):
    written(tmp_path, 2, 4)
    other = Checkpoints(tmp_path, change, 2)
    assert (other.newest(), other.steps()) == (0, [])
    assert written(tmp_path).newest() == 4  # and take nothing away


def test_the_order_of_settings_does_not_matter(tmp_path):
    Checkpoints(tmp_path, {"a": 1, "b": 2}, 2).save(state(2), PLAIN)
    assert Checkpoints(tmp_path, {"b": 2, "a": 1}, 2).newest() == 2


def test_clear_removes_all_of_the_job(tmp_path):
    written(tmp_path / "job", 2)
    Checkpoints(tmp_path / "job", {"seed": 2}, 2).clear()
    assert files(tmp_path) == []


def test_published_candidates_are_pefts_own(tiny_model, tmp_path):
    folder = tiny_model("llama")
    model = lora_model(folder, small(), dtype=torch.float32)
    kept = Checkpoints(tmp_path / "kept", {}, 2)
    for step in (2, 3, 4):
        with torch.no_grad():
            for matrix in trained(model).values():
                matrix += 1
        adapter = {name: one.detach() for name, one in trained(model).items()}
        kept.save(replace(state(step), adapter=adapter), model.peft_config["default"])
    (tmp_path / "out").mkdir()  # of an earlier run
    (tmp_path / "out" / "step-000009").mkdir()
    kept.publish(tmp_path / "out")
    kept.clear()
    assert files(tmp_path) == ["out"]
    assert files(tmp_path / "out") == ["step-000002", "step-000004"]  # 3 is no candidate
    assert files(tmp_path / "out" / "step-000004") == [CONFIG, ADAPTER]
    body = AutoModel.from_pretrained(folder)
    read = PeftModel.from_pretrained(body, tmp_path / "out" / "step-000004").eval()
    assert same_bits(get_peft_model_state_dict(read), get_peft_model_state_dict(model))
    ids = torch.tensor([[5, 6, 7]])
    assert torch.equal(read(ids).last_hidden_state, model.eval()(ids).last_hidden_state)
    assert str(folder) not in (tmp_path / "out" / "step-000004" / CONFIG).read_text()


def test_files_can_be_read_by_all(tmp_path):
    kept = written(tmp_path, 2)
    modes = {path.name: path.stat().st_mode & 0o444 for path in kept.path(2).iterdir()}
    assert modes == dict.fromkeys(WHOLE, 0o444)
