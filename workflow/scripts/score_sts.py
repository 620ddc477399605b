"""Score one encoder's embeddings on one STS task."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sentscale.files import write_array, write_json
from sentscale.pairs import read_pairs, rows_of
from sentscale.provenance import digests, versions
from sentscale.store import FOLDERS, open_vectors
from sentscale.sts import cosine_rows, sts_scores

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--pairs", type=Path, required=True, help="table of the task")
    add("--sentences", type=Path, required=True, help="sentence list of the suite")
    add("--vectors", type=Path, required=True, help="npy: row i for line i of the list")
    add("--about", type=Path, required=True, help="JSON beside the vectors")
    add("--made-from", type=Path, nargs="+", required=True, help="model, prompt, adapter if any")
    add("--encoder", nargs=4, required=True, help="model adapter precision representation")
    add("--task", required=True, help="name of the task")
    add("--bootstrap", required=True, help="JSON: resamples, confidence, seed")
    add("--out", type=Path, required=True, help="JSON to write")
    add("--similarities", type=Path, required=True, help="npy to write: cosine of each pair")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Look the vectors up, compare them, correlate with people's scores."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    vectors, row = open_vectors(args.vectors, args.about, args.sentences, *args.made_from)
    pairs = read_pairs(args.pairs)
    left, right = rows_of(pairs, row)
    similarity = cosine_rows(vectors[left], vectors[right])
    gold = np.array([pair.gold for pair in pairs])
    subset = np.array([pair.subset for pair in pairs])
    bootstrap = json.loads(args.bootstrap)
    scores, subsets = sts_scores(similarity, gold, subset, **bootstrap)
    write_array(args.similarities, similarity)
    score = {
        "encoder": dict(zip(FOLDERS, args.encoder, strict=True)),
        "task": args.task,
        "pairs": len(pairs),
        "scores": {name: vars(interval) for name, interval in scores.items()},
        "subsets": subsets,
        "bootstrap": bootstrap,
        "inputs": digests(pairs=args.pairs, sentences=args.sentences, vectors=args.vectors),
        "versions": versions(["numpy", "scipy"]),
    }
    write_json(args.out, score)
    log.info("%s: %d pairs, rho x 100 = %.2f", args.out, len(pairs), scores["spearman_all"].value)


if __name__ == "__main__":
    main()
