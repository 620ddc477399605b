"""Causal attention of prompts side by side, which may share a prefix that is stored once."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch.nn.functional import scaled_dot_product_attention

from sentscale.packing import Run


class KeysValues(NamedTuple):
    """Keys and values of a prefix in one layer, each of shape `(k, p, h)`: heads, tokens, width."""

    keys: torch.Tensor
    values: torch.Tensor


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    runs: Sequence[Run],
    prefix: KeysValues | None = None,
    window: int | None = None,
) -> torch.Tensor:
    """Attention of each prompt on itself and on the prefix, never on another prompt.

    Args:
        query: Shape `(q, heads, h)`, already scaled; `q` is `t`, or `n` for the
            last token of each prompt alone.
        key: Shape `(t, k, h)`; `heads` is a multiple of `k`.
        value: Shape `(t, k, h)`.
        runs: What the `t` tokens are made of.
        prefix: Of the shared tokens; None if no run shares any.
        window: Tokens that a token sees, itself included; None for all before it.

    Returns:
        Shape `(q, heads * h)`.
    """
    only_last = len(query) != len(key)
    attended = torch.empty_like(query)
    start = begin = 0
    for run in runs:
        asked = 1 if only_last else run.own
        end, stop = start + run.count * run.own, begin + run.count * asked
        one = _attend_run if run.shared and prefix is not None else _attend_alone
        attended[begin:stop] = one(
            query[begin:stop].unflatten(0, (run.count, asked)),
            key[start:end].unflatten(0, (run.count, run.own)),
            value[start:end].unflatten(0, (run.count, run.own)),
            run,
            prefix,
            window,
        ).flatten(0, 1)
        start, begin = end, stop
    return attended.flatten(1)


def _attend_alone(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    run: Run,
    prefix: KeysValues | None,
    window: int | None,
) -> torch.Tensor:
    """(b, q, heads, h) from torch's own kernel."""
    asked = query.shape[1]
    narrow = window is not None and run.own > window
    attended = scaled_dot_product_attention(
        query.transpose(1, 2),
        key.transpose(1, 2),
        value.transpose(1, 2),
        attn_mask=visible(asked, run.own, 0, window, query.device) if narrow else None,
        is_causal=asked > 1 and not narrow,
        scale=1.0,
        enable_gqa=query.shape[2] != key.shape[2],
    )
    return attended.transpose(1, 2)


def _attend_run(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    run: Run,
    prefix: KeysValues,
    window: int | None,
) -> torch.Tensor:
    """(b, q, heads, h): one softmax over the scores of prefix and own tokens.

    The prefix's keys meet the queries of all prompts in one product, so they are
    never copied from prompt to prompt.
    """
    b, q, heads, h = query.shape
    k, p, own = key.shape[2], run.shared, run.own
    groups = heads // k
    # (b, q, k * g, h) -> (k, b * g * q, h): queries of the heads that share keys lie together
    query = query.unflatten(2, (k, groups)).permute(2, 0, 3, 1, 4).reshape(k, -1, h)
    # The softmax in float32, as transformers does; on a CPU it is twice as fast as in bfloat16.
    scores = query.new_empty(k, b, groups * q, p + own, dtype=torch.float32)
    scores[..., :p] = (query @ prefix.keys[:, :p].mT).view(k, b, groups * q, p)
    scores[..., p:] = query.view(k, b, groups * q, h) @ key.permute(2, 0, 3, 1)
    if q > 1 or (window is not None and p + own > window):
        hidden = ~visible(q, own, p, window, query.device)
        scores.view(k, b, groups, q, p + own).masked_fill_(hidden, float("-inf"))
    weights = scores.softmax(-1).to(query.dtype)
    shared = weights[..., :p].reshape(k, -1, p) @ prefix.values[:, :p]
    attended = (weights[..., p:] @ value.permute(2, 0, 1, 3)).view(k, -1, h) + shared
    # (k, b * g * q, h) -> (b, q, k * g, h)
    return attended.view(k, b, groups, q, h).permute(1, 3, 0, 2, 4).flatten(2, 3)


@functools.lru_cache(maxsize=512)
def visible(
    asked: int, own: int, shared: int, window: int | None, device: torch.device
) -> torch.Tensor:
    """Which tokens the last `asked` of `own` tokens see, shape `(asked, shared + own)`, boolean."""
    seeing = torch.arange(shared + own - asked, shared + own, device=device)[:, None]
    seen = torch.arange(shared + own, device=device)[None]
    mask = seen <= seeing
    return mask if window is None else mask & (seen > seeing - window)
