"""Write an encoder as a folder that sentence-transformers loads, with a model card."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.adapters import open_adapter
from sentscale.card import model_card
from sentscale.export import Names, base_on_hub, write_encoder
from sentscale.files import read_json, write_text, written_whole
from sentscale.prompts import read_representation
from sentscale.weights import open_weights

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--weights", type=Path, required=True, help="manifest of the model")
    add("--adapter", type=Path, nargs="?", required=True, help="manifest of an adapter, or nothing")
    add("--representation", type=Path, required=True, help="JSON of fill_representation")
    add("--scores", type=Path, nargs="*", required=True, help="JSON of each task, for the card")
    add("--names", required=True, help="JSON; see Names")
    add("--out", type=Path, required=True, help="folder to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Open what the encoder is made of, write the folder, then its card."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    names = Names.parse(args.names)
    manifest = read_json(args.weights)
    base = base_on_hub(manifest["source"]) if names.weights == "adapter" else None
    representation = read_representation(args.representation)
    adapter = open_adapter(args.adapter)
    weights = open_weights(args.weights)
    with written_whole(args.out) as part:
        part.mkdir()
        shape = write_encoder(weights, adapter, representation, base, part)
        card = model_card(
            names,
            shape,
            representation,
            manifest,
            read_json(args.adapter) if args.adapter else None,
            [read_json(path) for path in args.scores],
        )
        write_text(part / "README.md", card)
    log.info("%s: vectors of %d numbers", args.out, shape.width)


if __name__ == "__main__":
    main()
