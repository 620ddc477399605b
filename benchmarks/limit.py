"""What the machine can do at most, and what a job needs at least."""

import time
from collections import Counter
from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.nn.functional import linear
from transformers import PreTrainedModel

from sentscale.linear import PackedLinear
from sentscale.packing import Row

SECONDS = 0.3  # of measuring, for each shape


def linear_shapes(layer: nn.Module) -> Counter[tuple[int, int]]:
    """(in, out) of the products in a layer, with their number."""
    found = [m for m in layer.modules() if isinstance(m, nn.Linear)]
    return Counter((module.in_features, module.out_features) for module in found)


def needed_flops(rows: list[Row], model: PreTrainedModel) -> float:
    """Multiplications and additions of the layers' products, the last layer's for last tokens.

    Attention proper, below 1 % at these lengths, is left out, and so is the prefix.
    """
    layers = model.layers
    whole = 2 * sum(i * o * n for (i, o), n in linear_shapes(layers[0]).items())
    attention = layers[0].self_attn
    memory = 2 * sum(p.weight.numel() for p in (attention.k_proj, attention.v_proj))
    own = sum(row.own for row in rows)
    return own * (whole * (len(layers) - 1) + memory) + len(rows) * (whole - memory)


def measured_flops(layer: nn.Module, dtype: torch.dtype, tokens: int) -> float:
    """Best rate, in FLOP a second, of products with a layer's shapes, nothing in between."""
    seconds = flops = 0.0
    for (width, out), count in linear_shapes(layer).items():
        x, weight = torch.randn(tokens, width, dtype=dtype), torch.randn(out, width, dtype=dtype)
        packed = PackedLinear(weight, None)
        seconds += count * min(fastest(partial(linear, x, weight)), fastest(partial(packed, x)))
        flops += count * 2 * tokens * width * out
    return flops / seconds


def fastest(call: Callable[[], object]) -> float:
    """Seconds of the fastest of the calls that fit into some tenths of a second."""
    best, end = float("inf"), time.perf_counter() + SECONDS
    with torch.inference_mode():
        while (start := time.perf_counter()) < end:
            call()
            best = min(best, time.perf_counter() - start)
    return best
