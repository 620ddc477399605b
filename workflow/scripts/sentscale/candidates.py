"""Candidates of an adapter: how good each checkpoint is, and which one is taken."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from sentscale.checkpoints import ADAPTER
from sentscale.choice import development_scores
from sentscale.encoder import Encoder
from sentscale.files import sha256_of
from sentscale.pairs import Pair
from sentscale.progress import Progress
from sentscale.prompts import Representation
from sentscale.search import similarities
from sentscale.shards import ShardFolder


def score_candidates(
    folders: Sequence[Path],
    representation: Representation,
    tasks: Sequence[Sequence[Pair]],
    load: Callable[[Path], Encoder],
    kept: ShardFolder,
    progress: Progress,
) -> list[float]:
    """Development score of each candidate; each is kept when it is done.

    Args:
        folders: Of the candidates, with PEFT's files in each.
        representation: What they are scored with.
        tasks: Pairs of each development task.
        load: Gives the encoder with a candidate.
        kept: What is done, by a digest of the candidate.
        progress: Counts candidates.

    Raises:
        ValueError: A score is undefined, because all similarities are equal.
    """
    pairs = [pair for task in tasks for pair in task]
    scores = []
    for folder in folders:
        name = sha256_of(folder / ADAPTER)[:32]
        found = kept.load(name)
        if found is None:
            found = similarities(load(folder), representation, pairs)
            kept.save(name, found)
            progress.advance(1)
        else:
            progress.skip(1)
        score = float(development_scores(found, tasks))
        if not np.isfinite(score):
            raise ValueError(f"score of {folder} is undefined: its similarities are all equal")
        scores.append(score)
    return scores


def latest_best(scores: Sequence[float]) -> int:
    """Place of the best of scores rounded to 2 decimals; of equals the last, as the original."""
    return max(range(len(scores)), key=lambda place: (round(scores[place], 2), place))
