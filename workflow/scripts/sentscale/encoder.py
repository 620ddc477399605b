"""What every encoder has: settings, a tokenizer, and vectors that are checked."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from sentscale.prompts import Pooling

log = logging.getLogger(__name__)

Precision = Literal["fp32", "bf16", "fp16", "nf4"]
Engine = Literal["fast", "plain"]
Placement = Literal["resident", "split", "stream"]

# Beside its ids, a tokenizer makes strings, offsets and masks: a hundred bytes a token.
TOKENISED_AT_ONCE = 4096


@dataclass(frozen=True)
class Compute:
    """Speed and place of a job: no score depends on it.

    One exception: nf4 computes in float16 on a GPU, in float32 on a CPU.

    Attributes:
        engine: "fast", or "plain": one prompt at a time by transformers alone.
        placement: "resident": the model is on one device; "split": its layers are
            spread over the GPUs; "stream": one layer at a time, read from disk.
        threads: CPU threads of torch.
        gpus: 0 computes on the CPU.
        max_tokens: Most tokens in a batch.
        shard_sentences: Sentences that a killed job loses at most.
    """

    engine: Engine
    placement: Placement
    threads: int
    gpus: int
    max_tokens: int
    shard_sentences: int

    def __post_init__(self) -> None:
        for name, kind in (("engine", Engine), ("placement", Placement)):
            if getattr(self, name) not in get_args(kind):
                allowed = ", ".join(get_args(kind))
                raise ValueError(f"{name} is {getattr(self, name)!r}, allowed: {allowed}")
        for name in ("threads", "gpus", "max_tokens", "shard_sentences"):
            if getattr(self, name) < (0 if name == "gpus" else 1):
                raise ValueError(f"compute setting {name} is {getattr(self, name)}")
        if self.engine == "plain" and self.placement != "resident":
            raise ValueError(f"placement {self.placement} needs engine fast; engine is plain")
        if self.placement == "resident" and self.gpus > 1:
            raise ValueError(f"placement resident uses one GPU, not {self.gpus}; split uses all")

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        """From words such as `threads=2`.

        Raises:
            ValueError: A setting is missing, unknown or not allowed.
        """
        given = dict(word.partition("=")[::2] for word in words)
        known = {field.name: field.type for field in fields(cls)}
        if set(given) != set(known):
            raise ValueError(f"compute settings are {sorted(given)}, expected {sorted(known)}")
        values: dict[str, Any] = given
        for name in known:
            if known[name] is int:
                try:
                    values[name] = int(given[name])
                except ValueError:
                    raise ValueError(f"compute setting {name} is {given[name]!r}") from None
        return cls(**values)

    @property
    def devices(self) -> list[torch.device]:
        """Where the model goes."""
        if self.gpus == 0:
            return [torch.device("cpu")]
        return [torch.device("cuda", index) for index in range(self.gpus)]


def check_gpus(asked: int) -> None:
    """Stop a job that did not get the GPUs it asked for, before it loads a model.

    Raises:
        RuntimeError: torch sees fewer. Names both numbers.
    """
    seen = torch.cuda.device_count()
    if asked > seen:
        raise RuntimeError(f"the job asks for {asked} GPUs, torch sees {seen}")


class Encoder(ABC):
    """Turns prompts into vectors."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig) -> None:
        self.tokenizer = tokenizer
        self.config = config

    def tokenise(self, prompts: Sequence[str]) -> list[list[int]]:
        """Token ids of each prompt with the tokenizer's own special tokens; never cut.

        Raises:
            ValueError: There is no prompt; one is no text, has no token at all, or
                more than the model has positions. Names the prompt, and its number
                if it is empty: in a sentence list, its line.
        """
        if not prompts:
            raise ValueError("no prompts to encode")
        for prompt in prompts:
            if not isinstance(prompt, str):
                raise ValueError(f"prompt {prompt!r} is {type(prompt).__name__}, not a text")
        ids: list[list[int]] = []
        for start in range(0, len(prompts), TOKENISED_AT_ONCE):
            ids += self.tokenizer(list(prompts[start : start + TOKENISED_AT_ONCE])).input_ids
        most = getattr(self.config, "max_position_embeddings", None)
        for number, (prompt, tokens) in enumerate(zip(prompts, ids, strict=True), start=1):
            if not tokens:
                raise ValueError(
                    f"prompt {prompt!r}, number {number} of {len(prompts)}, gives no token;"
                    " there is no state to pool"
                )
            if most is not None and len(tokens) > most:
                raise ValueError(
                    f"prompt of {len(tokens)} tokens, the model takes {most}: {prompt[:80]!r}..."
                )
        return ids

    def tails(self, prompts: Sequence[str], starts: Sequence[int]) -> list[int]:
        """Tokens of each prompt from a character to the end, special tokens there included.

        A token that also holds characters in front of that one is counted.

        Raises:
            ValueError: There is no character left, or none that a token stands for.
        """
        found = []
        for first in range(0, len(prompts), TOKENISED_AT_ONCE):
            some = slice(first, first + TOKENISED_AT_ONCE)
            encoded = self.tokenizer(list(prompts[some]))
            for row, (prompt, start) in enumerate(zip(prompts[some], starts[some], strict=True)):
                places = (encoded.char_to_token(row, char) for char in range(start, len(prompt)))
                place = next((place for place in places if place is not None), None)
                if place is None:
                    raise ValueError(f"prompt {prompt!r} ends in no text; there is nothing to pool")
                found.append(len(encoded.input_ids[row]) - place)
        return found

    @abstractmethod
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
        """Embed prompts: the last layer's state after the final norm, pooled.

        Args:
            prompts: Complete texts, `n` of them.
            pooling: "last": state of the last token; "mean": mean over all
                tokens, the tokenizer's special tokens included; "text": mean over
                those from `starts` on; "first" and "mask": state of the first token
                or of the mask token, for models that attend to both sides; "own":
                what its authors trained for the model, a pooler or modules of
                sentence-transformers.
            prefixes: Texts that many prompts begin with: computed once where that
                pays. No result depends on them.
            advance: Called with the number of tokens that are done.
            workspace: Folder for what is taken up after an interruption, if the
                encoder keeps anything; it must belong to these prompts alone.
            starts: For pooling "text", the character of each prompt at which the text
                begins that is pooled; it goes to the prompt's end.
            every_layer: Also pool the states in front of each layer, as they are:
                nothing is normed but the last layer's.

        Returns:
            Vectors, shape `(n, d)`, in the order of the prompts. `d` is the width
            of the body's output: 512 for OPT-350m, not its hidden size of 1024.
            With `every_layer`, those in front of each layer stand before them in
            the same row; `layers.split_layers` takes a row apart.

        Raises:
            ValueError: See `tokenise` and `tails`; or the pooling is not for this model.
        """


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
