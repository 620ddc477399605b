"""All files that a finished run leaves before its tables and figures, with made-up results.

What they hold is of `paper_grid`; here it gets the workflow's folders and formats.
"""

import csv
import json
import math
from functools import cache

import numpy as np
import pandas as pd
from paper_grid import (
    ROOT,
    encoders_of,
    expected_score,
    made_up_benchmarks,
    made_up_candidates,
    made_up_geometry,
    made_up_search,
)
from scipy.stats import rankdata, spearmanr
from sklearn.model_selection import StratifiedKFold

DIGEST = "ab" * 32
# Most rows that a table has of a part that nobody is scored on.
FEW = 300
# Share of what an encoder gets wrong that others get wrong too: their differences are paired.
SHARED = 0.8
STEPS, CANDIDATES_EVERY = 1077, 50


def write_results(folder, config):
    """Write results/ as all steps before tables and figures of a run would.

    Vectors and sentence lists are there, but hold nothing: no table or figure reads them.
    """
    write = Writer(folder / "results")
    suites = [suite for suite in config["suites"] if encoders_of(config, suite)]
    for suite in suites:
        tasks = {task: parts_of(task) for task in config["suites"][suite]}
        write_suite(write, config, suite, tasks)
        made_up_benchmarks(config, suite, write.root / "benchmarks/embed_sentences")
        if "transfer" not in suite:
            made_up_geometry(config, suite, write.root / "geometry")
    cells = {cell for suite in suites for cell in encoders_of(config, suite)}
    write_models(write, config, cells)
    write_searches(write, config, cells)
    adapted = sorted({cell[:2] for cell in cells if cell[1] != "none"})
    for number, (model, adapter) in enumerate(adapted):
        write_adapter(write, config, model, adapter, np.random.default_rng([4444, number]))


class Writer:
    """Files below a folder."""

    def __init__(self, root):
        self.root = root

    def path(self, name):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def text(self, name, text):
        self.path(name).write_text(text, encoding="utf-8")

    def json(self, name, value):
        self.text(name, json.dumps(value))

    def table(self, name, columns, rows):
        self.text(name, "".join("\t".join(map(str, row)) + "\n" for row in [columns, *rows]))

    def array(self, name, values):
        np.save(self.path(name), values)


@cache
def register():
    """Rows of workflow/resources/datasets.tsv."""
    with (ROOT / "workflow/resources/datasets.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def parts_of(task):
    """(subset, rows, design) of a task's parts; few rows where nothing is scored."""
    found = [row for row in register() if row["task"] == task]
    return [
        (row["subset"], int(row["rows"]) if is_scored(row) else FEW, row["design"]) for row in found
    ]


def is_scored(row):
    """Whether the rows of a part of a task are counted in its score."""
    return row["design"] in ("similarity", "nested") or row["subset"] == "test"


def write_suite(write, config, suite, tasks):
    """Tables of the tasks, vectors in name, scores with what they are counted on."""
    write.text(f"sentences/{suite}.txt", "")
    for encoder in encoders_of(config, suite):
        place = f"embeddings/{'/'.join(encoder)}/{suite}"
        write.text(f"{place}.npy", "")
        write.json(f"{place}.json", {"rows": 1000, "inputs": {"manifest": DIGEST}, "protocol": 1})
    for task, parts in tasks.items():
        random = np.random.default_rng([3333, *task.encode()])
        make = similarity_task if parts[0][2] == "similarity" else classified_task
        columns, rows, score = make(config, suite, task, parts, random)
        write.table(f"datasets/{task}.tsv", columns, rows)
        about = {"rows": len(rows), "licences": ["made up"], "sha256": {task: DIGEST}}
        write.json(f"datasets/{task}.json", about)
        names = ("model", "adapter", "precision", "representation")
        kind = "sts" if make is similarity_task else "transfer"
        for encoder in encoders_of(config, suite):
            place = f"scores/{kind}/{'/'.join(encoder)}/{task}"
            stored, scored = score(encoder)
            write.array(f"{place}.npy", stored)
            named = {"encoder": dict(zip(names, encoder, strict=True)), "task": task}
            write.json(f"{place}.json", named | scored)


def similarity_task(config, suite, task, parts, random):
    """Columns and rows of a table of pairs, and a function that scores an encoder."""
    gold = [np.round(random.uniform(0, 5, rows), 1) for _, rows, _ in parts]
    subsets = np.repeat([name for name, _, _ in parts], [len(part) for part in gold])
    gold = np.concatenate(gold)
    rows = [
        (f"{subset}:{number}", subset, f"Left {number}.", f"Right {number}.", value)
        for number, (subset, value) in enumerate(zip(subsets, gold, strict=True))
    ]
    ranks = standardised(rankdata(gold))
    common = random.normal(size=len(gold))

    def score(encoder):
        target = random.normal(*expected_score(config, encoder, suite, task)) / 100
        noise = SHARED * common + (1 - SHARED**2) ** 0.5 * random.normal(size=len(gold))
        low, high = 0.0, 1.0
        for _ in range(14):  # the more of people's ranks is in it, the higher the score
            share = (low + high) / 2
            values = share * ranks + (1 - share) * noise
            found = np.corrcoef(values.argsort().argsort(), ranks)[0, 1]
            low, high = (share, high) if found < target else (low, share)
        rho = float(spearmanr(values, gold).statistic)
        # Bonett and Wright (2000).
        spread = 1.96 * ((1 + rho**2 / 2) / (len(gold) - 3)) ** 0.5
        bounds = np.tanh(np.arctanh(rho) + np.array([-spread, spread]))
        return values / np.abs(values).max(), {
            "pairs": len(gold),
            "scores": {"spearman_all": percent(rho, *bounds)},
        }

    return ("id", "subset", "left", "right", "gold"), rows, score


def classified_task(config, suite, task, parts, random):
    """The same of labelled sentences, or of pairs of them."""
    design = parts[0][2]
    classes = 6 if task == "TREC" else 2
    subsets = np.repeat([name for name, _, _ in parts], [rows for _, rows, _ in parts])
    if design == "nested":  # a part for each class
        labels = np.repeat(range(len(parts)), [rows for _, rows, _ in parts])
        options = config["transfer"]["senteval"]
        folds = StratifiedKFold(options["folds"], shuffle=True, random_state=options["seed"])
        tests = [test for _, test in folds.split(labels, labels)]
    else:
        labels = np.arange(len(subsets)) % classes
        tests = [np.flatnonzero(subsets == "test")]
    pair = task == "MRPC"
    texts = [("Left.", "Right.") if pair else ("One.",)] * len(labels)
    rows = [
        (f"{subset}:{number}", subset, *text, label)
        for number, (subset, text, label) in enumerate(zip(subsets, texts, labels, strict=True))
    ]
    true = labels[np.concatenate(tests)]
    ends = np.cumsum([len(test) for test in tests])[:-1]
    common = random.normal(size=len(true))

    def score(encoder):
        share = min(random.normal(*expected_score(config, encoder, suite, task)), 99) / 100
        difficulty = SHARED * common + (1 - SHARED**2) ** 0.5 * random.normal(size=len(true))
        hit = difficulty.argsort().argsort() < round(share * len(true))
        folds = [round(100 * part.mean(), 2) for part in np.split(hit, ends)]
        value = np.round(np.mean(folds), 2) / 100
        spread = 1.96 * (value * (1 - value) / len(true)) ** 0.5
        return np.where(hit, true, (true + 1) % classes), {
            "samples": len(true),
            "scores": {"accuracy": percent(value, value - spread, value + spread)},
        }

    sides = ("left", "right") if pair else ("sentence",)
    return ("id", "subset", *sides, "label"), rows, score


def standardised(values):
    return (values - values.mean()) / values.std()


def percent(value, low, high):
    """A score with its interval, times 100."""
    return {"value": 100 * value, "low": 100 * low, "high": 100 * high}


def write_models(write, config, cells):
    """Manifests, and representations: also those that adapters are trained with."""
    recipes = {name: entry.get("recipe") for name, entry in config["adapters"].items()}
    used = {(model, prompt) for model, _, _, prompt in cells}
    used |= {
        (cell[0], recipes[cell[1]]["representation"]) for cell in cells if recipes.get(cell[1])
    }
    for model, name in used:
        source = config["models"][model]["source"]
        write.json(f"models/{model}/manifest.json", {"source": source, "files": {"w": DIGEST}})
        keys = ("template", "clean_up", "pooling")
        prompt = {key: config["representations"][name][key] for key in keys}
        write.json(f"representations/{model}/{name}.json", prompt | {"demonstration": None})


def write_searches(write, config, cells):
    """Lists of demonstrations; for each model the scores of all of a search, and the choice."""
    lists, searches = set(), set()
    for name in {cell[3] for cell in cells}:
        asked = config["representations"][name]["demonstration"]
        if isinstance(asked, dict) and "list" in asked:
            lists.add(asked["list"])
        elif asked:
            searches.add(asked["search"] if isinstance(asked, dict) else asked)
    lists |= {config["searches"][name]["candidates"] for name in searches}
    for name in lists:
        columns = ("sentence", "word", "origin")
        write.table(f"demonstrations/{name}.tsv", columns, made_up_candidates())
    for search in searches:
        for model, (table, choice) in made_up_search(config, search).items():
            place = f"demonstrations/{search}/{model}"
            write.table(f"{place}/scores.tsv", table.columns, table.itertuples(index=False))
            write.json(f"{place}/choice.json", choice)


def write_adapter(write, config, model, adapter, random):
    """Its manifest; of one that is trained also triplets, curve and candidates."""
    place = f"adapters/{model}/{adapter}"
    write.json(f"{place}/manifest.json", {"files": {"adapter_model.safetensors": DIGEST}})
    recipe = config["adapters"][adapter].get("recipe")
    if recipe is None:
        return
    write.text(f"datasets/{recipe['triplets']}.tsv", "")
    write.json(f"{place}/training.json", {"rows": 1000})
    step, warm_up = np.arange(1, STEPS + 1), recipe["warm_up"]
    rate = np.minimum(step / warm_up, (STEPS - step) / (STEPS - warm_up))
    curve = {
        "step": step,
        "loss": (0.45 + 2.5 * np.exp(-step / 60)) * np.exp(random.normal(0, 0.1, STEPS)),
        "learning_rate": recipe["learning_rate"] * rate,
        "gradient_norm": (0.8 + np.exp(-step / 100)) * np.exp(random.normal(0, 0.2, STEPS)),
    }
    pd.DataFrame(curve).to_csv(write.path(f"{place}/curve.csv"), index=False)
    at = np.arange(0, STEPS, CANDIDATES_EVERY)
    trained = 2.5 * (math.log10(config["models"][model]["parameters"]) - 9) + 84
    score = trained - 20 * np.exp(-at / 40) + random.normal(0, 0.15, len(at))
    candidates = pd.DataFrame({"step": at, "score": score})
    candidates["chosen"] = candidates.index == 1 + score[1:].argmax()
    candidates.to_csv(write.path(f"{place}/checkpoints.csv"), index=False)
