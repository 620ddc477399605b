"""What the rules share: names, wildcard constraints, input functions."""

import csv
import json
import os
import re
import sys
from itertools import product
from pathlib import Path

SCRIPTS = Path(workflow.basedir) / "workflow/scripts"
sys.path.insert(0, str(SCRIPTS))
from sentscale.imports import imported
from sentscale.protocol import PROTOCOL

# A job's `python` is the one that runs Snakemake, also when .venv is not activated.
os.environ.update(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")

REGISTER = "workflow/resources/datasets.tsv"


include: "validate.smk"


def cells_of(section):
    """(model, adapter, precision, representation, suite) of all grids of a section, each once."""
    keys = ("models", "adapters", "precisions", "representations", "suites")
    return list(
        dict.fromkeys(cell for grid in config[section] for cell in product(*map(grid.get, keys)))
    )


ENCODERS = cells_of("run")
LAYERED = cells_of("layers")
# Folder of each classifier's scores.
SCORERS = {"senteval": "transfer", "logreg": "transfer-logreg"}


def models_from(kind):
    """Regular expression of the models whose source is `kind`."""
    names = [name for name, model in config["models"].items() if kind in model["source"]]
    return "|".join(map(re.escape, names)) or "(?!)"


def lists_of(*kinds):
    """Regular expression of the lists of demonstrations of these kinds."""
    names = [name for name, source in config["demonstrations"].items() if set(kinds) & set(source)]
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    model="|".join(map(re.escape, config["models"])),
    adapter="|".join(map(re.escape, ["none", *config["adapters"]])),
    precision="fp32|bf16|fp16|nf4",
    representation="|".join(map(re.escape, config["representations"])),
    suite="|".join(map(re.escape, config["suites"])),
    task="|".join(map(re.escape, {row["task"]: None for row in SOURCES})),
    search="|".join(map(re.escape, config["searches"])) or "(?!)",
    shard="[0-9]+",
    shards="[0-9]+",
    candidates="|".join(map(re.escape, config["demonstrations"])) or "(?!)",
    scorer="|".join(SCORERS.values()),


def code(script):
    """A script and the modules that it uses: inputs of steps that take seconds."""
    modules = sorted(imported(SCRIPTS / f"{script}.py"))
    library = [f"workflow/scripts/sentscale/{name}.py" for name in modules]
    return [f"workflow/scripts/{script}.py", *library]


def of_model(key):
    """Input function: a field of the wildcard's model, as compact JSON if it is a map."""

    def field(wildcards):
        value = config["models"][wildcards.model][key]
        return json.dumps(value) if isinstance(value, dict) else value

    return field


def suite_of(task):
    """The suite in whose vectors a task's sentences are."""
    return next(suite for suite, tasks in config["suites"].items() if task in tasks)


def tasks_of(wildcards):
    """Tables of the tasks of a suite."""
    return expand("results/datasets/{task}.tsv", task=config["suites"][wildcards.suite])


def sources_of(task):
    """Rows of the register that belong to a task."""
    return [row for row in SOURCES if row["task"] == task]


def design_of(task):
    """How a task is scored; triplets are trained on."""
    return sources_of(task)[0]["design"]


def scorers_of(suite):
    """Folders under results/scores that a suite's scores are in."""
    if design_of(config["suites"][suite][0]) == "similarity":
        return ["sts"]
    return [SCORERS[name] for name in config["transfer"]["classifiers"]]


def metric_of(suite):
    """The score of printed tables and figures."""
    if scorers_of(suite) == ["sts"]:
        return f"spearman_{config['sts']['headline']}"
    return {"senteval": "accuracy", "logreg": "accuracy_logreg"}[config["transfer"]["headline"]]


def is_bundled(task):
    """Whether a task's files are in this repository."""
    return any(row["source"] == "bundled" for row in sources_of(task))


def files_of_task(wildcards):
    """Files in the repository, or what is downloaded; a mirror is only a place."""
    sources = sources_of(wildcards.task)
    if is_bundled(wildcards.task):
        files = [row[key] for row in sources for key in ("file", "gold_file")]
        return list(dict.fromkeys(filter(None, files)))
    check_mirrored(wildcards.task)
    if config["data"]["mirror"]:
        return []
    if sources[0]["source"] == "senteval":
        return ["results/datasets/senteval"]
    return [f"results/datasets/{row['file']}" for row in sources]


def root_of_task(wildcards):
    """Folder that the register's paths of a task start from."""
    if is_bundled(wildcards.task):
        return "."
    place = config["data"]["mirror"] or "results/datasets"
    return f"{place}/senteval" if sources_of(wildcards.task)[0]["source"] == "senteval" else place


def vectors_of_task(suffix):
    """Input function: vectors (npy) or what is known of them (json) for a task."""

    def path(wildcards):
        w = wildcards
        encoder = f"{w.model}/{w.adapter}/{w.precision}/{w.representation}"
        return f"results/embeddings/{encoder}/{suite_of(w.task)}.{suffix}"

    return path


def settings_of_classifier(wildcards):
    """Everything that may change a transfer score, as JSON."""
    name = next(name for name, folder in SCORERS.items() if folder == wildcards.scorer)
    section = config["transfer"]
    return json.dumps(
        {
            "classifier": name,
            "options": section[name],
            "bootstrap": section["bootstrap"],
            "protocol": PROTOCOL["score_transfer"],
        },
        sort_keys=True,
    )


include: "common_adapters.smk"
include: "common_demonstrations.smk"
include: "common_export.smk"
include: "common_figures.smk"
include: "common_index.smk"
include: "common_layers.smk"
include: "common_mteb.smk"
include: "common_resources.smk"
include: "common_statistics.smk"
include: "common_tables.smk"
