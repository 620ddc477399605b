"""Embed each distinct sentence of a suite of tasks with one frozen model."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sentscale.adapters import open_adapter
from sentscale.embedding import embed, lengths
from sentscale.encoder import Compute, check_vectors
from sentscale.files import read_lines, sha256_of, write_json
from sentscale.loading import load_encoder
from sentscale.progress import Progress
from sentscale.prompts import read_representation
from sentscale.provenance import digests, versions
from sentscale.shards import ShardFolder, embed_in_shards
from sentscale.weights import open_weights

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--weights", type=Path, required=True, help="manifest of the model")
    add("--adapter", type=Path, nargs="?", required=True, help="manifest of an adapter, or nothing")
    add("--precision", required=True, help="fp32, bf16, fp16 or nf4")
    add("--sentences", type=Path, required=True, help="one a line")
    add("--representation", type=Path, required=True, help="JSON of fill_representation")
    add("--protocol", type=int, required=True, help="version of this step")
    add("--compute", nargs="+", required=True, help="words such as threads=2; see Compute")
    add("--out", type=Path, required=True, help="npy to write: row i for line i, float32")
    add("--about", type=Path, required=True, help="JSON to write: digests, versions, settings")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Load the model once, embed, write vectors and what they were made from."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    compute = Compute.parse(args.compute)
    representation = read_representation(args.representation)
    sentences = read_lines(args.sentences)
    about = {
        "rows": len(sentences),
        "precision": args.precision,
        "representation": vars(representation),
        "inputs": digests(manifest=args.weights, sentences=args.sentences, adapter=args.adapter),
        "protocol": args.protocol,
        "versions": versions(["torch", "transformers", "tokenizers", "numpy"]),
    }
    weights, adapter = open_weights(args.weights), open_adapter(args.adapter)
    encoder = load_encoder(weights, args.precision, compute, adapter)
    size = len(sentences) if compute.placement == "stream" else compute.shard_sentences
    # Only what may change a bit more than a rounding: a smaller budget keeps what is done.
    settings = about | {"gpu": compute.gpus > 0, "shard_sentences": size}
    shards = ShardFolder(args.out.with_name(f".{args.out.stem}.shards"), settings)
    tokens = lengths(encoder, representation, sentences)
    with Progress(str(args.out), sum(tokens), "tokens") as progress:

        def vectors_of(texts: list[str]) -> np.ndarray:
            where = shards.folder / "states"
            vectors = embed(encoder, representation, texts, progress.advance, where)
            check_vectors(vectors, texts)
            return vectors

        skip = progress.skip
        shape = embed_in_shards(sentences, vectors_of, tokens, size, shards, skip, args.out)
    made = {"width": shape[1], "dtype": "float32", "sha256": sha256_of(args.out)}
    write_json(args.about, about | {"compute": vars(compute)} | made)
    shards.clear()
    log.info("%s: %d sentences, %d numbers each", args.out, *shape)


if __name__ == "__main__":
    main()
