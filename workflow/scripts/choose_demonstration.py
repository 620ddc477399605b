"""Choose a model's demonstration: the best on the development suite."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sentscale.choice import choose, development_scores
from sentscale.demonstrations import read_demonstrations
from sentscale.files import write_array, write_json
from sentscale.pairs import read_pairs
from sentscale.provenance import digests

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--shards", type=Path, nargs="+", required=True, help="npy of search_demonstrations")
    add("--candidates", type=Path, required=True, help="table of demonstrations")
    add("--tasks", type=Path, nargs="+", required=True, help="tables of the development tasks")
    add("--settings", required=True, help="JSON: prompt, precision, protocol of the search")
    add("--similarities", type=Path, required=True, help="npy to write: candidates x pairs")
    add("--zero-shot", type=Path, required=True, help="npy to write: without a demonstration")
    add("--choice", type=Path, required=True, help="JSON to write: the best, and the next ones")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Put the shards together, score, choose."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    tasks = [read_pairs(path) for path in args.tasks]
    rows = np.concatenate([np.load(path) for path in args.shards])
    zero_shot, *scores = map(float, development_scores(rows, tasks))
    choice = choose(read_demonstrations(args.candidates), scores, zero_shot)
    choice |= json.loads(args.settings) | {"shards": len(args.shards)}
    tables = {path.stem: path for path in args.tasks}
    choice["inputs"] = digests(candidates=args.candidates, **tables)
    write_array(args.similarities, rows[1:])
    write_array(args.zero_shot, rows[0])
    write_json(args.choice, choice)
    log.info("%s: %s, %.2f", args.choice, choice["demonstration"], choice["score"])


if __name__ == "__main__":
    main()
