"""Similarities of a development suite's pairs under each candidate demonstration of a shard."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sentscale.demonstrations import read_demonstrations, with_shots
from sentscale.encoder import Compute, Encoder
from sentscale.files import write_array
from sentscale.loading import load_encoder
from sentscale.pairs import read_pairs
from sentscale.progress import Progress
from sentscale.provenance import digests, versions
from sentscale.search import search
from sentscale.shards import ShardFolder
from sentscale.weights import open_weights


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--weights", type=Path, required=True, help="manifest of the model")
    add("--precision", required=True, help="fp32, bf16, fp16 or nf4")
    add("--candidates", type=Path, required=True, help="table of demonstrations")
    add("--tasks", type=Path, nargs="+", required=True, help="tables of the development tasks")
    add("--prompt", required=True, help="JSON: shot, template, clean_up, pooling")
    add("--protocol", type=int, required=True, help="version of this step")
    add("--compute", nargs="+", required=True, help="words such as threads=2; see Compute")
    add("--shard", type=int, nargs=2, required=True, help="which, from 1, and of how many")
    add("--kept", type=Path, required=True, help="folder for what is done, candidate by candidate")
    add("--out", type=Path, required=True, help="npy to write: a row for each candidate")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Take what is done, load the model once for the others; row 0 of all has no demonstration."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    compute = Compute.parse(args.compute)
    prompt = json.loads(args.prompt)
    shots = [[], *([one] for one in read_demonstrations(args.candidates))]
    number, shards = args.shard
    mine = np.array_split(np.arange(len(shots)), shards)[number - 1]
    representations = [with_shots(prompt, shots[row]) for row in mine]
    pairs = [pair for path in args.tasks for pair in read_pairs(path)]
    tables = {path.stem: path for path in args.tasks}
    settings = {
        "precision": args.precision,
        "gpu": compute.gpus > 0,
        "inputs": digests(manifest=args.weights, **tables),
        "tasks": list(tables),  # similarities stand side by side in this order
        "protocol": args.protocol,
        "versions": versions(["torch", "transformers", "tokenizers", "numpy"]),
    }
    kept = ShardFolder(args.kept, settings)

    def load() -> Encoder:
        return load_encoder(open_weights(args.weights), args.precision, compute)

    with Progress(str(args.out), len(mine), "candidates") as progress:
        rows = search(representations, pairs, load, kept, progress)
    write_array(args.out, rows)


if __name__ == "__main__":
    main()
