"""The fast encoder: no padding, a common beginning once, the last layer for last tokens only."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase
from typing_extensions import override

from sentscale.attention import KeysValues
from sentscale.decoders import Decoder, Rotations
from sentscale.encoder import Encoder
from sentscale.packing import Batch, Row, Run, make_batch, pack, share
from sentscale.prompts import Pooling

log = logging.getLogger(__name__)


class FastEncoder(Encoder):
    """A decoder on one device, or spread over several.

    With several devices nothing waits for a result, so that batches follow each
    other through them: while one device has the first layers of a batch, the next
    has the last layers of the batch before.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        decoder: Decoder,
        devices: Sequence[torch.device],
        max_tokens: int,
        *,
        reuse_prefix: bool = True,
        trim_last_layer: bool = True,
        pack_rows: bool = True,
    ) -> None:
        """Take a decoder whose layer `i` is on `places(...)[i]` of the devices.

        Args:
            tokenizer: The model's own.
            decoder: Its parts in front are on the first device, those behind on the last.
            devices: Where its layers are, in order.
            max_tokens: Most tokens in a batch; halved when memory runs out.
            reuse_prefix: Compute what prompts begin with once.
            trim_last_layer: Compute the last layer for the last tokens only.
            pack_rows: Prompts side by side; else each is a batch of its own.
        """
        super().__init__(tokenizer, decoder.config)
        self.decoder = decoder
        self.devices = places(len(decoder.layers), devices)
        self.max_tokens = max_tokens if pack_rows else 1
        self.reuse_prefix = reuse_prefix
        self.trim_last_layer = trim_last_layer

    @override
    @torch.inference_mode()
    def encode(
        self,
        prompts: Sequence[str],
        pooling: Pooling,
        prefixes: Sequence[str] = (),
        advance: Callable[[int], None] = lambda tokens: None,
        workspace: Path | None = None,
        *,
        starts: Sequence[int] = (),
        every_layer: bool = False,
    ) -> NDArray[np.float32]:
        rows, heads = plan(self, prompts, pooling, prefixes if self.reuse_prefix else (), starts)
        memories = [self._remember(head) for head in heads]
        done: list[tuple[list[int], torch.Tensor]] = []
        batches = pack(rows, self.max_tokens)
        while batches:
            batch = make_batch(batches[0])
            try:
                pooled = self._embed(batch, memories, pooling, every_layer)
            except RuntimeError as error:
                check_out_of_memory(error, batches[0])
                pooled = None
            if pooled is None:  # here, where the error no longer holds on to its tensors
                self.max_tokens = smaller_budget(batches[0])
                batches = pack([row for rows in batches for row in rows], self.max_tokens)
                continue
            done.append((batch.rows, pooled))
            advance(sum(len(row.ids) for row in batches.pop(0)))
        return gather(done)

    def _embed(
        self, batch: Batch, memories: list[list[KeysValues]], pooling: Pooling, every_layer: bool
    ) -> torch.Tensor:
        """Vectors of a batch, shape `(n, d)`, on the last device; of every layer, on the CPU."""
        memory = memories[batch.prefix] if any(run.shared for run in batch.runs) else None
        trim = self.trim_last_layer and pooling == "last"
        ends = send(batch.ends, self.devices[-1])
        hidden, rotations = self._enter(batch.ids, batch.positions)
        inner = []
        for number, layer in enumerate(self.decoder.layers):
            hidden, rotations = self._move(hidden, rotations, number)
            if every_layer:  # together they may be too large for a GPU
                inner.append(pool_inner(hidden, batch, pooling).cpu())
            hidden = self.decoder.step(
                layer,
                hidden,
                rotations,
                batch.runs,
                prefix=memory[number] if memory else None,
                asked=ends if trim and number == len(self.devices) - 1 else None,
            )
        if pooling == "last" and not trim:
            hidden = hidden[ends]
        vectors = pool(self.decoder.finish(hidden), batch, pooling)
        return torch.cat([*inner, vectors.cpu()], dim=1) if every_layer else vectors

    def _remember(self, head: list[int]) -> list[KeysValues]:
        """Keys and values of a prefix in each layer."""
        memory = []
        runs = [Run(1, len(head), 0)]
        hidden, rotations = self._enter(torch.tensor(head), torch.arange(len(head)))
        for number, layer in enumerate(self.decoder.layers):
            hidden, rotations = self._move(hidden, rotations, number)
            memory.append(self.decoder.keys_values(layer, hidden, rotations))
            hidden = self.decoder.step(layer, hidden, rotations, runs)
        return memory

    def _enter(self, ids: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor, Rotations]:
        positions = send(positions, self.devices[0])
        hidden = self.decoder.embed(send(ids, self.devices[0]), positions)
        return hidden, self.decoder.rotations(hidden, positions)

    def _move(
        self, hidden: torch.Tensor, rotations: Rotations, number: int
    ) -> tuple[torch.Tensor, Rotations]:
        """To the device of a layer, without waiting."""
        device = self.devices[number]
        if hidden.device == device:
            return hidden, rotations
        return hidden.to(device, non_blocking=True), {
            kind: tuple(part.to(device, non_blocking=True) for part in turn)
            for kind, turn in rotations.items()
        }


def plan(
    encoder: Encoder,
    prompts: Sequence[str],
    pooling: Pooling,
    prefixes: Sequence[str],
    starts: Sequence[int],
) -> tuple[list[Row], list[list[int]]]:
    """Rows to compute and the prefixes, tokenised, that they share.

    Raises:
        ValueError: See `Encoder.tokenise` and `Encoder.tails`; or the pooling needs a
            model that attends to both sides.
    """
    if pooling not in ("last", "mean", "text"):
        kind = encoder.config.model_type
        needs = "have one of their own" if pooling == "own" else "attend to both sides"
        raise ValueError(f"pooling {pooling!r} is for models that {needs}; {kind} does not")
    ids = encoder.tokenise(prompts)
    # The mean needs the states of all tokens, those of the prefix too.
    texts = [text for text in prefixes if text] if pooling != "mean" else []
    heads = encoder.tokenise(texts) if texts else []
    rows = share(ids, heads)
    if pooling == "text":
        tails = encoder.tails(prompts, starts)
        rows = [replace(row, pooled=tail) for row, tail in zip(rows, tails, strict=True)]
    return rows, heads if any(row.shared for row in rows) else []


def pool(hidden: torch.Tensor, batch: Batch, pooling: Pooling) -> torch.Tensor:
    """Vectors in float32, `(n, d)`.

    Args:
        hidden: States of all tokens, `(t, d)`; for pooling "last" those of the last
            tokens, `(n, d)`, which are taken as they are.
        batch: What they are of.
        pooling: "last", "mean", or "text": mean over the last `batch.pooled` tokens.
    """
    hidden = hidden.float()
    if pooling == "last":
        return hidden
    if pooling == "text":
        own = [run.own for run in batch.runs for _ in range(run.count)]
        rows = zip(hidden.split(own), batch.pooled, strict=True)
        return torch.stack([row[-count:].mean(0) for row, count in rows])
    parts = zip(hidden.split([run.count * run.own for run in batch.runs]), batch.runs, strict=True)
    return torch.cat([part.unflatten(0, run[:2]).mean(1) for part, run in parts])


def pool_inner(hidden: torch.Tensor, batch: Batch, pooling: Pooling) -> torch.Tensor:
    """Vectors from the states of all tokens between two layers, `(t, d)` to `(n, d)`."""
    if pooling == "last":
        hidden = hidden[send(batch.ends, hidden.device)]
    return pool(hidden, batch, pooling)


def send(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """To a device, without waiting for what it is at: for that, memory must be pinned."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def gather(done: list[tuple[list[int], torch.Tensor]]) -> NDArray[np.float32]:
    """Vectors of all batches in the order of the prompts: the one place that waits for a GPU."""
    rows = [row for rows, _ in done for row in rows]
    vectors = np.empty((len(rows), done[0][1].shape[1]), dtype=np.float32)
    vectors[rows] = torch.cat([pooled for _, pooled in done]).cpu().numpy()
    return vectors


def places(layers: int, devices: Sequence[torch.device]) -> list[torch.device]:
    """The device of each layer: equal consecutive shares.

    Raises:
        ValueError: There are more devices than layers.
    """
    if len(devices) > layers:
        raise ValueError(f"{layers} layers cannot be split over {len(devices)} devices")
    return [devices[number * len(devices) // layers] for number in range(layers)]


def check_out_of_memory(error: RuntimeError, rows: Sequence[Row]) -> None:
    """Raise an error again unless it is lack of memory that fewer rows may cure.

    Raises:
        RuntimeError: The error itself; or one that says that a single prompt is too much.
    """
    # torch's allocator in host memory has no class of its own for it.
    lack = isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
    if not lack:
        raise error
    if len(rows) == 1:
        tokens = len(rows[0].ids)
        raise RuntimeError(f"out of memory with one prompt of {tokens} tokens: {error}") from error


def smaller_budget(rows: Sequence[Row]) -> int:
    """Half the tokens of rows that did not fit into memory."""
    tokens = max(1, sum(row.own for row in rows) // 2)
    log.warning("out of memory; going on with max_tokens %d", tokens)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return tokens
