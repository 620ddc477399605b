"""Long embedding jobs in shards, so that a killed job loses at most one."""

import hashlib
import io
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from sentscale.files import remove, sha256_of, written_whole

log = logging.getLogger(__name__)


class ShardFolder:
    """Finished shards of one job, under a digest of all that decides their numbers.

    A shard's file name ends in a digest of its content, so one that was damaged is
    made again. The folder lies outside the declared outputs, which Snakemake
    deletes when a job fails.
    """

    def __init__(self, parent: Path, settings: dict[str, Any]) -> None:
        """`parent` is the job's own; everything in it goes with `clear`."""
        self.parent = parent
        text = json.dumps(settings, sort_keys=True)
        self.folder = parent / hashlib.sha256(text.encode()).hexdigest()[:32]

    def load(self, name: str) -> NDArray[np.float32] | None:
        """The shard's numbers, or None if it is not there or damaged."""
        for path in self.folder.glob(f"{name}-*.npy"):
            if path.stem.endswith(sha256_of(path)[:32]):
                return np.load(path, allow_pickle=False)
            log.warning("%s is damaged; making it again", path)
            remove(path)
        return None

    def save(self, name: str, numbers: NDArray[np.float32]) -> None:
        """Write one shard; it appears whole or not at all."""
        buffer = io.BytesIO()
        np.save(buffer, numbers, allow_pickle=False)
        digest = hashlib.sha256(buffer.getbuffer()).hexdigest()[:32]
        with written_whole(self.folder / f"{name}-{digest}.npy") as part:
            part.write_bytes(buffer.getbuffer())

    def clear(self) -> None:
        """Remove the shards, those of other settings too."""
        remove(self.parent)


def embed_in_shards(
    sentences: Sequence[str],
    embed: Callable[[list[str]], NDArray[np.float32]],
    lengths: list[int],
    shard_sentences: int,
    shards: ShardFolder,
    skip: Callable[[int], None],
    out: Path,
) -> tuple[int, int]:
    """Embed sentences shard by shard, taking up the shards that are there.

    The vectors go into a file that is mapped, so that they need not fit in memory.

    Args:
        sentences: `n` texts.
        embed: Gives the vectors of some of them, checked.
        lengths: Tokens of each, to sort by: a shard holds sentences of similar length.
        shard_sentences: Sentences in a shard.
        shards: Where finished ones are.
        skip: Called with the number of tokens of each shard that was there.
        out: npy file to write: vectors in the order of `sentences`, `(n, d)`, float32.

    Returns:
        The shape `(n, d)`.

    Raises:
        ValueError: There is no sentence.
    """
    if not sentences:
        raise ValueError("no sentences to embed")
    order = sorted(range(len(sentences)), key=lambda row: -lengths[row])
    vectors: NDArray[np.float32] | None = None
    taken_up = 0
    with written_whole(out) as part:
        for index, start in enumerate(range(0, len(order), shard_sentences)):
            rows = order[start : start + shard_sentences]
            shard = shards.load(f"{index:06d}")
            if shard is None:
                shard = embed([sentences[row] for row in rows])
                shards.save(f"{index:06d}", shard)
            else:
                taken_up += 1
                skip(sum(lengths[row] for row in rows))
            if vectors is None:
                shape = len(sentences), shard.shape[1]
                vectors = open_memmap(part, mode="w+", dtype=np.float32, shape=shape)
            vectors[rows] = shard
        vectors.flush()
    log.info("%d shards, %d of them from an earlier run", index + 1, taken_up)
    return shape
