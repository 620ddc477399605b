"""Score all encoders of a suite on the same bootstrap resamples of its tasks."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.draws import write_draws
from sentscale.suite_draws import Settings, suite_draws

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scores", type=Path, required=True, help="folder of scores and what they are made from")
    add("--encoders", nargs="+", required=True, help="model/adapter/precision/representation")
    add("--tables", type=Path, nargs="+", required=True, help="tables of the suite's tasks")
    add("--settings", required=True, help="JSON: metric, designs, splits, bootstrap")
    add("--out", type=Path, required=True, help="npy to write: task, encoder, resample")
    add("--about", type=Path, required=True, help="JSON to write: what they are")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Resample each task once for all encoders."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = Settings(**json.loads(args.settings))
    found = suite_draws(args.scores, args.encoders, args.tables, settings)
    write_draws(args.out, args.about, found)
    kept, drawn = found["kept"], settings.bootstrap["resamples"]
    log.info("%s: %d encoders on %d of %d resamples", args.out, len(args.encoders), kept, drawn)


if __name__ == "__main__":
    main()
