"""Score one encoder's stored vectors as the mteb library does, in the files of its results."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sentscale.files import read_json, write_json, written_whole
from sentscale.mteb_results import (
    differences,
    encoder_revision,
    made_of,
    model_meta,
    mteb_scores,
    read_mteb_tasks,
    task_result,
)
from sentscale.pairs import read_pairs, rows_of
from sentscale.prompts import read_representation
from sentscale.provenance import digests, versions
from sentscale.store import FOLDERS, open_vectors

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--pairs", type=Path, nargs="+", required=True, help="tables, called as their tasks")
    add("--sentences", type=Path, required=True, help="sentence list of the suite")
    add("--vectors", type=Path, required=True, help="npy: row i for line i of the list")
    add("--about", type=Path, required=True, help="JSON beside the vectors")
    add("--made-from", type=Path, nargs="+", required=True, help="model, prompt, adapter if any")
    add("--tasks", type=Path, required=True, help="table of mteb's tasks")
    add("--encoder", nargs=4, required=True, help="model adapter precision representation")
    add("--facts", required=True, help="JSON: parameters, licence")
    add("--out", type=Path, required=True, help="folder to write, one subfolder in it")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Write a result for each task, then what the encoder is."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    vectors, row = open_vectors(args.vectors, args.about, args.sentences, *args.made_from)
    tasks, made = read_mteb_tasks(args.tasks), read_json(args.about)
    representation = read_representation(args.made_from[1])
    of_vectors = [made[key] for key in ("inputs", "precision", "representation", "protocol")]
    revision = encoder_revision(*of_vectors)
    source = read_json(args.made_from[0])["source"]
    # Another name than that of the encoder which mteb runs itself, on its own data.
    name = "_".join([*args.encoder, "stored"])
    encoder = made_of(args.encoder, representation, source)
    facts = json.loads(args.facts) | {"width": made["width"]}
    meta = model_meta(name, revision, encoder, **facts)
    with written_whole(args.out) as part:
        for path in args.pairs:
            pairs, known = read_pairs(path), tasks[path.stem]
            gold = np.array([pair.gold for pair in pairs])
            left, right = rows_of(pairs, row)
            scores = mteb_scores(vectors[left], vectors[right], gold)
            inputs = digests(pairs=path, sentences=args.sentences, vectors=args.vectors)
            about = {
                "encoder": dict(zip(FOLDERS, args.encoder, strict=True)),
                "differences": differences(pairs, known, representation),
                "inputs": inputs,
                "versions": versions(["numpy", "scipy"]),
            }
            result = task_result(known, scores, inputs["pairs"], about)
            write_json(part / revision / f"{known.name}.json", result)
            log.info("%s: %d pairs, %.6f", known.name, len(pairs), scores["main_score"])
        write_json(part / revision / "model_meta.json", meta)


if __name__ == "__main__":
    main()
