"""Stored vectors: a file mapped into memory, and the row of each sentence."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentscale.files import check_sha256, read_json, read_lines
from sentscale.prompts import read_representation
from sentscale.provenance import digests

# What names an encoder, in the order of the folders that its vectors are in; tables have
# another order, `tables.ENCODER`.
FOLDERS = ("model", "adapter", "precision", "representation")


def open_vectors(
    vectors: Path,
    about: Path,
    sentences: Path,
    weights: Path,
    representation: Path,
    adapter: Path | None = None,
) -> tuple[NDArray[np.float32], dict[str, int]]:
    """Vectors of a suite, `(n, d)`, not read until they are used, and each sentence's row.

    A cluster can report a job as done that never ran; what an earlier run left there is
    then older than what it should be made from. So all of that is compared.

    Args:
        vectors: npy file of embed_sentences.
        about: JSON beside it: its digest, and what it was made from.
        sentences: Sentence list of the suite, in the order of the rows.
        weights: Manifest of the model.
        representation: JSON of fill_representation.
        adapter: Manifest of the adapter, if there is one.

    Raises:
        ValueError: The file is not the one that was written, or made from other things.
    """
    known = read_json(about)
    check_sha256(vectors, known["sha256"])
    inputs = digests(manifest=weights, sentences=sentences, adapter=adapter)
    made_from = known["inputs"] | {"representation": known["representation"]}
    for name, value in (
        inputs | {"representation": vars(read_representation(representation))}
    ).items():
        if made_from.get(name) != value:
            raise ValueError(
                f"{vectors} was made from another {name}: {made_from.get(name)}, now it is"
                f" {value}; delete {vectors} and run again"
            )
    mapped = np.load(vectors, mmap_mode="r", allow_pickle=False)
    row = {sentence: index for index, sentence in enumerate(read_lines(sentences))}
    if len(row) != len(mapped):
        raise ValueError(f"{vectors}: {len(mapped)} rows; {sentences} has {len(row)} sentences")
    return mapped, row
