"""The search for a demonstration: similarities of a development suite under each candidate."""

import hashlib
import json
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sentscale.embedding import embed
from sentscale.encoder import Encoder, check_vectors
from sentscale.pairs import Pair
from sentscale.progress import Progress
from sentscale.prompts import Representation
from sentscale.shards import ShardFolder
from sentscale.sts import cosine_rows


def similarities(
    encoder: Encoder, representation: Representation, pairs: Sequence[Pair]
) -> NDArray[np.float32]:
    """Cosine similarity of each pair, shape `(n,)`. Each distinct sentence is embedded once.

    Raises:
        ValueError: A vector is not finite or zero. Names the sentence.
    """
    sentences = list(dict.fromkeys(text for p in pairs for text in (p.left, p.right)))
    vectors = embed(encoder, representation, sentences)
    check_vectors(vectors, sentences)
    row = {sentence: index for index, sentence in enumerate(sentences)}
    left, right = vectors[[row[p.left] for p in pairs]], vectors[[row[p.right] for p in pairs]]
    return cosine_rows(left, right).astype(np.float32)


def search(
    representations: Sequence[Representation],
    pairs: Sequence[Pair],
    load: Callable[[], Encoder],
    kept: ShardFolder,
    progress: Progress,
) -> NDArray[np.float32]:
    """Similarities under each representation; each is kept when it is done.

    Args:
        representations: `c` of them, a candidate's demonstration in each.
        pairs: Of the development suite, `n` of them.
        load: Gives the encoder; called once, and only if something is not kept yet.
        kept: What is done, by a digest of the representation.
        progress: Counts representations.

    Returns:
        Shape `(c, n)`.
    """
    encoder = None
    rows = np.empty((len(representations), len(pairs)), dtype=np.float32)
    for row, representation in enumerate(representations):
        text = json.dumps(vars(representation), sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()[:32]
        found = kept.load(name)
        if found is None:
            encoder = encoder or load()
            found = similarities(encoder, representation, pairs)
            kept.save(name, found)
            progress.advance(1)
        else:
            progress.skip(1)
        rows[row] = found
    return rows
