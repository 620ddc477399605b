"""Stored vectors scored by the conventions of the mteb library, in the form of its results."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sentscale.pairs import Pair
from sentscale.prompts import Representation
from sentscale.store import FOLDERS
from sentscale.sts import Floats, correlation, cosine_rows, spearman
from sentscale.tasks import read_table

# Whose conventions these are. The local part (PEP 440) says that mteb itself computed nothing.
MTEB_VERSION = "2.26.24+sentscale"
ORGANISATION = "sentscale"
COLUMNS = ("task", "name", "dataset", "revision", "pairs", "characters", "mean_gold")
# mteb writes so many.
DECIMALS = 6
# Sources of a model that others have too; a folder of this machine is no business of theirs.
SHARED_SOURCES = ("hub", "wheel")
# `Licenses` of mteb, which refuses a model that has another.
MTEB_LICENCES = frozenset(
    (
        *("afl-3.0", "apache-2.0", "bsd-3-clause", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0"),
        *("cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
        *("cc-by-nd-2.1-jp", "cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0"),
        *("cdla-sharing-1.0", "eupl-1.2", "gemma", "gpl-3.0", "lgpl", "lgpl-3.0", "mit", "mpl-2.0"),
        *("msr-la-nc", "multiple", "not specified", "odc-by", "openmdw-1.1", "openrail"),
        "openrail++",
    )
)


@dataclass(frozen=True)
class MtebTask:
    """A task as mteb has it, and what mteb itself tells of its test pairs.

    Attributes:
        name: Of the task in mteb.
        dataset: Repository on the hub.
        revision: Commit that mteb pins.
        pairs: Number of test pairs.
        characters: Of all sentences together.
        mean_gold: Mean of the human scores.
    """

    name: str
    dataset: str
    revision: str
    pairs: int
    characters: int
    mean_gold: float


def read_mteb_tasks(path: Path) -> dict[str, MtebTask]:
    """Read `workflow/resources/mteb_tasks.tsv`: mteb's tasks by our name."""
    found = {}
    for number, fields in enumerate(read_table(path, COLUMNS), start=2):
        try:
            task, name, dataset, revision, pairs, characters, mean = fields
            counts = int(pairs), int(characters)
            found[task] = MtebTask(name, dataset, revision, *counts, float(mean))
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}: {fields}") from error
    return found


def mteb_scores(left: Floats, right: Floats, gold: Floats) -> dict[str, float]:
    """Scores of an STS task, times 1, all pairs ranked together (`AbsTaskSTS` of mteb).

    Distances are negated, as there. mteb divides human scores by 5, which changes no
    correlation, and computes in float32, in which equal sentences differ by a rounding:
    it was seen to move a rho by 0.00004 (docs/mteb.md).

    Args:
        left: Vectors of the first sentences, shape `(n, d)`.
        right: Vectors of the second ones, shape `(n, d)`.
        gold: Human scores, shape `(n,)`.

    Raises:
        ValueError: A side is constant, so that no correlation is defined, or a vector
            has no direction.
    """
    gap = left.astype(np.float64) - right.astype(np.float64)  # (n, d)
    similarities = {
        "cosine": cosine_rows(left, right),
        "manhattan": -np.abs(gap).sum(axis=1),
        "euclidean": -np.linalg.norm(gap, axis=1),
    }
    found = {}
    for name, similarity in similarities.items():
        for metric, score in (("pearson", correlation), ("spearman", spearman)):
            value = float(score(similarity, gold))
            if not math.isfinite(value):
                raise ValueError(f"{name}_{metric} is undefined: scores or similarities are equal")
            found[f"{name}_{metric}"] = round(value, DECIMALS)
    # Without a prefix: by the model's own similarity, which is the cosine.
    own = {metric: found[f"cosine_{metric}"] for metric in ("pearson", "spearman")}
    return own | found | {"main_score": found["cosine_spearman"]}


def differences(
    pairs: Sequence[Pair], known: MtebTask, representation: Representation
) -> list[str]:
    """What is different from a run of mteb itself, in sentences."""
    there = f"{known.dataset} at {known.revision}"
    characters = sum(len(pair.left) + len(pair.right) for pair in pairs)
    mean_gold = sum(pair.gold for pair in pairs) / len(pairs)
    told = []
    if len(pairs) != known.pairs:
        told.append(f"{len(pairs):,} pairs; {there} has {known.pairs:,}")
    if len(pairs) == known.pairs and characters != known.characters:
        told.append(f"{characters:,} characters of text; {there} has {known.characters:,}")
    if len(pairs) == known.pairs and not math.isclose(mean_gold, known.mean_gold, rel_tol=1e-9):
        told.append(f"mean human score {mean_gold}; {there} has {known.mean_gold}")
    if not told:
        told.append(
            f"as many pairs and characters and the same mean score as {there}; the sentences"
            " themselves were not compared"
        )
    cleaned = {
        "words": "white space made single",
        "sentence": "cleaned up as the paper does (final period, quotes)",
    }
    several = len(representation.templates) > 1
    told.append(
        f"the model reads each sentence, {cleaned[representation.clean_up]}, in the"
        f" template{'s' * several} {' and '.join(map(repr, representation.templates))}"
        + ", vectors averaged"
        * several
    )
    return told


def task_result(
    known: MtebTask, scores: Mapping[str, float], pairs_sha256: str, about: Mapping[str, Any]
) -> dict[str, Any]:
    """A result as `TaskResult` of mteb reads it.

    `dataset_revision` is the digest of our table, no commit: that its pairs are those
    of mteb's commit is not proven, and for some tasks they are not.
    """
    entry = {"hf_subset": "default", "languages": ["eng-Latn"], "mteb_version": MTEB_VERSION}
    return {
        "dataset_revision": f"sentscale table, sha256 {pairs_sha256}",
        "task_name": known.name,
        "mteb_version": MTEB_VERSION,
        "scores": {"test": [dict(scores) | entry | {"sentscale": dict(about)}]},
        "evaluation_time": None,  # of embedding, which took place before, for several tasks
        "kg_co2_emissions": None,
    }


def encoder_revision(
    inputs: Mapping[str, str], precision: str, prompt: Mapping[str, str], protocol: int
) -> str:
    """Forty digits, as of a commit, that change with all that may change a vector.

    Args:
        inputs: Digests of the manifests of model and adapter; others do not count.
        precision: Of the weights.
        prompt: The representation's fields.
        protocol: Of embed_sentences: the code that makes vectors.
    """
    made_from = {key: inputs[key] for key in ("manifest", "adapter") if key in inputs}
    text = json.dumps([made_from, precision, dict(prompt), protocol], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def made_of(
    names: Sequence[str], representation: Representation, source: Mapping[str, Any]
) -> dict[str, Any]:
    """What an encoder is: its names in config.yaml, its prompt, its model if others have it too."""
    shared = {kind: source[kind] for kind in SHARED_SOURCES if kind in source}
    return dict(zip(FOLDERS, names, strict=True)) | vars(representation) | {"source": shared}


def model_meta(
    name: str,
    revision: str,
    made: Mapping[str, Any],
    *,
    width: int,
    most_tokens: int | None = None,
    parameters: int | None = None,
    licence: str | None = None,
) -> dict[str, Any]:
    """Fields of `ModelMeta` of mteb, which takes no others. None: not known, or not told.

    Args:
        name: Of the encoder in mteb, without the organisation.
        revision: Of `encoder_revision`.
        made: Of `made_of`.
        width: Length of a vector.
        most_tokens: Positions of the model.
        parameters: Of the model's body.
        licence: As hubs write it; told if mteb knows it.
    """
    hub = made["source"].get("hub")
    return {
        "loader": None,
        "loader_kwargs": dict(made),
        "name": f"{ORGANISATION}/{name}",
        "revision": revision,
        "release_date": None,
        "languages": ["eng-Latn"],
        "n_parameters": parameters,
        "memory_usage_mb": None,
        "max_tokens": most_tokens,
        "embed_dim": width,
        "license": licence if licence in MTEB_LICENCES else None,
        "open_weights": True if made["source"] else None,
        "public_training_code": None,
        "public_training_data": None,
        "framework": ["PyTorch"],
        "reference": f"https://huggingface.co/{hub['repository']}" if hub else None,
        "similarity_fn_name": "cosine",
        "use_instructions": made["template"] != "{text}",
        "training_datasets": None,
        "adapted_from": hub["repository"] if hub else None,
    }
