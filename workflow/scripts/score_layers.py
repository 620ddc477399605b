"""Score the states of every layer on a development suite, from one pass of the model."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.adapters import open_adapter
from sentscale.embedding import lengths
from sentscale.encoder import Compute
from sentscale.files import write_json, write_text
from sentscale.layer_tables import best_layer
from sentscale.layers import layer_similarities, layer_table, sentences_of
from sentscale.loading import load_encoder
from sentscale.pairs import read_pairs
from sentscale.progress import Progress
from sentscale.prompts import read_representation
from sentscale.provenance import digests, versions
from sentscale.shards import ShardFolder
from sentscale.weights import open_weights

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--weights", type=Path, required=True, help="manifest of the model")
    add("--adapter", type=Path, nargs="?", required=True, help="manifest of an adapter, or nothing")
    add("--precision", required=True, help="fp32, bf16, fp16 or nf4")
    add("--representation", type=Path, required=True, help="JSON of fill_representation")
    add("--tasks", type=Path, nargs="+", required=True, help="tables of the development tasks")
    add("--bootstrap", required=True, help="JSON: resamples, confidence, seed")
    add("--protocol", type=int, required=True, help="version of this step")
    add("--compute", nargs="+", required=True, help="words such as threads=2; see Compute")
    add("--kept", type=Path, required=True, help="folder for similarities, for other resamples")
    add("--out", type=Path, required=True, help="table to write: a row for each layer")
    add("--about", type=Path, required=True, help="JSON to write: digests, versions, settings")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Take the similarities that are kept, or compute them; then resample the pairs."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    compute, bootstrap = Compute.parse(args.compute), json.loads(args.bootstrap)
    representation = read_representation(args.representation)
    tables = {path.stem: path for path in args.tasks}
    tasks = [read_pairs(path) for path in args.tasks]
    about = {
        "precision": args.precision,
        "representation": vars(representation),
        "inputs": digests(manifest=args.weights, adapter=args.adapter, **tables),
        "tasks": list(tables),  # similarities stand side by side in this order
        "protocol": args.protocol,
        "versions": versions(["torch", "transformers", "tokenizers", "numpy"]),
    }
    kept = ShardFolder(args.kept, about | {"gpu": compute.gpus > 0})
    found = kept.load("similarities")
    if found is None:
        weights, adapter = open_weights(args.weights), open_adapter(args.adapter)
        encoder = load_encoder(weights, args.precision, compute, adapter)
        pairs = [pair for task in tasks for pair in task]
        tokens = sum(lengths(encoder, representation, sentences_of(pairs)))
        with Progress(str(args.out), tokens, "tokens") as progress:
            found = layer_similarities(encoder, representation, pairs, progress.advance)
        kept.save("similarities", found)
    table = layer_table(found, tasks, bootstrap)
    write_text(args.out, table.to_csv(sep="\t", index=False, lineterminator="\n"))
    write_json(args.about, about | {"bootstrap": bootstrap, "compute": vars(compute)})
    best = best_layer(table)
    log.info("%s: layer %d of %d, %.2f", args.out, best.layer, len(table) - 1, best.score)


if __name__ == "__main__":
    main()
