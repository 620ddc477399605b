"""Score one encoder's embeddings on one transfer task with a linear classifier."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from sentscale import transfer
from sentscale.files import write_array, write_json
from sentscale.logreg import LogReg
from sentscale.progress import Progress
from sentscale.provenance import digests, versions
from sentscale.samples import read_samples
from sentscale.senteval import SentEval
from sentscale.store import FOLDERS, open_vectors

log = logging.getLogger(__name__)

CLASSIFIERS = {"senteval": SentEval, "logreg": LogReg}


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--samples", type=Path, required=True, help="table of the task")
    add("--sentences", type=Path, required=True, help="sentence list of the suite")
    add("--vectors", type=Path, required=True, help="npy: row i for line i of the list")
    add("--about", type=Path, required=True, help="JSON beside the vectors")
    add("--made-from", type=Path, nargs="+", required=True, help="model, prompt, adapter if any")
    add("--encoder", nargs=4, required=True, help="model adapter precision representation")
    add("--task", required=True, help="name of the task")
    add("--design", choices=["nested", "folds", "dev"], required=True, help="how rows are split")
    add("--settings", required=True, help="JSON: classifier, options, bootstrap, protocol")
    add("--threads", type=int, required=True, help="CPU threads")
    add("--gpus", type=int, required=True, help="0 computes on the CPU")
    add("--out", type=Path, required=True, help="JSON to write")
    add("--predictions", type=Path, required=True, help="npy to write: class of each test row")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Look the vectors up, choose the regularisation, train, test."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = json.loads(args.settings)
    classifier = CLASSIFIERS[settings["classifier"]](**settings["options"])
    vectors, row = open_vectors(args.vectors, args.about, args.sentences, *args.made_from)
    samples = read_samples(args.samples)
    x = torch.from_numpy(transfer.features(vectors, samples, row, args.task))
    y = torch.from_numpy(transfer.labels(samples))
    if args.gpus and not torch.cuda.is_available():
        raise RuntimeError("transfer.gpus is 1, but torch sees no GPU here")
    place = torch.device("cuda" if args.gpus else "cpu")
    problems = transfer.split(samples, args.design, args.task, classifier)
    with Progress(str(args.out), classifier.count(problems), "classifiers") as progress:
        advance = progress.advance
        outcomes = classifier.solve(x.to(place), y.to(place), problems, args.threads, advance)
    scores, tests = transfer.transfer_scores(samples, problems, outcomes, **settings["bootstrap"])
    write_array(args.predictions, np.concatenate([one.predicted for one in outcomes]))
    score = {
        "encoder": dict(zip(FOLDERS, args.encoder, strict=True)),
        "task": args.task,
        "samples": sum(len(problem.test) for problem in problems),
        "scores": {name + classifier.suffix: vars(one) for name, one in scores.items()},
        "dev_accuracy": transfer.mean_percent([max(one.searched.values()) for one in outcomes]),
        "tests": tests,
        "inputs": digests(samples=args.samples, sentences=args.sentences, vectors=args.vectors),
        "versions": versions(["numpy", "scikit-learn", "torch"]),
    }
    write_json(args.out, score | settings)
    log.info("%s: accuracy x 100 = %.2f", args.out, scores["accuracy"].value)


if __name__ == "__main__":
    main()
