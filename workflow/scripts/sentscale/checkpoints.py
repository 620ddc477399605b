"""Checkpoints of a training run: complete or absent, and looked at before they are trusted."""

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from peft import PeftConfig
from safetensors.torch import load_file, save_file

from sentscale.files import read_json, remove, sha256_of, sync, write_json, written_whole

log = logging.getLogger(__name__)

Tensors = Mapping[str, torch.Tensor]

# The first two are PEFT's names.
ADAPTER, CONFIG = "adapter_model.safetensors", "adapter_config.json"
OPTIMISER, CURVE, STATE = "optimiser.safetensors", "curve.csv", "state.json"
# The newest, and one to fall back on. A checkpoint without its optimiser is a candidate only.
RESUMABLE = 2


@dataclass(frozen=True)
class State:
    """All that training goes on from.

    Attributes:
        step: Steps that are done.
        adapter: LoRA's matrices by PEFT's names.
        optimiser: AdamW's moments, by the matrices' names behind `mean.` and `square.`.
        counters: Small numbers: AdamW's own count of steps, the scale of fp16.
        curve: A row for each step that is done.
    """

    step: int
    adapter: Tensors
    optimiser: Tensors
    counters: dict[str, Any]
    curve: pd.DataFrame


class Checkpoints:
    """The checkpoints of one run, in a folder of their own.

    The folder lies outside the declared outputs, which Snakemake deletes when a job fails.
    """

    def __init__(self, parent: Path, settings: dict[str, Any], every: int) -> None:
        """Take the folder of these settings.

        Args:
            parent: The job's own; everything in it goes with `clear`.
            settings: All that decides the numbers.
            every: The checkpoint of every nth step is a candidate and stays.
        """
        text = json.dumps(settings, sort_keys=True)
        self.parent, self.every = parent, every
        self.folder = parent / hashlib.sha256(text.encode()).hexdigest()[:32]

    def path(self, step: int) -> Path:
        """Folder of a step's checkpoint."""
        return self.folder / f"step-{step:06d}"

    def save(self, state: State, config: PeftConfig) -> None:
        """Write a checkpoint; then forget what is no longer needed of older ones.

        Args:
            state: Of the run.
            config: PEFT's, which becomes its file.
        """
        with written_whole(self.path(state.step)) as part:
            part.mkdir()
            save_file(dict(state.adapter), part / ADAPTER, metadata={"format": "pt"})
            save_file(dict(state.optimiser), part / OPTIMISER)
            for name in (ADAPTER, OPTIMISER):  # safetensors makes them private to the user
                (part / name).chmod(0o644)
            config.save_pretrained(part)
            state.curve.to_csv(part / CURVE, index=False)
            files = {path.name: sha256_of(path) for path in sorted(part.iterdir())}
            about = {"step": state.step, "counters": state.counters, "sha256": files}
            write_json(part / STATE, about)
            sync(part)
        steps = self.steps()
        for step in steps[:-RESUMABLE]:
            if step % self.every:
                remove(self.path(step))
            else:
                remove(self.path(step) / OPTIMISER)

    def steps(self) -> list[int]:
        """Steps that have a checkpoint, good or not, in order."""
        return sorted(int(path.name.removeprefix("step-")) for path in self.folder.glob("step-*"))

    def newest(self) -> int:
        """Step of the newest good checkpoint whose earlier candidates are all good; 0 for none.

        What cannot be used is removed, so that training makes it anew.
        """
        last, candidate = 0, self.every  # the next candidate that must be there
        for step in self.steps():
            good = self._is_good(step)
            if step > candidate or (step == candidate and not good):
                break
            candidate += self.every * (step == candidate)
            if good and (self.path(step) / OPTIMISER).exists():
                last = step
        for step in self.steps():
            if step > last:
                remove(self.path(step))
        return last

    def read(self, step: int) -> State:
        """A checkpoint that `newest` found."""
        folder = self.path(step)
        return State(
            step,
            load_file(folder / ADAPTER),
            load_file(folder / OPTIMISER),
            read_json(folder / STATE)["counters"],
            pd.read_csv(folder / CURVE),
        )

    def _is_good(self, step: int) -> bool:
        """Whether every file of a checkpoint is there as it was written; else warn."""
        folder = self.path(step)
        try:
            about = read_json(folder / STATE)
            for name, digest in about["sha256"].items():
                gone = name == OPTIMISER and not (folder / name).exists()
                if not gone and sha256_of(folder / name) != digest:
                    raise ValueError(f"{name} is not what was written")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s is damaged and left out: %s", folder, error)
            return False
        return True

    def publish(self, folder: Path) -> None:
        """Write the candidates, each as a folder that PEFT can read."""
        with written_whole(folder) as part:
            for step in self.steps():
                if step % self.every == 0:
                    target = part / self.path(step).name
                    target.mkdir(parents=True)
                    for name in (ADAPTER, CONFIG):
                        shutil.copyfile(self.path(step) / name, target / name)

    def clear(self) -> None:
        """Remove all checkpoints, those of other settings too."""
        remove(self.parent)
