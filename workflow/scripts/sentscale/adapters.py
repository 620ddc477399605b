"""Adapters in use: LoRA's matrices from PEFT's files, added to a model's weights."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from sentscale.checkpoints import ADAPTER, CONFIG
from sentscale.files import check_sha256, read_json, sha256_of, write_json

# What a key of PEFT's settings may be where LoRA is plain.
_PLAIN = {
    "peft_type": ("LORA",),
    "bias": ("none", None),
    "init_lora_weights": (True, False, "gaussian", "orthogonal", None),  # others change the model
}
# Keys that say nothing about what trained matrices do. All others must be empty, as they are
# where PEFT, this version or another, does no more than plain LoRA.
_FREE = {
    *("auto_mapping", "base_model_name_or_path", "ensure_weight_tying", "exclude_modules"),
    *("fan_in_fan_out", "inference_mode", "layers_pattern", "layers_to_transform", "lora_alpha"),
    *("lora_dropout", "megatron_core", "merge_weights", "peft_version", "qalora_group_size", "r"),
    *("revision", "target_modules", "task_type"),
}


@dataclass(frozen=True)
class Adapter:
    """LoRA's matrices: a layer's weight `(out, in)` becomes `weight + factor * b @ a`.

    Attributes:
        factor: alpha / r.
        matrices: `a`, `(r, in)`, and `b`, `(out, r)`, by the layer's name in the body.
    """

    factor: float
    matrices: Mapping[str, tuple[torch.Tensor, torch.Tensor]]


def write_manifest(out: Path, about: dict[str, Any]) -> None:
    """Write what is known of an adapter beside its files, and their digests."""
    files = {name: sha256_of(out.parent / name) for name in (ADAPTER, CONFIG)}
    write_json(out, about | {"files": files})


def open_adapter(manifest: Path | None) -> Path | None:
    """Folder of an adapter, after comparing its files with the manifest; None for none.

    Raises:
        ValueError: A file has another digest than when the manifest was written.
    """
    if manifest is None:
        return None
    for name, sha256 in read_json(manifest)["files"].items():
        check_sha256(manifest.parent / name, sha256)
    return manifest.parent


def read_settings(path: Path) -> tuple[int, float]:
    """Rank, and factor alpha / r, of PEFT's `adapter_config.json`, whatever its version.

    Raises:
        ValueError: The adapter is more than plain LoRA. Names the key.
    """
    config = read_json(path)
    others = sorted(config.keys() - _PLAIN.keys() - _FREE)
    for key in [*_PLAIN, *filter(config.get, others)]:
        if config.get(key) not in _PLAIN.get(key, ()):
            raise ValueError(f"{path}: {key} is {config.get(key)!r}; only plain LoRA is known")
    for key in ("r", "lora_alpha"):
        if not isinstance(config.get(key), int | float) or config[key] <= 0:
            raise ValueError(f"{path}: {key} is {config.get(key)!r}, not a number above 0")
    return config["r"], config["lora_alpha"] / config["r"]


def read_adapter(folder: Path, body: PreTrainedModel) -> Adapter:
    """Read PEFT's two files.

    Names of an adapter that was made for a model with its vocabulary head begin with
    the body's name in the whole model, which is taken off.

    Args:
        folder: Where they are.
        body: The model, with or without weights: its linear layers are looked up.

    Raises:
        ValueError: The adapter is more than plain LoRA, or a layer of it is not the
            model's. Names the key or the layer.
    """
    rank, factor = read_settings(folder / CONFIG)
    path = folder / ADAPTER
    shapes = {
        name: module.weight.shape[:: -1 if type(module) is Conv1D else 1]  # (out, in)
        for name, module in body.named_modules()
        if type(module) in (nn.Linear, Conv1D)
    }
    pairs: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in load_file(path).items():
        parts = re.fullmatch(r"base_model\.model\.(.+)\.lora_([AB])\.weight", key)
        if parts is None:
            raise ValueError(f"{path}: tensor {key} is none of LoRA on a linear layer")
        name = parts[1]
        if name not in shapes:
            name = name.removeprefix(f"{body.base_model_prefix}.")
        if name not in shapes:
            raise ValueError(f"{path}: tensor {key} is for a layer that the model has not")
        pairs.setdefault(name, {})[parts[2]] = tensor
    if not pairs:
        raise ValueError(f"{path}: holds no tensors")
    for name, pair in pairs.items():
        found = {half: tuple(tensor.shape) for half, tensor in sorted(pair.items())}
        wanted = {"A": (rank, shapes[name][1]), "B": (shapes[name][0], rank)}
        if found != wanted:
            raise ValueError(f"{path}: {name} has {found}, the model and r ask for {wanted}")
    return Adapter(factor, {name: (pair["A"], pair["B"]) for name, pair in pairs.items()})


@torch.no_grad()
def add_adapter(module: nn.Module, adapter: Adapter, prefix: str) -> None:
    """Add an adapter to a model or a part of it, in place.

    Plain layers get other weights, so that they are as fast as before; 4-bit layers,
    whose weights stay what they are, compute LoRA's product beside their own.

    Args:
        module: The part; layers without weights are left alone.
        adapter: Of the whole model.
        prefix: The part's name in the body, "" for the body itself.
    """
    for parent_name, parent in list(module.named_modules()):
        for name, child in list(parent.named_children()):
            full = ".".join(filter(None, (prefix, parent_name, name)))
            if full not in adapter.matrices or child.weight.is_meta:
                continue
            a, b = (one.to(child.weight.device) for one in adapter.matrices[full])
            if type(child) in (nn.Linear, Conv1D):
                change = adapter.factor * (b.float() @ a.float())
                weight = child.weight.data
                weight.copy_(weight + (change.T if type(child) is Conv1D else change))
            else:
                setattr(parent, name, WithAdapter(child, a, b, adapter.factor))


class WithAdapter(nn.Module):
    """A 4-bit layer and LoRA's product, `(t, in) -> (t, out)`."""

    def __init__(self, layer: nn.Module, a: torch.Tensor, b: torch.Tensor, factor: float) -> None:
        super().__init__()
        self.layer, self.a, self.b, self.factor = layer, a, b, factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layer's own product plus `factor * b @ a @ x`."""
        change = x @ self.a.to(x.dtype).T @ self.b.to(x.dtype).T
        return self.layer(x) + self.factor * change
