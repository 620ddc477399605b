"""How sure the scores of a search are, and its choice."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sentscale.choice import score_table
from sentscale.demonstrations import read_demonstrations
from sentscale.files import write_text
from sentscale.pairs import read_pairs


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--similarities", type=Path, required=True, help="npy: candidates x pairs")
    add("--candidates", type=Path, required=True, help="table of demonstrations")
    add("--tasks", type=Path, nargs="+", required=True, help="tables of the development tasks")
    add("--bootstrap", required=True, help="JSON: resamples, confidence, seed")
    add("--out", type=Path, required=True, help="table to write: a row for each candidate")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Resample the pairs, score every candidate on each resample."""
    args = parse_args(argv)
    candidates = read_demonstrations(args.candidates)
    tasks = [read_pairs(path) for path in args.tasks]
    similarity, bootstrap = np.load(args.similarities), json.loads(args.bootstrap)
    table = score_table(candidates, similarity, tasks, bootstrap)
    write_text(args.out, table.to_csv(sep="\t", index=False, lineterminator="\n"))


if __name__ == "__main__":
    main()
