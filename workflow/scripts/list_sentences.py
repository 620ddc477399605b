"""List the distinct sentences of a suite of tasks, one a line."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.files import write_text
from sentscale.tasks import read_pairs

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--tasks", type=Path, nargs="+", required=True, help="tables of the tasks")
    add("--out", type=Path, required=True, help="list to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """In order of first appearance."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    pairs = [pair for path in args.tasks for pair in read_pairs(path)]
    sentences = list(dict.fromkeys(text for pair in pairs for text in (pair.left, pair.right)))
    write_text(args.out, "\n".join(sentences) + "\n")
    log.info("%d sentences, %d distinct", 2 * len(pairs), len(sentences))


if __name__ == "__main__":
    main()
