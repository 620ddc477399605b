"""The complete nested protocol of MR on random vectors, ours or literally, and its peak memory."""

import argparse
import json
import time

import numpy as np
import senteval_reference as reference
import torch
from stream import peak_mb

from sentscale.samples import Sample
from sentscale.senteval import SentEval
from sentscale.transfer import labels, split

ROWS = 10_662  # of MR
SETTINGS = SentEval(
    folds=10,
    inner_folds=10,
    seed=reference.SEED,
    l2=reference.L2,
    validation=reference.VALIDATION,
    batch=reference.BATCH,
    learning_rate=1e-3,
    passes=reference.PASSES,
    most_passes=reference.MOST_PASSES,
    tenacity=reference.TENACITY,
)


def clouds(width: int) -> tuple[torch.Tensor, list[Sample]]:
    """Two overlapping clouds: a linear classifier gets some 80 % right, as on MR."""
    rng = np.random.default_rng(0)
    y = np.arange(ROWS) % 2
    direction = rng.normal(size=width) / np.sqrt(width)
    x = rng.normal(size=(ROWS, width)) + np.outer(2 * y - 1, direction)
    samples = [Sample(str(n), "all", ("",), int(label)) for n, label in enumerate(y)]
    return torch.from_numpy(x.astype(np.float32)), samples


def main() -> None:
    """Print one JSON object. The reference does one of the ten outer folds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--who", choices=["ours", "reference"], required=True, help="contender")
    parser.add_argument("--width", type=int, required=True, help="numbers in a vector")
    parser.add_argument("--threads", type=int, required=True, help="CPU threads")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    x, samples = clouds(args.width)
    y = torch.from_numpy(labels(samples))
    start = time.perf_counter()
    if args.who == "ours":
        problems = split(samples, "nested", "MR", SETTINGS)
        (first, *_) = SETTINGS.solve(x, y, problems, args.threads)
        found = list(first.searched.values())
    else:
        ((_, _, found),) = reference.nested(x, y, SETTINGS.folds, 2, most=1)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb(), "searched": found}))


if __name__ == "__main__":
    main()
