"""From sentences to vectors: the prompts of a representation through an encoder."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentscale.encoder import Encoder
from sentscale.prompts import Representation


def embed(
    encoder: Encoder,
    representation: Representation,
    sentences: Sequence[str],
    advance: Callable[[int], None] = lambda tokens: None,
    workspace: Path | None = None,
    *,
    every_layer: bool = False,
) -> NDArray[np.float32]:
    """Vectors of sentences; with several templates the mean of theirs.

    All prompts go through the model together, so that one that is streamed is read
    once. Vectors are averaged as they are, as MetaEOL does (arXiv 2402.18458): a
    template whose vectors are longer weighs more.

    Args:
        encoder: A loaded model.
        representation: Its templates and pooling.
        sentences: `n` texts.
        advance: See `Encoder.encode`.
        workspace: Likewise.
        every_layer: Likewise.

    Returns:
        Shape `(n, d)`.
    """
    parts = representation.parts
    prompts = prompts_of(representation, sentences)
    starts = []
    if representation.pooling == "text":  # such a template ends in the sentence
        texts = [part.cleaned(sentence) for part in parts for sentence in sentences]
        starts = [len(prompt) - len(text) for prompt, text in zip(prompts, texts, strict=True)]
    vectors = encoder.encode(
        prompts,
        representation.pooling,
        [part.prefix for part in parts],
        advance,
        workspace,
        starts=starts,
        every_layer=every_layer,
    )
    if len(parts) == 1:
        return vectors
    return vectors.reshape(len(parts), len(sentences), -1).mean(0)


def lengths(
    encoder: Encoder, representation: Representation, sentences: Sequence[str]
) -> list[int]:
    """Tokens that the model reads for each sentence, in the prompts of all templates."""
    tokens = encoder.tokenise(prompts_of(representation, sentences))
    counts = np.array([len(ids) for ids in tokens]).reshape(-1, len(sentences))
    return counts.sum(0).tolist()


def prompts_of(representation: Representation, sentences: Sequence[str]) -> list[str]:
    """All prompts, template by template."""
    return [part.prompt(sentence) for part in representation.parts for sentence in sentences]
