"""Batches without padding: prompts side by side, their common beginning left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import torch

# A shared prefix costs one more product per attention. Measured on a CPU (benchmarks/): it pays
# from about one token in thirty; below that share it is left alone.
LEAST_SHARE = 1 / 30


class Run(NamedTuple):
    """Neighbours in a batch that see the same number of tokens.

    Attributes:
        count: Prompts.
        own: Tokens of each that are in the batch.
        shared: Tokens of each that are in the prefix instead.
    """

    count: int
    own: int
    shared: int


@dataclass(frozen=True)
class Batch:
    """Prompts side by side, without padding: `t` tokens of `n` prompts.

    Attributes:
        rows: Numbers of the prompts, `n` of them.
        ids: Their tokens behind the shared prefix, shape `(t,)`.
        positions: Place of each token in its prompt, from 0, shape `(t,)`.
        ends: Index of each prompt's last token, shape `(n,)`.
        runs: What the batch is made of, in order.
        prefix: Number of the prefix; meaningless if no run shares a token.
        pooled: Last tokens of each prompt that pooling "text" averages, `n` counts.
    """

    rows: list[int]
    ids: torch.Tensor
    positions: torch.Tensor
    ends: torch.Tensor
    runs: list[Run]
    prefix: int
    pooled: list[int]


@dataclass(frozen=True)
class Row:
    """One prompt: its number and tokens, and how many of them it shares with which prefix.

    `pooled` of its last tokens are averaged by pooling "text".
    """

    number: int
    ids: Sequence[int]
    prefix: int = 0
    shared: int = 0
    pooled: int = 1

    @property
    def own(self) -> int:
        """Tokens that are computed for this prompt alone."""
        return len(self.ids) - self.shared


def common(first: Sequence[int], second: Sequence[int]) -> int:
    """Number of equal tokens at the beginning of both."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def share(ids: Sequence[Sequence[int]], prefixes: Sequence[Sequence[int]]) -> list[Row]:
    """Find the prefix that each prompt shares most tokens with, where that pays.

    Prompts were tokenised as a whole, so one whose text merges with the prefix's
    last token shares one token less. At least one token stays a prompt's own.
    """
    rows = []
    for number, tokens in enumerate(ids):
        shared = [min(common(tokens, prefix), len(tokens) - 1) for prefix in prefixes]
        best = max(range(len(prefixes)), key=shared.__getitem__, default=None)
        rows.append(
            Row(number, tokens) if best is None else Row(number, tokens, best, shared[best])
        )
    saved = sum(row.shared for row in rows) - sum(map(len, prefixes))
    if saved < LEAST_SHARE * sum(map(len, ids)):
        return [Row(row.number, row.ids) for row in rows]
    return rows


def pack(rows: Sequence[Row], max_tokens: int) -> list[list[Row]]:
    """Split rows into batches of at most `max_tokens` own tokens, longest first.

    A longer row is a batch of its own. Rows of the same length are neighbours, and
    the few that share a token less come last, so that a batch has few runs; longest
    first, so that one that does not fit in memory fails at once.
    """
    batches: list[list[Row]] = []
    tokens = 0
    for row in sorted(rows, key=lambda row: (row.prefix, -row.shared, -row.own)):
        if not batches or row.prefix != batches[-1][0].prefix or tokens + row.own > max_tokens:
            batches.append([])
            tokens = 0
        batches[-1].append(row)
        tokens += row.own
    return batches


def make_batch(rows: Sequence[Row]) -> Batch:
    """Tensors of rows that share a prefix, in their order."""
    own = torch.tensor([row.own for row in rows])
    neighbours = groupby(rows, key=lambda row: (row.own, row.shared))
    return Batch(
        rows=[row.number for row in rows],
        ids=torch.tensor([token for row in rows for token in row.ids[row.shared :]]),
        positions=torch.cat([torch.arange(row.shared, len(row.ids)) for row in rows]),
        ends=own.cumsum(0) - 1,
        runs=[Run(len(list(group)), *lengths) for lengths, group in neighbours],
        prefix=rows[0].prefix,
        pooled=[row.pooled for row in rows],
    )
