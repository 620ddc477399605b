"""Adapters in use: LoRA's matrices from PEFT's files, added to a model's weights."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn
from transformers.pytorch_utils import Conv1D

from sentscale.checkpoints import ADAPTER, CONFIG
from sentscale.files import check_sha256, read_json, sha256_of, write_json

# What PEFT can do beyond plain LoRA, with the value that means it is not used.
_PLAIN = {
    "peft_type": "LORA",
    "bias": "none",
    "use_dora": False,
    "use_rslora": False,
    "alpha_pattern": {},
    "modules_to_save": None,
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


def open_adapter(manifest: Path) -> Path:
    """Folder of an adapter, after comparing its files with the manifest.

    Raises:
        ValueError: A file has another digest than when the manifest was written.
    """
    for name, sha256 in read_json(manifest)["files"].items():
        check_sha256(manifest.parent / name, sha256)
    return manifest.parent


def read_adapter(folder: Path, body: nn.Module) -> Adapter:
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
    config = read_json(folder / CONFIG)
    for key, plain in _PLAIN.items():
        if config.get(key, plain) not in (plain, None):
            raise ValueError(
                f"{folder / CONFIG}: {key} is {config[key]!r}; known is {plain!r} only"
            )
    shapes = {
        name: tuple(module.weight.shape)
        for name, module in body.named_modules()
        if type(module) in (nn.Linear, Conv1D)
    }
    halves: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in load_file(folder / ADAPTER).items():
        name, half = re.fullmatch(r"base_model\.model\.(.+)\.lora_([AB])\.weight", key).groups()
        halves.setdefault(name, {})[half] = tensor
    matrices = {}
    for name, pair in halves.items():
        found = name if name in shapes else name.partition(".")[2]
        wanted = (pair["B"].shape[0], pair["A"].shape[1])
        if shapes.get(found) not in (wanted, wanted[::-1]):
            raise ValueError(
                f"{folder / ADAPTER}: {name} is for a layer of {wanted}, the model has"
                f" {shapes.get(found, 'no such layer')}"
            )
        matrices[found] = pair["A"], pair["B"]
    return Adapter(config["lora_alpha"] / config["r"], matrices)


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
