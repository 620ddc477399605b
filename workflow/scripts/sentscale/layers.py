"""Layer choice: how good the states of every layer are on a development suite.

Layer 0 is what enters the first layer of the model: words, and positions where they are
added to them. Layer i of n is what leaves the ith layer, as it is: no norm comes in
between, as in transformers' `hidden_states` and in the studies that read them. The last
one is the usual vector, behind the final norm.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from transformers import PreTrainedConfig

from sentscale.choice import development_scores, resampled_scores
from sentscale.embedding import embed
from sentscale.encoder import Encoder
from sentscale.pairs import Pair, rows_of
from sentscale.prompts import Representation
from sentscale.resampling import tails
from sentscale.sts import cosine_rows


def split_layers(
    vectors: NDArray[np.float32], config: PreTrainedConfig
) -> list[NDArray[np.float32]]:
    """Vectors of each layer, `(n, d)` each, from those that stand side by side.

    The last ones may be of another width than the others: 512 for OPT-350m, not 1024.
    """
    ends = config.hidden_size * np.arange(1, config.num_hidden_layers + 1)
    return np.split(vectors, ends, axis=1)


def layer_similarities(
    encoder: Encoder,
    representation: Representation,
    pairs: Sequence[Pair],
    advance: Callable[[int], None] = lambda tokens: None,
) -> NDArray[np.float64]:
    """Cosine similarity of each pair by each layer, shape `(layers + 1, pairs)`.

    Each distinct sentence goes through the model once.

    Raises:
        ValueError: A vector is not finite or has length zero.
    """
    sentences = sentences_of(pairs)
    vectors = embed(encoder, representation, sentences, advance, every_layer=True)
    row = {sentence: index for index, sentence in enumerate(sentences)}
    left, right = rows_of(pairs, row)
    layers = split_layers(vectors, encoder.config)
    return np.stack([cosine_rows(layer[left], layer[right]) for layer in layers])


def sentences_of(pairs: Sequence[Pair]) -> list[str]:
    """The distinct sentences of pairs."""
    return list(dict.fromkeys(text for pair in pairs for text in (pair.left, pair.right)))


def layer_table(
    similarity: NDArray[np.floating], tasks: Sequence[Sequence[Pair]], bootstrap: dict[str, Any]
) -> pd.DataFrame:
    """Score of each layer, and what it gains over the last one.

    Args:
        similarity: Of the pairs of all tasks side by side, shape `(layers + 1, n)`.
        tasks: Their pairs, with what people said.
        bootstrap: resamples, confidence and seed.

    Returns:
        Columns layer; score, low and high: mean over the tasks of Spearman's rho x 100
        with its bootstrap interval; gain, gain_low and gain_high: the score less that of
        the last layer, both on the same resamples; chance: share of the resamples in
        which no layer is better. A layer whose similarities are all equal has no score:
        so layer 0 where all prompts end in the same word and positions are not added.

    Raises:
        ValueError: The last layer has no score.
    """
    scores = development_scores(similarity, tasks)
    if not np.isfinite(scores[-1]):
        raise ValueError("score of the last layer is undefined: one side is constant")
    known = np.isfinite(scores)
    resampled = resampled_scores(
        similarity[known], tasks, bootstrap["resamples"], bootstrap["seed"]
    )
    resampled = resampled[:, np.isfinite(resampled).all(axis=0)]
    bounds = tails(bootstrap["confidence"])
    low, high = np.percentile(resampled, bounds, axis=1)
    gain_low, gain_high = np.percentile(resampled - resampled[-1], bounds, axis=1)
    winners = np.round(resampled, 2).argmax(axis=0)
    columns = {
        "score": scores[known],
        "low": low,
        "high": high,
        "gain": scores[known] - scores[-1],
        "gain_low": gain_low,
        "gain_high": gain_high,
        "chance": np.bincount(winners, minlength=len(resampled)) / resampled.shape[1],
    }
    table = pd.DataFrame(columns, index=np.flatnonzero(known))
    return table.reindex(range(len(scores))).rename_axis("layer").reset_index()
