"""Turn the files of one task into one tidy table, checked row by row."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale import pairs, samples, triplets
from sentscale.files import write_json
from sentscale.tasks import parse_sources, read_source

log = logging.getLogger(__name__)

# Module of a design; samples of all others.
KINDS = {"similarity": pairs, "triplets": triplets}


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
    sources = parse_sources(args.sources)
    kind = KINDS.get(sources[0].design, samples)
    rows, digests = [], {}
    for source in sources:
        found, read = read_source(source, args.root, kind.LAYOUTS)
        rows += found
        digests |= read
    rows = kind.checked(rows, sources[0])
    kind.write_table(args.out, rows)
    licences = sorted({source.licence for source in sources})
    write_json(args.about, {"rows": len(rows), "licences": licences, "sha256": digests})
    log.info("%s: %d rows", args.out.stem, len(rows))


if __name__ == "__main__":
    main()
