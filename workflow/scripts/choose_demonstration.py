"""Choose a model's demonstration: the best on the development suite."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sentscale.choice import choose, development_scores, score_table
from sentscale.demonstrations import read_demonstrations
from sentscale.files import write_array, write_json, write_text
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
    add("--settings", required=True, help="JSON: search, prompt, bootstrap, protocol")
    add("--similarities", type=Path, required=True, help="npy to write: candidates x pairs")
    add("--zero-shot", type=Path, required=True, help="npy to write: without a demonstration")
    add("--scores", type=Path, required=True, help="table to write: score of each candidate")
    add("--choice", type=Path, required=True, help="JSON to write: the best, and how sure it is")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Put the shards together, score, choose."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = json.loads(args.settings)
    candidates = read_demonstrations(args.candidates)
    tasks = [read_pairs(path) for path in args.tasks]
    zero_shot, *rows = np.concatenate([np.load(path) for path in args.shards])
    scores = score_table(candidates, np.array(rows), tasks, settings["bootstrap"])
    choice = choose(scores, float(development_scores(zero_shot, tasks))) | settings
    choice["shards"] = len(args.shards)
    tables = {path.stem: path for path in args.tasks}
    choice["inputs"] = digests(candidates=args.candidates, **tables)
    write_array(args.similarities, np.array(rows))
    write_array(args.zero_shot, zero_shot)
    write_text(args.scores, scores.to_csv(sep="\t", index=False, lineterminator="\n"))
    write_json(args.choice, choice)
    log.info("%s: %s, %.2f", args.choice, choice["demonstration"], choice["score"])


if __name__ == "__main__":
    main()
