"""Score every candidate demonstration on a development suite and choose the best."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.demonstrations import best_of, read_demonstrations, write_scores
from sentscale.encoder import Compute
from sentscale.files import write_json
from sentscale.loading import load_encoder
from sentscale.pairs import read_pairs
from sentscale.progress import Progress
from sentscale.prompts import Representation, fill
from sentscale.provenance import digests, versions
from sentscale.search import development_score
from sentscale.weights import open_weights

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--weights", type=Path, required=True, help="manifest of the model")
    add("--precision", required=True, help="fp32, bf16, fp16 or nf4")
    add("--candidates", type=Path, required=True, help="table: sentence, word")
    add("--tasks", type=Path, nargs="+", required=True, help="tables of the development tasks")
    add("--entry", required=True, help="JSON: the representation with its slots demo, word, text")
    add("--compute", nargs="+", required=True, help="words such as threads=2; see Compute")
    add("--scores", type=Path, required=True, help="table to write: score of each candidate")
    add("--choice", type=Path, required=True, help="JSON to write: the best candidate")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Load the model once, score all candidates, write scores and choice."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    compute = Compute.parse(args.compute)
    entry = json.loads(args.entry)
    candidates = read_demonstrations(args.candidates)
    tasks = [read_pairs(path) for path in args.tasks]
    encoder = load_encoder(open_weights(args.weights), args.precision, compute)
    scores = []
    with Progress(str(args.choice), len(candidates), "candidates") as progress:
        for one in candidates:
            template = fill(entry["template"], {"demo": one.sentence, "word": one.word})
            representation = Representation(template, entry["clean_up"], entry["pooling"])
            scores.append(development_score(encoder, representation, tasks))
            progress.advance(1)
    best = best_of(scores)
    write_scores(args.scores, candidates, scores)
    choice = {
        "demonstration": vars(candidates[best]),
        "score": scores[best],
        "candidates": len(candidates),
        "precision": args.precision,
        "prompt": entry,
        "inputs": digests(
            manifest=args.weights,
            candidates=args.candidates,
            **{path.stem: path for path in args.tasks},
        ),
        "versions": versions(["torch", "transformers", "tokenizers", "numpy"]),
    }
    write_json(args.choice, choice)
    log.info("%s: %s, %.2f", args.choice, candidates[best], scores[best])


if __name__ == "__main__":
    main()
