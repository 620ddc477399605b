"""Sentence embeddings from the body of a causal language model."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import (
    AutoModel,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from sentscale.prompts import Pooling

log = logging.getLogger(__name__)

Precision = Literal["fp32", "bf16", "nf4"]


@dataclass(frozen=True)
class Compute:
    """Speed and place of a job: no score depends on it.

    One exception: nf4 computes in float16 on a GPU, in float32 on a CPU.

    Attributes:
        threads: CPU threads of torch.
        gpus: 0 computes on the CPU.
        max_tokens: Most tokens in a batch, padding included.
        shard_sentences: Sentences that a killed job loses at most.
    """

    threads: int
    gpus: int
    max_tokens: int
    shard_sentences: int

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        """From words such as `threads=2`.

        Raises:
            ValueError: A number is missing, unknown, or below its least value.
        """
        values = {name: int(value) for name, value in (word.split("=") for word in words)}
        known = {field.name for field in fields(cls)}
        if set(values) != known:
            raise ValueError(f"compute settings are {sorted(values)}, expected {sorted(known)}")
        for name, value in values.items():
            if value < (0 if name == "gpus" else 1):
                raise ValueError(f"compute setting {name} is {value}")
        return cls(**values)

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """Where the model goes."""
        return "cuda" if self.gpus else "cpu"


@dataclass(frozen=True)
class Encoder:
    """A tokenizer and a model's body (no vocabulary head), on one device."""

    tokenizer: PreTrainedTokenizerBase
    model: PreTrainedModel

    def tokenise(self, prompts: Sequence[str]) -> list[list[int]]:
        """Token ids of each prompt with the tokenizer's own special tokens; never cut.

        Raises:
            ValueError: A prompt has no token at all, or more than the model has
                positions. Names the prompt.
        """
        ids = self.tokenizer(list(prompts)).input_ids
        most = getattr(self.model.config, "max_position_embeddings", None)
        for prompt, tokens in zip(prompts, ids, strict=True):
            if not tokens:
                raise ValueError(f"prompt {prompt!r} gives no token; there is no state to pool")
            if most is not None and len(tokens) > most:
                raise ValueError(
                    f"prompt of {len(tokens)} tokens, the model takes {most}: {prompt[:80]!r}..."
                )
        return ids

    @torch.inference_mode()
    def encode(
        self,
        prompts: Sequence[str],
        pooling: Pooling,
        max_tokens: int,
        advance: Callable[[int], None] = lambda tokens: None,
    ) -> NDArray[np.float32]:
        """Embed prompts: the last layer's state after the final norm, pooled.

        Prompts of similar length share a batch. Padding is on the right and
        masked, so a causal model's real tokens never see it.

        Args:
            prompts: Complete texts, `n` of them.
            pooling: "last": state of the last token; "mean": mean over all
                tokens, the tokenizer's special tokens included.
            max_tokens: Most tokens in a batch, padding included. A longer prompt
                is a batch of its own.
            advance: Called after each batch with the number of its tokens, without padding.

        Returns:
            Vectors, shape `(n, d)`, in the order of the prompts. `d` is the width
            of the body's output: 512 for OPT-350m, not its hidden size of 1024.

        Raises:
            ValueError: See `tokenise`.
        """
        ids = self.tokenise(prompts)
        vectors: list[NDArray[np.float32] | None] = [None] * len(ids)
        for rows in batches([len(tokens) for tokens in ids], max_tokens):
            pooled = self._embed([ids[row] for row in rows], pooling)
            for row, vector in zip(rows, pooled.float().cpu().numpy(), strict=True):
                vectors[row] = vector
            advance(sum(len(ids[row]) for row in rows))
        return np.stack(vectors)

    def _embed(self, ids: list[list[int]], pooling: Pooling) -> torch.Tensor:
        device = self.model.device
        lengths = torch.tensor([len(tokens) for tokens in ids], device=device)
        padded = torch.zeros(len(ids), int(lengths.max()), dtype=torch.long)
        for row, tokens in enumerate(ids):
            padded[row, : len(tokens)] = torch.tensor(tokens)
        mask = torch.arange(padded.shape[1], device=device) < lengths[:, None]  # (b, t)
        hidden = self.model(
            input_ids=padded.to(device), attention_mask=mask.long(), use_cache=False
        ).last_hidden_state  # (b, t, d)
        if pooling == "last":
            rows = torch.arange(len(ids), device=device)
            return hidden[rows, lengths - 1]  # (b, t, d) -> (b, d), padding is on the right
        return (hidden.float() * mask[..., None]).sum(1) / lengths[:, None]  # (b, t, d) -> (b, d)


def batches(lengths: Sequence[int], max_tokens: int) -> Iterator[list[int]]:
    """Split rows, longest first, into batches of at most `max_tokens` padded tokens.

    Longest first: a batch that does not fit in memory fails at once.
    """
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    start = 0
    while start < len(order):
        fit = max(1, max_tokens // lengths[order[start]])
        yield order[start : start + fit]
        start += fit


def load_encoder(folder: Path, precision: Precision, compute: Compute) -> Encoder:
    """Load a safetensors folder in an explicit precision, without remote code.

    "nf4" is bitsandbytes' 4-bit type with double quantisation; it computes in
    float16 on a GPU, as the original, and in float32 on a CPU, where float16
    matrix products are 50 times slower.

    Raises:
        ValueError: The precision is unknown.
        RuntimeError: The job asks for GPUs that are not there.
    """
    if compute.gpus > torch.cuda.device_count():
        raise RuntimeError(
            f"the job asks for {compute.gpus} GPUs, torch sees {torch.cuda.device_count()}"
        )
    torch.set_num_threads(compute.threads)
    transformers_logging.disable_progress_bar()  # its bars would fill the log files
    dtypes = {
        "fp32": torch.float32,
        "bf16": torch.bfloat16,
        "nf4": torch.float16 if compute.gpus else torch.float32,
    }
    if precision not in dtypes:
        raise ValueError(f"precision is {precision!r}, allowed: {', '.join(dtypes)}")
    dtype = dtypes[precision]
    quantised = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    model = AutoModel.from_pretrained(
        folder,
        dtype=dtype,
        device_map={"": compute.device},
        quantization_config=quantised if precision == "nf4" else None,
        trust_remote_code=False,
        use_safetensors=True,
        local_files_only=True,
    )
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    log.info("loaded %s in %s on %s", type(model).__name__, precision, compute.device)
    return Encoder(tokenizer, model.eval())


def check_vectors(vectors: NDArray[np.floating], sentences: Sequence[str]) -> None:
    """Refuse vectors that would turn into a made-up similarity.

    Raises:
        ValueError: A vector is not finite or has length zero. Names its sentence.
    """
    good = np.isfinite(vectors).all(1) & (vectors != 0).any(1)
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        kind = "zero" if np.isfinite(vectors[row]).all() else "not finite"
        raise ValueError(
            f"vector of sentence {sentences[row]!r} is {kind} ({int((~good).sum())} such in all)"
        )
