"""Candidates of an adapter: how good each checkpoint is, and which one is taken."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

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
    folders: Mapping[int, Path | None],
    representation: Representation,
    tasks: Sequence[Sequence[Pair]],
    load: Callable[[Path | None], Encoder],
    kept: ShardFolder,
    progress: Progress,
) -> dict[int, float]:
    """Development score of each candidate; each is kept when it is done.

    Args:
        folders: Of the candidates by their step, with PEFT's files in each; None for
            no adapter.
        representation: What they are scored with.
        tasks: Pairs of each development task.
        load: Gives the encoder with a candidate.
        kept: What is done, by a digest of the candidate.
        progress: Counts candidates.

    Raises:
        ValueError: A score is undefined, because all similarities are equal.
    """
    pairs = [pair for task in tasks for pair in task]
    scores = {}
    for step, folder in folders.items():
        name = sha256_of(folder / ADAPTER)[:32] if folder else "none"
        found = kept.load(name)
        if found is None:
            found = similarities(load(folder), representation, pairs)
            kept.save(name, found)
            progress.advance(1)
        else:
            progress.skip(1)
        score = float(development_scores(found, tasks))
        if not np.isfinite(score):
            raise ValueError(f"score of step {step} is undefined: its similarities are all equal")
        scores[step] = score
    return scores


def choose_candidate(scores: Mapping[int, float]) -> pd.DataFrame:
    """The best of scores rounded to 2 decimals; of equals the latest, as the original.

    Args:
        scores: By their step; 0 is the model without an adapter, which is no candidate.

    Returns:
        Columns step, score and chosen, which is true in one row.
    """
    best = max(filter(None, scores), key=lambda step: (round(scores[step], 2), step))
    chosen = [step == best for step in scores]
    return pd.DataFrame({"step": scores.keys(), "score": scores.values(), "chosen": chosen})
