"""Train an adapter: contrastive fine-tuning of a frozen model with LoRA."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from sentscale.checkpoints import Checkpoints
from sentscale.cut import tokenise_triplets
from sentscale.files import write_json
from sentscale.lora import load_trainable
from sentscale.prompts import read_representation
from sentscale.provenance import digests, versions
from sentscale.ranks import joined_ranks
from sentscale.recipe import Recipe
from sentscale.tables import write_csv
from sentscale.training import Reports, StoppedError, Trainer, train
from sentscale.triplets import load_triplets
from sentscale.weights import open_weights


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--weights", type=Path, required=True, help="manifest of the model")
    add("--triplets", type=Path, required=True, help="table of the training set")
    add("--left-out", type=Path, nargs="*", required=True, help="tables of sentences to avoid")
    add("--prompt", type=Path, required=True, help="JSON of fill_representation")
    add("--recipe", required=True, help="JSON: the recipe for this model, see Recipe")
    add("--protocol", type=int, required=True, help="version of this step")
    add("--threads", type=int, required=True, help="CPU threads of all processes")
    add("--gpus", type=int, required=True, help="one for each process of torchrun; 0: the CPU")
    add("--kept-rows", type=int, required=True, help="prompts whose activations stay in memory")
    add("--activations", required=True, help="inside a pass: kept, or recomputed to save memory")
    add("--unfinished", type=Path, required=True, help="folder for checkpoints to go on from")
    add("--tensorboard", type=Path, required=True, help="folder for TensorBoard's files")
    add("--checkpoints", type=Path, required=True, help="folder to write: the candidates")
    add("--curve", type=Path, required=True, help="csv to write: a row for each step")
    add("--about", type=Path, required=True, help="JSON to write: digests, versions, settings")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Go on from the newest good checkpoint, or begin; a signal saves and ends the job."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    recipe, representation = Recipe(**json.loads(args.recipe)), read_representation(args.prompt)
    triplets = load_triplets(args.triplets, args.left_out, recipe.rows, recipe.seed)
    left_out = {path.stem: path for path in args.left_out}
    about = {
        "recipe": vars(recipe),
        "representation": vars(representation),
        "rows": len(triplets),
        "inputs": digests(manifest=args.weights, triplets=args.triplets, **left_out),
        "protocol": args.protocol,
        "versions": versions(["torch", "transformers", "tokenizers", "peft", "bitsandbytes"]),
    }
    kept = Checkpoints(args.unfinished, about | {"gpu": args.gpus > 0}, recipe.checkpoint_every)
    with joined_ranks(args.gpus, args.threads) as ranks:
        weights = open_weights(args.weights)
        tokens = tokenise_triplets(triplets, representation, weights, recipe)
        model = load_trainable(weights, recipe, ranks.device, args.activations)
        trainer = Trainer(model, recipe, representation.pooling, ranks, args.kept_rows)
        reports = Reports(str(args.curve), recipe.steps(len(triplets)), args.tensorboard, ranks)
        try:
            curve = train(trainer, tokens, kept, reports)
        except StoppedError as stopped:
            sys.exit(128 + stopped.signum)
        if ranks.rank == 0:
            kept.publish(args.checkpoints)
            write_csv(args.curve, curve)
            write_json(args.about, about | {"ranks": ranks.size, "device": ranks.device.type})
            kept.clear()


if __name__ == "__main__":
    main()
