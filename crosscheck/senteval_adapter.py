"""Let SentEval itself score stored vectors. Runs in an old Python of its own (envs/senteval.yaml).

Its batcher computes nothing: it looks sentences up. So only the standard library, numpy
and SentEval are imported here, and the language is Python 3.7's.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import numpy as np

# Names of SentEval's tasks: ours, its own.
TASKS = {name: name for name in ("MR", "CR", "SUBJ", "MPQA", "SST2", "TREC", "MRPC")}
# Protocol, section 4: what the paper's authors ask of it.
CLASSIFIER = {"nhid": 0, "optim": "adam", "batch_size": 64, "tenacity": 5, "epoch_size": 4}


Batcher = Callable[[Any, List[List[str]]], np.ndarray]


def make_batcher(sentences: List[str], vectors: np.ndarray) -> Batcher:
    """Look-up of lists of words: row i of `vectors` is of sentence i."""
    row = {sentence: index for index, sentence in enumerate(sentences)}

    def batcher(params: Any, batch: List[List[str]]) -> np.ndarray:
        return np.vstack([vectors[row[" ".join(words)]] for words in batch])

    return batcher


def run(
    engine_class: Callable[..., Any],
    data: str,
    sentences: List[str],
    vectors: np.ndarray,
    tasks: List[str],
) -> Dict[str, Dict[str, Optional[float]]]:
    """Scores by task: {"accuracy": ..., "dev_accuracy": ..., "f1": ... or None}."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "downstream").symlink_to(Path(data).resolve())
        params = {
            "task_path": folder,
            "usepytorch": True,
            "kfold": 10,
            "batch_size": 1024,
            "classifier": CLASSIFIER,
        }
        engine = engine_class(params, make_batcher(sentences, vectors))
        found = {}
        for task in tasks:
            score = engine.eval(TASKS[task])
            found[task] = {
                "accuracy": score["acc"],
                "dev_accuracy": score["devacc"],
                "f1": score.get("f1"),
            }
    return found


def main(argv: Optional[List[str]] = None) -> None:
    """Read vectors, run SentEval, write its scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--senteval", help="checkout of SentEval, if it is not installed")
    parser.add_argument("--data", required=True, help="folder with MR, CR, SST and so on")
    parser.add_argument("--sentences", required=True, help="sentence list of the suite")
    parser.add_argument("--vectors", required=True, help="npy: row i for line i of the list")
    parser.add_argument("--tasks", nargs="+", choices=sorted(TASKS), required=True, help="tasks")
    parser.add_argument("--out", required=True, help="JSON to write")
    args = parser.parse_args(argv)
    if args.senteval:
        sys.path.insert(0, args.senteval)
    import senteval
    import torch

    if not torch.cuda.is_available():
        sys.exit("SentEval's classifiers need a GPU: it moves every layer to one, without asking")
    sentences = Path(args.sentences).read_bytes().decode("utf-8").split("\n")[:-1]
    vectors = np.load(args.vectors, mmap_mode="r")
    found = run(senteval.engine.SE, args.data, sentences, vectors, args.tasks)
    Path(args.out).write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
