"""Linear layers in 4 bits. bitsandbytes takes two seconds to import: only where it is needed."""

import bitsandbytes as bnb
import torch
from torch import nn

from sentscale.linear import linears_of


def quantise_linears(module: nn.Module, dtype: torch.dtype) -> None:
    """Replace a module's linear layers by bitsandbytes' NF4 with double quantisation.

    The same as transformers does when it loads a model in 4 bits.
    """
    for parent, name, weight, bias in linears_of(module):
        wide, narrow = weight.shape
        four = bnb.nn.Linear4bit(
            narrow, wide, bias is not None, dtype, quant_type="nf4", device="meta"
        )
        four.weight = bnb.nn.Params4bit(weight.contiguous(), False, quant_type="nf4").to(
            weight.device
        )
        four.bias = bias
        setattr(parent, name, four)


def widen_linears(module: nn.Module) -> None:
    """Give a module's 4-bit layers the weights that they stand for, in float32.

    For a CPU. bitsandbytes' own layers compute there in bfloat16 or in float32,
    depending on the processor and on a flag, and more slowly.
    """
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, bnb.nn.Linear4bit):
                weight = child.weight
                wide = bnb.functional.dequantize_4bit(weight.data, weight.quant_state).float()
                linear = nn.Linear(wide.shape[1], wide.shape[0], device="meta")
                linear.weight = nn.Parameter(wide, requires_grad=False)
                linear.bias = child.bias
                setattr(parent, name, linear)
