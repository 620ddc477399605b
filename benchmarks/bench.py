"""Measure the engine against the original's way, sentence-transformers and the machine's limit.

Contenders take turns, so that a noisy machine is noisy for all of them. Each part
replaces its own rows of cpu.csv and its own keys of latest.json.
"""

import argparse
import json
import logging
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import torch
from contenders import (
    DTYPES,
    OPT_SHAPES,
    original,
    ours,
    part_of_ours,
    random_opt,
    sentence_transformers,
)
from figure import draw
from limit import measured_flops, needed_flops
from record import merge
from stream import save_random
from transformers import AutoModel, AutoTokenizer
from workload import STS, Work, read_work

from sentscale.demonstrations import read_demonstrations
from sentscale.files import write_text
from sentscale.packing import share
from sentscale.prompts import Representation, fill

log = logging.getLogger(__name__)

HERE = Path(__file__).resolve().parent
EOL = 'This sentence : "{text}" means in one word:"'
ICL = 'This sentence : "{demo}" means in one word:"{word}".' + EOL
ROUNDS = 4
SHARE = 9  # one slot in nine of the seven STS tests: 4,192 of 37,700
MEAN_PREFIX = 28  # tokens, the mean over the 300 published demonstrations
MAX_TOKENS = 1024
PARTS = {
    "packed": {"reuse_prefix": False, "trim_last_layer": False},
    "packed, prefix": {"trim_last_layer": False},
    "packed, prefix, trimmed": {},
}


class Bench:
    """One model, one data set; every method is a part, and gives rows and keys."""

    def __init__(
        self, model: Path, datasets: Path, candidates: Path, triplets: Path, threads: int
    ) -> None:
        self.model, self.datasets, self.threads = model, datasets, threads
        self.triplets = triplets
        torch.set_num_threads(threads)
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.body = AutoModel.from_pretrained(model, dtype=torch.float32)
        forms = [
            Representation(fill(ICL, {"demo": one.sentence, "word": one.word}), "sentence", "last")
            for one in read_demonstrations(candidates)
        ]
        self.icl_forms = sorted(forms, key=lambda form: abs(self._length(form) - MEAN_PREFIX))

    def _length(self, form: Representation) -> int:
        return len(self.tokenizer(form.prefix).input_ids)

    def race(
        self,
        part: str,
        works: Sequence[Work],
        contenders: dict[str, Callable[[Work], float]],
        rounds: int = ROUNDS,
    ) -> tuple[pd.DataFrame, dict[str, float]]:
        """Seconds of each contender for all of the works, taking turns."""
        seconds: dict[str, float] = defaultdict(float)
        for number in range(rounds):
            for work in works:
                for name, run in contenders.items():
                    # What no target hangs on runs in fewer rounds, each counted more often.
                    every = 4 if name.startswith("sentence-transformers") else 1 + (name in PARTS)
                    if number % every == 0:
                        seconds[name] += every * run(work.round(number, rounds))
            log.info("%s, round %d of %d: %s", part, number + 1, rounds, dict(seconds))
        slots = sum(len(work.slots) for work in works)
        rows = [
            {
                "part": part,
                "contender": name,
                "slots": slots,
                "seconds": round(value, 2),
                "slots_per_second": round(slots / value, 2),
            }
            for name, value in seconds.items()
            if name != "limit"
        ]
        return pd.DataFrame(rows), seconds

    def eol(self) -> tuple[pd.DataFrame, dict[str, float]]:
        """PromptEOL on the STS tests: engine, its parts, limit, sentence-transformers."""
        work = read_work(self.datasets, STS, Representation(EOL, "sentence", "last"), SHARE)
        rates: dict[str, list[float]] = defaultdict(list)
        contenders = self._all("fp32", "bf16")
        for name, switches in PARTS.items():
            contenders[name] = part_of_ours(self.model, MAX_TOKENS, **switches)

        def limit(one: Work) -> float:
            for precision, dtype in DTYPES.items():
                rates[precision].append(measured_flops(self.body.layers[0], dtype, MAX_TOKENS))
            return 0.0

        table, seconds = self.race("eol", [work], contenders | {"limit": limit})
        ids = self.tokenizer(work.prompts).input_ids
        flops = needed_flops(share(ids, self.tokenizer([work.prefix]).input_ids), self.body)
        keys = self._keys("eol", seconds)
        for precision, found in rates.items():
            best = max(found)
            keys[f"limit_{precision}_gflops"] = best / 1e9
            keys[f"eol_{precision}_share_of_limit"] = flops / seconds[f"ours {precision}"] / best
        return table, keys

    def icl(self) -> tuple[pd.DataFrame, dict[str, float]]:
        """The same with a demonstration of the published ones' mean length."""
        work = read_work(self.datasets, STS, self.icl_forms[0], SHARE)
        table, seconds = self.race("icl", [work], self._all("fp32", "bf16"))
        keys = self._keys("icl", seconds)
        keys["icl_bf16_over_original_fp32"] = seconds["original fp32"] / seconds["ours bf16"]
        keys["icl_prefix_tokens"] = self._length(self.icl_forms[0])
        return table, keys

    def search(self) -> tuple[pd.DataFrame, dict[str, float]]:
        """Two candidates on half of STS-B dev; a search embeds all of it in one go."""
        works = [read_work(self.datasets, ["STSB-dev"], form, 2) for form in self.icl_forms[:2]]
        contenders = {
            "original fp32": original(self.model),
            "ours fp32": ours(self.model, "fp32", self.threads, MAX_TOKENS),
        }
        table, seconds = self.race("search", works, contenders, rounds=1)
        return table, self._keys("search", seconds)

    def stream(self) -> tuple[pd.DataFrame, dict[str, float]]:
        """2,000 prompts through a random model of OPT-1.3B's shape, resident and streamed."""
        work = read_work(self.datasets, STS, Representation(EOL, "sentence", "last"), 1)
        prompts = work.prompts[:: len(work.prompts) // 2000][:2000]
        found, rows = {}, []
        with tempfile.TemporaryDirectory(dir=self.model.parent) as name:
            folder = Path(name) / "opt-1.3b"
            save_random(folder, self.model)
            write_text(folder / "prompts.txt", "".join(f"{prompt}\n" for prompt in prompts))
            for placement in ("resident", "stream"):
                command = [sys.executable, HERE / "stream.py", "--model", folder]
                command += ["--placement", placement, "--precision", "bf16", "--prefix"]
                command += [work.prefix, "--prompts", folder / "prompts.txt"]
                command += ["--threads", str(self.threads)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                found[placement] = json.loads(done.stdout.splitlines()[-1])
                log.info("%s: %s", placement, found[placement])
                seconds = found[placement]["seconds"]
                rows.append(
                    {
                        "part": "stream",
                        "contender": f"{placement} bf16",
                        "slots": len(prompts),
                        "seconds": round(seconds, 2),
                        "slots_per_second": round(len(prompts) / seconds, 2),
                    }
                )
        keys = {f"{place}_peak_mb": one["peak_mb"] for place, one in found.items()}
        keys["stream_over_resident"] = found["stream"]["seconds"] / found["resident"]["seconds"]
        return pd.DataFrame(rows), keys

    def transfer(self) -> tuple[pd.DataFrame, dict[str, float]]:
        """All classifiers of MR, ours; one outer fold of ten, one classifier after the other."""
        found, rows = {}, []
        for who, parts in (("ours", 1), ("reference", 10)):
            command = [sys.executable, HERE / "transfer.py", "--who", who]
            command += ["--width", "576", "--threads", str(self.threads)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[who] = json.loads(done.stdout.splitlines()[-1])
            log.info("%s: %s", who, found[who])
            found[who]["seconds"] *= parts
            rows.append(
                {
                    "part": "transfer",
                    "contender": f"{who} fp32",
                    "seconds": round(found[who]["seconds"], 2),
                }
            )
        return pd.DataFrame(rows), {
            "transfer_fit_speedup": found["reference"]["seconds"] / found["ours"]["seconds"],
            "transfer_fit_peak_mb": found["ours"]["peak_mb"],
        }

    def train(self) -> tuple[pd.DataFrame, dict[str, float]]:
        """A step of fine-tuning: every row's activations kept, or GradCache, or the original."""
        found, rows = {}, []
        for who in ("original", "ours", "gradcache"):
            command = [sys.executable, HERE / "train.py", "--who", who, "--model", self.model]
            command += ["--triplets", self.triplets, "--threads", str(self.threads)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[who] = json.loads(done.stdout.splitlines()[-1])
            log.info("%s: %s", who, found[who])
            seconds = found[who]["seconds"]
            rows.append(
                {
                    "part": "train",
                    "contender": f"{who} nf4, fp32",
                    "slots": found[who]["rows"],
                    "seconds": round(seconds, 2),
                    "slots_per_second": round(found[who]["rows"] / seconds, 2),
                }
            )
        original, ours, cached = (found[who] for who in ("original", "ours", "gradcache"))
        return pd.DataFrame(rows), {
            "train_step_speedup": original["seconds"] / ours["seconds"],
            "train_step_gradcache_speedup": original["seconds"] / cached["seconds"],
            "train_step_original_peak_mb": original["peak_mb"],
            "train_step_peak_mb": ours["peak_mb"],
            "train_step_gradcache_peak_mb": cached["peak_mb"],
        }

    def growth(self) -> tuple[pd.DataFrame, dict[str, float]]:
        """Cost against the number of sentences, the length of the prefix and the model's size."""
        run = ours(self.model, "fp32", self.threads, MAX_TOKENS)
        rows, eol = [], Representation(EOL, "sentence", "last")
        prompts = read_work(self.datasets, STS, eol, SHARE).prompts
        for count in (150, 300, 600, 1200):
            work = Work([], prompts[:: len(prompts) // count][:count], eol.prefix)
            rows.append(
                {"contender": "sentences", "x": count, "slots": count, "seconds": run(work)}
            )
        for words in (0, 25, 100, 400):
            form = Representation("word " * words + EOL, "sentence", "last")
            work = read_work(self.datasets, STS, form, SHARE * 10)
            work = Work([], work.prompts[:250], form.prefix)
            length = self._length(form)
            rows.append({"contender": "prefix", "x": length, "slots": 250, "seconds": run(work)})
        for shape, count in zip(OPT_SHAPES, (250, 125, 60), strict=True):
            size, run = random_opt(self.model, shape, MAX_TOKENS)
            work = Work([], prompts[:: len(prompts) // count][:count], eol.prefix)
            rows.append(
                {"contender": "parameters", "x": size, "slots": count, "seconds": run(work)}
            )
        table = pd.DataFrame(rows).assign(part="growth")
        table["slots_per_second"] = (table["slots"] / table["seconds"]).round(2)
        ends = table[table["contender"] == "sentences"]["slots_per_second"]
        # Parameters times slots a second: constant where cost grows as the model does.
        sizes = table[table["contender"] == "parameters"]
        work_rate = sizes["x"] * sizes["slots_per_second"]
        return table, {
            "growth_1200_over_150_sentences": ends.iloc[-1] / ends.iloc[0],
            "growth_1.2b_over_85m_parameters": work_rate.iloc[-1] / work_rate.iloc[0],
        }

    def _all(self, *precisions: str) -> dict[str, Callable[[Work], float]]:
        contenders = {"original fp32": original(self.model)}
        for precision in precisions:
            contenders[f"ours {precision}"] = ours(self.model, precision, self.threads, MAX_TOKENS)
        name = "sentence-transformers fp32"
        return contenders | {name: sentence_transformers(self.model, "fp32")}

    def _keys(self, part: str, seconds: dict[str, float]) -> dict[str, float]:
        keys = {f"{part}_fp32_speedup": seconds["original fp32"] / seconds["ours fp32"]}
        rival = seconds.get("sentence-transformers fp32")
        if rival is not None:
            keys[f"{part}_fp32_over_sentence_transformers"] = rival / seconds["ours fp32"]
        return keys


def main() -> None:
    """Run one part, or all of them, and draw the figure."""
    names = ["eol", "icl", "search", "stream", "transfer", "train", "growth"]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=["all", *names], default="all", help="what to measure")
    parser.add_argument("--model", type=Path, required=True, help="safetensors folder")
    parser.add_argument("--datasets", type=Path, required=True, help="folder of STS12.tsv, ...")
    parser.add_argument("--candidates", type=Path, required=True, help="table of demonstrations")
    parser.add_argument("--triplets", type=Path, required=True, help="table of triplets")
    parser.add_argument("--threads", type=int, required=True, help="CPU threads of all contenders")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of results")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    bench = Bench(args.model, args.datasets, args.candidates, args.triplets, args.threads)
    for part in names if args.part == "all" else [args.part]:
        table, keys = getattr(bench, part)()
        merge(args.out, part, table, keys, args.threads)
        print(part, json.dumps({key: round(value, 3) for key, value in keys.items()}, indent=2))
    draw(args.out / "cpu.csv", args.out / "speed.svg")


if __name__ == "__main__":
    main()
