"""Stored vectors: a file mapped into memory, and the row of each sentence."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentscale.files import check_sha256, read_json, read_lines

# What names an encoder, in the order of the folders that its vectors are in.
ENCODER = ("model", "adapter", "precision", "representation")


def open_vectors(
    vectors: Path, about: Path, sentences: Path
) -> tuple[NDArray[np.float32], dict[str, int]]:
    """Vectors of a suite, `(n, d)`, not read until they are used, and each sentence's row.

    Args:
        vectors: npy file of embed_sentences.
        about: JSON beside it, which has its digest.
        sentences: Sentence list of the suite, in the order of the rows.

    Raises:
        ValueError: The file is not the one that was written, or not of this list.
    """
    check_sha256(vectors, read_json(about)["sha256"])
    mapped = np.load(vectors, mmap_mode="r", allow_pickle=False)
    row = {sentence: index for index, sentence in enumerate(read_lines(sentences))}
    if len(row) != len(mapped):
        raise ValueError(f"{vectors}: {len(mapped)} rows; {sentences} has {len(row)} sentences")
    return mapped, row
