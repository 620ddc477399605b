"""Sentences for demonstrations: samples of a task that look like the whole of it."""

from collections.abc import Sequence

import numpy as np

from sentscale.demonstrations import Demonstration
from sentscale.pairs import Pair
from sentscale.samples import Sample

# Sentences of a subset are split by length in this many equal parts.
LENGTHS = 3


def in_sample_order(pairs: Sequence[Pair], seed: int) -> list[str]:
    """Distinct sentences of a task, so ordered that the first k are a stratified sample.

    Strata are subsets (genres) and, in each, thirds by number of words. Member i of
    a shuffled stratum of n stands at (i + 0.5) / n of the whole, so every stratum
    has its share, rounded, in the first k, whatever k is.
    """
    rng = np.random.default_rng(seed)
    home: dict[str, str] = {}
    for pair in pairs:
        for sentence in (pair.left, pair.right):
            home.setdefault(sentence, pair.subset)
    placed: list[tuple[float, str]] = []
    for subset in dict.fromkeys(home.values()):
        members = [sentence for sentence in home if home[sentence] == subset]
        members.sort(key=lambda sentence: len(sentence.split()))
        for stratum in np.array_split(np.arange(len(members)), LENGTHS):
            for place, row in enumerate(rng.permutation(stratum)):
                placed.append(((place + 0.5) / len(stratum), members[row]))
    return [sentence for _, sentence in sorted(placed, key=lambda one: one[0])]


def labelled_examples(
    samples: Sequence[Sample], task: str, words: dict[str, str], per_label: int, seed: int
) -> list[Demonstration]:
    """Training sentences of a transfer task with the words that stand for their labels.

    Args:
        samples: Of the task. Where it has parts, those of `train` are drawn.
        task: Its name.
        words: For each label, in the order wanted.
        per_label: Examples of each.
        seed: Of the draw.

    Returns:
        Labels take turns: positive, negative, positive, negative.

    Raises:
        ValueError: A label has too few sentences.
    """
    rng = np.random.default_rng(seed)
    parts = {sample.subset for sample in samples}
    drawn = []
    for label, word in words.items():
        usable = [
            Demonstration(sample.sentences[0], word, task, "label", "", str(seed))
            for sample in samples
            if str(sample.label) == label
            and ("train" not in parts or sample.subset == "train")
            and len(sample.sentences) == 1
            and sample.sentences[0]
            and '"' not in sample.sentences[0]
        ]
        if len(usable) < per_label:
            raise ValueError(
                f"task {task}: {per_label} examples of label {label} wanted,"
                f" it has {len(usable)} single sentences without double quotes"
            )
        rows = rng.choice(len(usable), per_label, replace=False)
        drawn.append([usable[row] for row in rows])
    return [one for turn in zip(*drawn, strict=True) for one in turn]
