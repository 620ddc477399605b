"""List the distinct sentences of a suite of tasks, one a line."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.files import write_text
from sentscale.tasks import read_sentences

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
    found = [sentence for path in args.tasks for sentence in read_sentences(path)]
    distinct = list(dict.fromkeys(found))
    write_text(args.out, "\n".join(distinct) + "\n")
    log.info("%d sentences, %d distinct", len(found), len(distinct))


if __name__ == "__main__":
    main()
