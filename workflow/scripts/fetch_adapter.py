"""Fetch one revision of a published adapter and write it as training would."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.adapters import write_manifest
from sentscale.published import fetch_adapter


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--source", required=True, help="JSON: hub, with repository and revision")
    add("--manifest", type=Path, required=True, help="JSON to write; PEFT's two files go beside it")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Fetch, convert if need be, list what is there."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    source = json.loads(args.source)
    hub = source["hub"]
    fetch_adapter(hub["repository"], hub["revision"], args.manifest.parent)
    write_manifest(args.manifest, {"source": source})


if __name__ == "__main__":
    main()
