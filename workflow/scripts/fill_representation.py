"""Write a representation with its demonstration filled in."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.files import read_json, write_json
from sentscale.prompts import Representation, fill

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--entry", required=True, help="JSON: config.yaml's entry of the representation")
    add(
        "--demonstration",
        type=Path,
        nargs="?",
        required=True,
        help="choice of a search, or nothing",
    )
    add("--out", type=Path, required=True, help="JSON to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Fill, check, write."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    entry = json.loads(args.entry)
    choice = read_json(args.demonstration)["demonstration"] if args.demonstration else None
    if choice:
        entry["template"] = fill(
            entry["template"], {"demo": choice["sentence"], "word": choice["word"]}
        )
    filled = Representation(entry["template"], entry["clean_up"], entry["pooling"])
    write_json(args.out, vars(filled) | {"demonstration": choice})
    log.info("template: %s", filled.template)


if __name__ == "__main__":
    main()
