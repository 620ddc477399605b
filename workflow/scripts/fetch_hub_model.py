"""Fetch one revision of a model into the hub's own cache."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.weights import fetch_from_hub, write_manifest


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--source", required=True, help="JSON: the catalogue's source entry")
    add(
        "--folder",
        type=Path,
        required=True,
        help="where a copy goes if there is no safetensors file",
    )
    add("--out", type=Path, required=True, help="manifest of the model")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Fetch, convert if need be, list what is there."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    source = json.loads(args.source)
    folder = fetch_from_hub(source["hub"]["repository"], source["hub"]["revision"], args.folder)
    write_manifest(args.out, source, folder)


if __name__ == "__main__":
    main()
