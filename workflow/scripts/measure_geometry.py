"""Measure how the vectors of one encoder lie: anisotropy, spectrum, alignment, uniformity."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sentscale.files import write_json
from sentscale.geometry import alignment, geometry
from sentscale.pairs import read_pairs, rows_of
from sentscale.provenance import digests, versions
from sentscale.store import FOLDERS, open_vectors
from sentscale.sts import cosine_rows

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--pairs", type=Path, nargs="+", required=True, help="tables of the suite's tasks")
    add("--sentences", type=Path, required=True, help="sentence list of the suite")
    add("--vectors", type=Path, required=True, help="npy: row i for line i of the list")
    add("--about", type=Path, required=True, help="JSON beside the vectors")
    add("--made-from", type=Path, nargs="+", required=True, help="model, prompt, adapter if any")
    add("--encoder", nargs=4, required=True, help="model adapter precision representation")
    add("--sample", required=True, help="JSON: sentences and seed of the sample")
    add("--out", type=Path, required=True, help="JSON to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Look the vectors up, measure them, and the pairs that people call alike."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    vectors, row = open_vectors(args.vectors, args.about, args.sentences, *args.made_from)
    sample = json.loads(args.sample)
    gold, cosines = [], []
    for table in args.pairs:  # one at a time: bounds the memory
        pairs = read_pairs(table)
        left, right = rows_of(pairs, row)
        gold += [pair.gold for pair in pairs]
        cosines.append(cosine_rows(vectors[left], vectors[right]))
    found = geometry(vectors, **sample)
    measured = {
        "encoder": dict(zip(FOLDERS, args.encoder, strict=True)),
        "suite": args.vectors.stem,
        "sentences": len(vectors),
        "dimensions": vectors.shape[1],
        **vars(found),
        "alignment": alignment(np.concatenate(cosines), np.array(gold)),
        "sample": sample,
        "inputs": digests(sentences=args.sentences, vectors=args.vectors),
        "versions": versions(["numpy"]),
    }
    write_json(args.out, measured)
    log.info("%s: mean cosine %.3f of %d vectors", args.out, found.mean_cosine, len(vectors))


if __name__ == "__main__":
    main()
