"""Choose a checkpoint of an adapter: the best on a development suite, the latest of equals."""

import argparse
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from sentscale.adapters import write_manifest
from sentscale.candidates import choose_candidate, score_candidates
from sentscale.encoder import Compute, Encoder
from sentscale.files import read_json, written_whole
from sentscale.loading import load_encoder
from sentscale.pairs import read_pairs
from sentscale.progress import Progress
from sentscale.prompts import read_representation
from sentscale.provenance import digests, versions
from sentscale.shards import ShardFolder
from sentscale.tables import write_csv
from sentscale.weights import open_weights


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--checkpoints", type=Path, required=True, help="folder of the candidates")
    add("--about", type=Path, required=True, help="JSON of train_adapter")
    add("--triplets", required=True, help="name of the training set")
    add("--weights", type=Path, required=True, help="manifest of the model")
    add("--precision", required=True, help="of the model: fp32, bf16, fp16 or nf4")
    add("--representation", type=Path, required=True, help="JSON of fill_representation")
    add("--tasks", type=Path, nargs="+", required=True, help="tables of the development tasks")
    add("--protocol", type=int, required=True, help="version of this step")
    add("--compute", nargs="+", required=True, help="words such as threads=2; see Compute")
    add("--kept", type=Path, required=True, help="folder for what is done, candidate by candidate")
    add("--scores", type=Path, required=True, help="csv to write: step, score, chosen")
    add("--adapter", type=Path, nargs=2, required=True, help="PEFT's two files to write")
    add("--manifest", type=Path, required=True, help="JSON to write: digests, choice, settings")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Score the candidates, copy the best."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    compute, tasks = Compute.parse(args.compute), [read_pairs(path) for path in args.tasks]
    representation = read_representation(args.representation)
    tables = {path.stem: path for path in args.tasks}
    selection = {
        "precision": args.precision,
        "representation": vars(representation),
        "inputs": digests(manifest=args.weights, **tables),
        "protocol": args.protocol,
        "versions": versions(["torch", "transformers", "tokenizers", "numpy"]),
    }
    kept = ShardFolder(args.kept, selection | {"gpu": compute.gpus > 0})
    found = {int(path.name[5:]): path for path in sorted(args.checkpoints.glob("step-*"))}
    folders: dict[int, Path | None] = {0: None} | found
    weights = open_weights(args.weights)

    def load(folder: Path | None) -> Encoder:
        return load_encoder(weights, args.precision, compute, folder)

    with Progress(str(args.scores), len(folders), "checkpoints") as progress:
        scores = score_candidates(folders, representation, tasks, load, kept, progress)
    table = choose_candidate(scores)
    write_csv(args.scores, table)
    (best,) = table[table.chosen].itertuples()
    for path in args.adapter:
        with written_whole(path) as part:
            shutil.copyfile(found[best.step] / path.name, part)
    selection |= {"step": best.step, "score": best.score, "zero_shot": scores[0]}
    training = read_json(args.about) | {"triplets": args.triplets}
    write_manifest(args.manifest, {"training": training, "selection": selection})
    kept.clear()


if __name__ == "__main__":
    main()
