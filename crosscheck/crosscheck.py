"""Put SentEval's own transfer scores beside ours, on the same stored vectors."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from sentscale.files import read_json, write_text

ADAPTER = Path(__file__).with_name("senteval_adapter.py")


def check(senteval: Path | None, data: Path, python: str) -> None:
    """Say what is missing, all of it.

    Raises:
        SystemExit: With the list.
    """
    missing = []
    if senteval is not None and not (senteval / "senteval" / "engine.py").is_file():
        missing.append(
            f"SentEval: no senteval/engine.py in {senteval}; SENTEVAL=PATH is a checkout"
        )
    if not (data / "MR").is_dir():
        missing.append(f"data: no folder MR in {data}; DATA=PATH names a folder with senteval/MR")
    if shutil.which(python) is None:
        missing.append(
            f"an old Python with SentEval: no {python}; make it with"
            " `conda env create --prefix .senteval --file envs/senteval.yaml`,"
            " or name one with SENTEVAL_PYTHON=PATH"
        )
    if missing:
        sys.exit("make crosscheck cannot run here. Missing:\n- " + "\n- ".join(missing))


def compare(ours: Path, theirs: dict[str, dict[str, float | None]]) -> pd.DataFrame:
    """One row for each task and metric, both figures and their difference."""
    rows = []
    for task, scores in theirs.items():
        own = read_json(ours / f"{task}.json")["scores"]
        for metric in ("accuracy", "f1"):
            if scores[metric] is not None:
                value = own[metric]["value"]
                rows.append((task, metric, value, scores[metric], value - scores[metric]))
    table = pd.DataFrame(rows, columns=["task", "metric", "sentscale", "senteval", "difference"])
    return table.round(2)


def main() -> None:
    """Run SentEval in its own Python, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say what is missing")
    parser.add_argument("--senteval", type=Path, nargs="?", help="checkout; else that of --python")
    parser.add_argument("--python", required=True, help="Python that SentEval runs in")
    parser.add_argument("--data", type=Path, required=True, help="folder with MR, CR, SST, ...")
    parser.add_argument("--scores", type=Path, required=True, help="folder of our scores")
    parser.add_argument("--sentences", type=Path, required=True, help="list of suite transfer")
    parser.add_argument("--vectors", type=Path, required=True, help="npy of suite transfer")
    parser.add_argument("--tasks", nargs="+", required=True, help="tasks to compare")
    parser.add_argument("--out", type=Path, required=True, help="CSV to write")
    args = parser.parse_args()
    check(args.senteval, args.data, args.python)
    if args.check:
        return
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "senteval.json"
        command = [args.python, ADAPTER, "--data", args.data]
        command += ["--senteval", args.senteval] if args.senteval else []
        command += ["--sentences", args.sentences, "--vectors", args.vectors, "--out", found]
        done = subprocess.run([*map(str, command), "--tasks", *args.tasks], check=False)
        if done.returncode:
            sys.exit("SentEval did not run; its message is above")
        table = compare(args.scores, read_json(found))
    write_text(args.out, table.to_csv(index=False, lineterminator="\n"))
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
