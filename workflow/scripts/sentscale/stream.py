"""The fast encoder for models that do not fit: each layer is read once, for all prompts."""

import copy
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import PreTrainedTokenizerBase
from typing_extensions import override

from sentscale.attention import KeysValues
from sentscale.decoders import Decoder
from sentscale.encoder import Encoder
from sentscale.engine import check_out_of_memory, gather, plan, pool, pool_inner
from sentscale.offload import States, Weights
from sentscale.packing import Row, make_batch, pack
from sentscale.prompts import Pooling


class StreamEncoder(Encoder):
    """A decoder of which one layer is in memory, and the next on its way."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        decoder: Decoder,
        weights: Weights,
        dtype: torch.dtype,
        device: torch.device,
        max_tokens: int,
        prepare: Callable[[nn.Module, str], None],
    ) -> None:
        """Take a decoder without weights; read what is outside its layers, but for the words.

        Args:
            tokenizer: The model's own.
            decoder: All its parameters are on the meta device.
            weights: Where they are.
            dtype: Of weights and states.
            device: Where the arithmetic is.
            max_tokens: Most tokens in a batch.
            prepare: What is done to parts that were read, told their name in the body:
                quantised, laid out anew.
        """
        super().__init__(tokenizer, decoder.config)
        self.decoder, self.weights, self.prepare = decoder, weights, prepare
        self.dtype, self.device, self.max_tokens = dtype, device, max_tokens
        self.words = decoder.model.get_input_embeddings()
        self.words.padding_idx = None  # it counts rows of a table of which we hold some
        self.names = {id(module): name for name, module in decoder.model.named_modules()}
        inner = {id(module) for layer in decoder.layers for module in layer.modules()}
        for module in decoder.model.modules():
            if id(module) not in inner and module is not self.words:
                self._load(module, [key for key, _ in module.named_parameters(recurse=False)])
        prepare(decoder.model, "")

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
        rows, heads = plan(self, prompts, pooling, prefixes, starts)
        firsts = [[Row(0, head)] for head in heads]
        batches = pack(rows, self.max_tokens)
        sizes = [sum(row.own for row in batch) for batch in [*firsts, *batches]]
        inner: list[list[torch.Tensor]] = [[] for _ in batches]
        with tempfile.TemporaryDirectory() as scratch:
            # What was pooled of earlier layers is not in a workspace.
            folder = Path(scratch) if every_layer or workspace is None else workspace
            states = States(folder, self.dtype, self.config.hidden_size)
            done = states.newest()
            if done < 0:
                states.write(0, self._embed([*firsts, *batches]))
                done = 0
            report = EachLayer(advance, len(self.decoder.layers))
            report(done * sum(len(row.ids) for row in rows))
            for number, layer in self._read_layers(done):
                last = number + 1 == len(self.decoder.layers)
                incoming = states.read(number, sizes)
                if every_layer:
                    incoming = pooled_on_the_way(incoming, firsts, batches, pooling, inner)
                outgoing = self._apply(layer, incoming, firsts, batches, last, pooling, report)
                if last:
                    vectors = list(outgoing)
                else:
                    states.write(number + 1, outgoing)
                del layer, incoming, outgoing  # before the next one comes
            states.clear()
        return gather(
            [
                ([row.number for row in batch], torch.cat([*before, one], dim=1))
                for batch, before, one in zip(batches, inner, vectors, strict=True)
            ]
        )

    def _load(self, module: nn.Module, keys: list[str]) -> None:
        """Give a module parameters of its own."""
        name = self.names[id(module)]
        for key, tensor in self.weights.read(name, keys, self.dtype).items():
            setattr(module, key, nn.Parameter(tensor.to(self.device), requires_grad=False))

    def _read_layers(self, start: int) -> Iterator[tuple[int, nn.Module]]:
        """Each layer with its weights; the next one is read meanwhile."""
        layers = self.decoder.layers

        def read(number: int) -> dict[str, torch.Tensor]:
            keys = list(layers[number].state_dict())
            tensors = self.weights.read(self.names[id(layers[number])], keys, self.dtype)
            return {key: tensor.to(self.device) for key, tensor in tensors.items()}

        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(read, start)
            for number in range(start, len(layers)):
                layer = copy.deepcopy(layers[number])
                layer.load_state_dict(ahead.result(), assign=True)
                if number + 1 < len(layers):
                    ahead = reader.submit(read, number + 1)
                self.prepare(layer, self.names[id(layers[number])])
                yield number, layer
                del layer

    def _embed(self, batches: list[list[Row]]) -> Iterator[torch.Tensor]:
        """States that enter the first layer, from the words that occur."""
        used = torch.tensor(
            sorted({token for batch in batches for row in batch for token in row.ids})
        )
        table = self.weights.rows(f"{self.names[id(self.words)]}.weight", used, self.dtype)
        self.words.weight = nn.Parameter(table.to(self.device), requires_grad=False)
        for rows in batches:
            batch = make_batch(rows)
            places = torch.searchsorted(used, batch.ids).to(self.device)
            yield self.decoder.embed(places, batch.positions.to(self.device)).cpu()
        self.words.weight = nn.Parameter(torch.empty(0, device="meta"), requires_grad=False)

    def _apply(
        self,
        layer: nn.Module,
        incoming: Iterator[torch.Tensor],
        firsts: list[list[Row]],
        batches: list[list[Row]],
        last: bool,
        pooling: Pooling,
        report: Callable[[int], None],
    ) -> Iterator[torch.Tensor]:
        """Each batch's states behind a layer, or its vectors if it is the last one."""
        memories = []
        for rows in firsts:
            batch, hidden = make_batch(rows), next(incoming).to(self.device)
            rotations = self.decoder.rotations(hidden, batch.positions.to(self.device))
            memories.append(self.decoder.keys_values(layer, hidden, rotations))
            if not last:
                yield self.decoder.step(layer, hidden, rotations, batch.runs).cpu()
        for rows in batches:
            memory = memories[rows[0].prefix] if memories else None
            yield self._step(layer, next(incoming), rows, memory, last, pooling)
            report(sum(len(row.ids) for row in rows))

    def _step(
        self,
        layer: nn.Module,
        hidden: torch.Tensor,
        rows: list[Row],
        memory: KeysValues | None,
        last: bool,
        pooling: Pooling,
    ) -> torch.Tensor:
        """One layer for one batch, in halves if it does not fit into memory."""
        batch = make_batch(rows)
        try:
            moved = hidden.to(self.device)
            rotations = self.decoder.rotations(moved, batch.positions.to(self.device))
            asked = batch.ends.to(self.device) if last and pooling == "last" else None
            out = self.decoder.step(layer, moved, rotations, batch.runs, memory, asked)
            return (pool(self.decoder.finish(out), batch, pooling) if last else out).cpu()
        except RuntimeError as error:
            check_out_of_memory(error, rows)
        half = len(rows) // 2
        split = sum(row.own for row in rows[:half])
        parts = ((hidden[:split], rows[:half]), (hidden[split:], rows[half:]))
        return torch.cat([self._step(layer, *part, memory, last, pooling) for part in parts])


def pooled_on_the_way(
    incoming: Iterator[torch.Tensor],
    firsts: list[list[Row]],
    batches: list[list[Row]],
    pooling: Pooling,
    inner: list[list[torch.Tensor]],
) -> Iterator[torch.Tensor]:
    """The same states; of each batch the pooled ones go into its list of `inner`."""
    yield from islice(incoming, len(firsts))
    for rows, found, hidden in zip(batches, inner, incoming, strict=True):
        found.append(pool_inner(hidden, make_batch(rows), pooling))
        yield hidden


class EachLayer:
    """Turns tokens times layers, as they are done, into tokens."""

    def __init__(self, advance: Callable[[int], None], layers: int) -> None:
        self.advance, self.layers = advance, layers
        self.done = self.told = 0

    def __call__(self, tokens: int) -> None:
        """`tokens` more went through one layer."""
        self.done += tokens
        self.advance(self.done // self.layers - self.told)
        self.told = self.done // self.layers
