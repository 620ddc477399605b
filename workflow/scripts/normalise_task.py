"""Turn the files of one STS task into one tidy table, checked row by row."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.files import write_json
from sentscale.tasks import check_spread, parse_sources, read_source, write_pairs

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--sources", required=True, help="JSON: the task's rows of datasets.tsv")
    add("--root", type=Path, required=True, help="folder that the register's paths start from")
    add("--out", type=Path, required=True, help="table to write")
    add("--about", type=Path, required=True, help="JSON to write: digests, licences")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Read, check, write."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    pairs, digests, licences = [], {}, set()
    for source in parse_sources(args.sources):
        found, read = read_source(source, args.root)
        pairs += found
        digests |= read
        licences.add(source.licence)
    check_spread(pairs)
    write_pairs(args.out, pairs)
    write_json(args.about, {"pairs": len(pairs), "licences": sorted(licences), "sha256": digests})
    log.info("%s: %d pairs", args.out.stem, len(pairs))


if __name__ == "__main__":
    main()
