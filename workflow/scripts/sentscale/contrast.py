"""The contrastive objective over a global batch, in chunks that fit into memory.

GradCache (Gao et al. 2021): vectors of all chunks first, then the gradient of the loss
with respect to the vectors, then each chunk again with its part of that gradient. The
result is the gradient of one large batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from sentscale.prompts import Pooling
from sentscale.ranks import Ranks


@dataclass(frozen=True)
class Chunk:
    """Prompts that are computed at once, `b` of them, padded on the right.

    No mask is needed: a causal model's tokens never see the padding behind them.

    Attributes:
        rows: Their places in the global batch.
        ids: Tokens, shape `(b, l)`.
        lengths: Tokens of each without the padding, shape `(b,)`.
        seed: Of the dropout, so that the second pass meets the masks of the first.
    """

    rows: list[int]
    ids: torch.Tensor
    lengths: torch.Tensor
    seed: int


def make_chunks(tokens: Sequence[Sequence[int]], size: int, seed: int, step: int) -> list[Chunk]:
    """Split a global batch into chunks of at most `size` prompts of similar length.

    Chunks and their seeds depend on the batch alone, never on who computes them.
    """
    order = sorted(range(len(tokens)), key=lambda row: -len(tokens[row]))
    chunks = []
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        lengths = torch.tensor([len(tokens[row]) for row in rows])
        ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
        for place, row in enumerate(rows):
            ids[place, : len(tokens[row])] = torch.tensor(tokens[row])
        own = np.random.SeedSequence([seed, step, len(chunks)]).generate_state(1)[0]
        chunks.append(Chunk(rows, ids, lengths, int(own)))
    return chunks


def contrastive_loss(vectors: torch.Tensor, temperature: float) -> torch.Tensor:
    """Mean cross-entropy of each anchor against all positives and all hard negatives.

    InfoNCE with hard negatives (SimCSE, Gao et al. 2021, equation 5) on cosines.

    Args:
        vectors: Of `n` triplets: all anchors, all positives, all negatives, `(3 n, d)`.
        temperature: Cosines are divided by it.
    """
    anchors, others = nn.functional.normalize(vectors, dim=-1).tensor_split([len(vectors) // 3])
    scores = anchors @ others.T / temperature  # (n, 2 n)
    return nn.functional.cross_entropy(scores, torch.arange(len(anchors), device=scores.device))


def embed_chunk(model: nn.Module, chunk: Chunk, pooling: Pooling) -> torch.Tensor:
    """Vectors of a chunk, shape `(b, d)`, in float32 or wider."""
    device = next(model.parameters()).device
    torch.manual_seed(chunk.seed)
    hidden = model(input_ids=chunk.ids.to(device), use_cache=False).last_hidden_state
    hidden = hidden.to(torch.promote_types(hidden.dtype, torch.float32))
    lengths = chunk.lengths.to(device)
    if pooling == "last":
        return hidden[torch.arange(len(lengths), device=device), lengths - 1]
    inside = torch.arange(hidden.shape[1], device=device) < lengths[:, None]
    return (hidden * inside[..., None]).sum(1) / lengths[:, None]


def accumulate_gradient(
    chunks: Sequence[Chunk],
    embed: Callable[[Chunk], torch.Tensor],
    loss_of: Callable[[torch.Tensor], torch.Tensor],
    parameters: Sequence[nn.Parameter],
    ranks: Ranks,
    width: int,
    kept_rows: int,
    scale: float,
) -> float:
    """Write the gradient of the global batch's loss, times `scale`, into `grad`.

    Each rank computes every `ranks.size`-th chunk. Vectors and gradients are summed
    over the ranks, so every rank ends with the whole gradient.

    Args:
        chunks: All of the global batch, the same on every rank.
        embed: Vectors of a chunk; called twice for it must give the same.
        loss_of: Loss of all vectors, `(rows, width)`.
        parameters: Those that are trained.
        ranks: Who computes with us.
        width: Numbers of a vector.
        kept_rows: Prompts of this rank whose first pass stays in memory, so that no
            second one is needed; a matter of memory and time, not of numbers.
        scale: Factor of the gradient.

    Returns:
        The loss, not scaled.
    """
    mine = chunks[ranks.rank :: ranks.size]
    kept: dict[int, torch.Tensor] = {}
    room = kept_rows
    vectors = None
    total = sum(len(chunk.rows) for chunk in chunks)
    for number, chunk in enumerate(mine):
        keep = len(chunk.rows) <= room
        with torch.set_grad_enabled(keep):
            found = embed(chunk)
        if keep:
            kept[number] = found
            room -= len(chunk.rows)
        if vectors is None:
            vectors = found.new_zeros(total, width)
        vectors[chunk.rows] = found.detach()
    if vectors is None:  # more ranks than chunks
        vectors = torch.zeros(total, width, dtype=parameters[0].dtype, device=ranks.device)
    ranks.add(vectors)
    loss = loss_of(vectors.requires_grad_())
    (gradient,) = torch.autograd.grad(loss * scale, vectors)
    for number, chunk in enumerate(mine):
        found = kept.pop(number, None)
        if found is None:
            found = embed(chunk)
        found.backward(gradient[chunk.rows])
        del found
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    ranks.add_all([parameter.grad for parameter in parameters])
    return loss.item()
