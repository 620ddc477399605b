"""Linear layers in the form that is fastest for what follows."""

import ctypes
import platform
from collections.abc import Iterator

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D


class PackedLinear(nn.Module):
    """`x W^T + b` with `W` in oneDNN's blocked layout.

    torch lays the weight out anew at every call; that costs 12 % of the time of
    1,024 tokens and 45 % of 256 (SmolLM2's shapes, float32, 2 cores). The operator
    is the one that torch.compile emits for frozen weights.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        """`weight` has the shape `(out, in)`."""
        super().__init__()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous())
        self.bias = bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(t, in) -> (t, out)."""
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "none", [], "")


def keep_freed_memory() -> None:
    """Let glibc keep freed blocks of up to 32 MB for the next ones of their size.

    It hands them back to the system otherwise, and each page of the next block is
    faulted in anew: 12 % of the time of a small model on a CPU. 32 MB is the most
    that glibc allows.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        m_trim_threshold, m_mmap_threshold = -1, -3  # malloc.h
        libc.mallopt(m_mmap_threshold, 32 << 20)
        libc.mallopt(m_trim_threshold, 1 << 30)


def pack_linears(module: nn.Module) -> None:
    """Replace a module's linear layers in float32 or bfloat16 on the CPU, one at a time.

    Quantised layers stay as they are. Nothing happens without oneDNN.
    """
    if not torch.backends.mkldnn.is_available():
        return
    fit = {torch.float32}
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():
        fit.add(torch.bfloat16)
    for parent, name, weight, bias in linears_of(module):
        if weight.dtype in fit:
            setattr(parent, name, PackedLinear(weight, bias))


def linears_of(
    module: nn.Module,
) -> Iterator[tuple[nn.Module, str, torch.Tensor, nn.Parameter | None]]:
    """Parent, name, weight `(out, in)` and bias of each plain linear layer that has weights."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if type(child) not in (nn.Linear, Conv1D) or child.weight.is_meta:
                continue
            weight = child.weight.detach()
            # GPT-2 stores weights as (in, out).
            yield parent, name, weight.mT if type(child) is Conv1D else weight, child.bias
