"""Made-up results of a preset, so that its figures can be looked at without its models."""

import json
import math
from functools import cache
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from harness import ROOT, configuration

from sentscale.reference import ROW, read_published
from sentscale.tables import AVERAGE, SCORE_COLUMNS

# Points that a way of embedding gains on the plainest one.
GAINS = {"avg": 0, "last": -8, "prompt": 9, "eol": 19, "icl": 26, "icl-published": 25.6}
GAINS |= {"mask": 18, "mask-no-period": -14, "cls": 23, "own": 27, "cot": 24, "knowledge": 25}
GAINS |= {"ck": 26, "meta": 23, "echo": 13, "tp-a": 3, "tp-b": 12}
# How much easier a task is than its suite.
EASIER = {"STS12": -8, "STS13": 6, "STS14": -2, "STS15": 5, "STS16": 2, "STSB": 1, "SICKR": -4}
EASIER |= {"CR": 2, "SUBJ": 6, "MPQA": 1, "SST2": 3, "TREC": 3, "MRPC": -15}
# Standard deviation of what is added to a printed score, and to one that is made up altogether.
NEAR_PRINTED, APART = 0.6, 1.0


def read_config(preset=None):
    """Catalogue, config.yaml and a preset, merged as Snakemake merges them."""
    return configuration(preset=preset and f"workflow/presets/{preset}.yaml")


def published():
    """The printed scores."""
    names = ("published_encoders", "paper_tables", "followup_tables")
    return read_published(*(ROOT / f"workflow/resources/{name}.tsv" for name in names))


@cache
def printed_scores():
    """{(model, adapter, precision, representation, task, metric): score} of what was printed."""
    known = published()
    cells = known.cells.merge(known.encoders, on=ROW, suffixes=("", " printed"))
    names = ["our model", "our adapter", "our precision", "our representation", "task", "metric"]
    keys = cells[names].replace({"our adapter": {"": "none"}}).itertuples(index=False, name=None)
    return dict(zip(keys, cells.value, strict=True))


def metric_of(suite):
    """What the tables of a suite print."""
    return "accuracy" if "transfer" in suite else "spearman_all"


def encoders_of(config, suite):
    """(model, adapter, precision, representation) of a suite, each once, in the run's order."""
    keys = ("models", "adapters", "precisions", "representations")
    grids = (grid for grid in config["run"] if suite in grid["suites"])
    return list(dict.fromkeys(cell for grid in grids for cell in product(*map(grid.get, keys))))


def level(config, model, adapter, precision, representation):
    """A plausible score: it rises to some billions of parameters, then falls a little."""
    size = math.log10(config["models"][model]["parameters"])
    score = 47 + 3.5 * (size - 8) - 1.5 * max(0, size - 9.9) ** 2
    score += GAINS.get(representation, 18) + 2 * (config["models"][model]["family"] == "LLaMA")
    return score + 12 * (adapter != "none") - 0.7 * (precision == "nf4")


def expected_score(config, encoder, suite, task):
    """Mean and deviation of a made-up score: near what was printed, if anything was."""
    printed, metric, tasks = printed_scores(), metric_of(suite), config["suites"][suite]
    easier = EASIER.get(task, 0) - np.mean([EASIER.get(one, 0) for one in tasks])
    model, adapter, precision, representation = encoder
    # What is printed of 16 bit is a little less in 4 bit.
    for known, less in ((precision, 0), *[("fp32", 0.4)] * (precision == "nf4")):
        row = model, adapter, known, representation
        if (*row, task, metric) in printed:
            return printed[*row, task, metric] - less, NEAR_PRINTED
        if (*row, AVERAGE, metric) in printed:
            return printed[*row, AVERAGE, metric] + easier - less, NEAR_PRINTED
    if metric == "accuracy":  # by the paper's text, demonstrations and fine-tuning hurt here
        hurt = representation.startswith("icl") + (adapter != "none")
        return 73 + level(config, model, "none", precision, "eol") / 4 - hurt + easier, APART
    return level(config, *encoder) + easier, APART


def made_up_scores(config, suite):
    """Tidy scores of a suite for every encoder of a run, near the printed ones."""
    random = np.random.default_rng(1111)
    metric = metric_of(suite)
    rows = []
    for encoder in encoders_of(config, suite):
        model, adapter, precision, representation = encoder
        for task in config["suites"][suite]:
            value = min(random.normal(*expected_score(config, encoder, suite, task)), 99)
            bounds = [value - random.uniform(1, 2), value + random.uniform(1, 2)]
            named = [model, precision, representation, "" if adapter == "none" else adapter]
            rows.append([*named, task, metric, value, *bounds, 1000])
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def settings_of(config, suite):
    """What the rules give to a figure of a suite."""
    rules = {
        "json": json,
        "config": config,
        "ENCODERS": [cell for name in config["suites"] for cell in encoders_of(config, name)],
        "metric_of": metric_of,
    }
    exec((ROOT / "workflow/rules/common_figures.smk").read_text(encoding="utf-8"), rules)
    return json.loads(rules["plot_settings"](SimpleNamespace(suite=suite)))


def made_up_candidates(count=300):
    """(sentence, word, origin) of a list of demonstrations; the paper's words are in its lines."""
    path = ROOT / "workflow/resources/paper_demonstrations.tsv"
    printed = pd.read_csv(path, sep="\t").set_index("line").word.to_dict()
    words = ["Sunset", "Incomprehensible", "Joy", "Harbour", "Wood"]
    return [
        (
            f"A made-up sentence of number {line}.",
            printed.get(line, words[line % len(words)]),
            "STS-B train" if line < count / 3 else "dictionary",
        )
        for line in range(1, count + 1)
    ]


def made_up_search(config, search, candidates=300):
    """For each model of a run its scores of all candidates of a search, and the choice."""
    random = np.random.default_rng(2222)
    named = [name for name, entry in config["representations"].items()
             if entry["demonstration"] == search]  # fmt: skip
    listed = pd.DataFrame(made_up_candidates(candidates), columns=["sentence", "word", "origin"])
    listed.insert(0, "line", range(1, candidates + 1))
    found = {}
    for suite in config["suites"]:
        for model, _, precision, representation in encoders_of(config, suite):
            if representation not in named or model in found:
                continue
            zero_shot = level(config, model, "none", precision, "eol")
            gain = 2.2 * (math.log10(config["models"][model]["parameters"]) - 8.6)
            score = zero_shot + random.normal(gain, 2.5, candidates)
            table = listed.assign(score=score, low=score - 2.2, high=score + 2.1)
            table["rank"] = table.score.rank(ascending=False, method="first").astype(int)
            table["chance"] = np.exp(1 - table["rank"]) * 0.63
            best = table[table["rank"] == 1].iloc[0]
            choice = {"zero_shot": zero_shot, "score": best.score, "candidates": candidates}
            choice["better"] = int((score > zero_shot).sum())
            choice["demonstration"] = best[["line", "sentence", "word"]].to_dict()
            found[model] = table, choice
    return found


def made_up_benchmarks(config, suite, folder):
    """Write what Snakemake would have measured of the embedding jobs of a suite."""
    columns = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
    for model, adapter, precision, representation in encoders_of(config, suite):
        size = config["models"][model]["parameters"]
        gpus = 0 if size < 3e8 else 1 if size < 2e10 else 2 if precision == "nf4" else 4
        each = {"nf4": 0.6, "fp32": 4, "fp16": 2, "bf16": 2}[precision]
        seconds = 40 + size / 3e7 * (2 if precision == "fp32" else 1) / max(gpus, 1)
        seconds *= 1.3 if representation.startswith("icl") else 1
        memory = 900 + size * each / 1e6 / 2
        row = f"{seconds:.2f}\t0:10:00\t{memory:.2f}\t1\t1\t1\t1\t1\t90\t{1.6 * seconds:.2f}"
        path = Path(folder, model, adapter, precision, representation, f"{suite}.tsv")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{columns}\tresources\n{row}\t{{'devices': {gpus}, 'mem_mb': 1}}\n")


def made_up_geometry(config, suite, folder):
    """Write what is measured of the vectors of a suite; the paths."""
    paths = []
    for model, adapter, precision, representation in encoders_of(config, suite):
        size = math.log10(config["models"][model]["parameters"]) - 8
        flat = GAINS.get(representation, 15) / 10 + 2 * (adapter != "none") + size / 4
        spectrum = np.arange(1, 700.0) ** -(2.5 - flat / 3)
        spectrum /= spectrum.sum()
        shares = spectrum[spectrum > 0]
        names = ("model", "adapter", "precision", "representation")
        geometry = {
            "encoder": dict(zip(names, (model, adapter, precision, representation), strict=True)),
            "mean_cosine": 0.95 / (1 + max(flat, 0.05)),
            "effective_rank": float(np.exp(-(shares * np.log(shares)).sum())),
            "first_component": spectrum[0],
            "alignment": None if "transfer" in suite else 0.2 + flat / 10 - size / 20,
            "uniformity": None if "transfer" in suite else -0.3 - flat / 2,
            "spectrum": spectrum.tolist(),
        }
        path = Path(folder, model, adapter, precision, representation, f"{suite}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(geometry))
        paths.append(path)
    return paths
