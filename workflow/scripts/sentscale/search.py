"""The search for a demonstration: how good is an encoder on the development suite?"""

import numpy as np

from sentscale.encoder import Encoder, check_vectors
from sentscale.pairs import Pair
from sentscale.prompts import Representation
from sentscale.sts import cosine_rows, spearman


def development_score(
    encoder: Encoder, representation: Representation, tasks: list[list[Pair]]
) -> float:
    """Mean over the tasks of Spearman's rho x 100, all pairs of a task ranked together.

    Each distinct sentence is embedded once.

    Raises:
        ValueError: A vector is not finite or zero (names the sentence), or the score
            is undefined, because all similarities or all people's scores are equal.
    """
    sentences = list(
        dict.fromkeys(text for task in tasks for p in task for text in (p.left, p.right))
    )
    prompts = [representation.prompt(sentence) for sentence in sentences]
    vectors = encoder.encode(prompts, representation.pooling, [representation.prefix])
    check_vectors(vectors, sentences)
    row = {sentence: index for index, sentence in enumerate(sentences)}
    scores = []
    for task in tasks:
        left, right = vectors[[row[p.left] for p in task]], vectors[[row[p.right] for p in task]]
        gold = np.array([p.gold for p in task])
        scores.append(100 * float(spearman(cosine_rows(left, right), gold)))
    if not np.isfinite(scores).all():
        raise ValueError(f"score of {representation.template!r} is undefined: one side is constant")
    return float(np.mean(scores))
