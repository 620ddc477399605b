"""What the catalogue says of repositories on the hub, and whether the hub agrees."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import HfApi
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import ModelInfo
from snakemake.utils import update_config

TIMEOUT_S = 30
# For each kind of entry the files of weights, of which the first kind that is there is fetched, and
# what must be beside them, one of each group.
WEIGHTS = {
    "model": ["*.safetensors", "pytorch_model*.bin"],
    "adapter": ["adapter_model.safetensors", "adapter_model.bin"],
}
BESIDE = {
    "model": [
        ["config.json"],
        ["tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model"],
    ],
    "adapter": [["adapter_config.json"]],
}
# Bytes in files for each parameter of the body: two in 16 bits, four in 32. A head and buffers add
# to it.
BYTES = (1.9, 6.0)


@dataclass(frozen=True)
class Entry:
    """A repository that is pinned.

    Attributes:
        name: Keys of the configuration.
        kind: "model" or "adapter".
        repository: Owner and name.
        revision: A full commit id.
        parameters: Of a model's body.
        licence: The hub's word for it.
    """

    name: str
    kind: str
    repository: str
    revision: str
    parameters: int | None = None
    licence: str | None = None


@dataclass(frozen=True)
class Answer:
    """What the hub said: kind and size of the weights, who may have them, and all that is wrong."""

    weights: str = ""
    gigabytes: float = float("nan")
    access: str = ""
    faults: tuple[str, ...] = ()


def read_entries(configs: Sequence[Path]) -> list[Entry]:
    """Models of the hub and published adapters of some configurations, merged in this order.

    Raises:
        ValueError: An entry lacks a key, or has one too many.
    """
    config: dict[str, Any] = {}
    for path in configs:
        update_config(config, yaml.safe_load(path.read_text(encoding="utf-8")))
    entries = []
    for name, model in config.get("models", {}).items():
        try:
            if hub := model["source"].get("hub"):
                facts = {"parameters": model["parameters"], "licence": model["licence"]["id"]}
                entries.append(Entry(name, "model", **hub, **facts))
        except (KeyError, TypeError) as error:
            told = f"models.{name} lacks a key or has one too many: {error}; it is {model}"
            raise ValueError(told) from error
    for name, adapter in config.get("adapters", {}).items():
        for model, hub in adapter.get("published", {}).items():
            entries.append(Entry(f"{name}, {model}", "adapter", **hub))
    return entries


def read_missing(path: Path) -> list[dict[str, str]]:
    """Rows of what is not pinned: wanted_as, repository, commit (short, or empty), why."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def ask(repository: str, revision: str | None) -> ModelInfo | str:
    """What the hub knows of a repository at a commit (None: the newest), or why it tells nothing.

    Raises:
        httpx2.TransportError: The hub does not answer.
        OfflineModeIsEnabled: The client is told not to ask.
    """
    try:
        return HfApi().model_info(
            repository, revision=revision, files_metadata=True, timeout=TIMEOUT_S
        )
    except GatedRepoError:
        return "gated: accept its terms on the hub and log in"
    except RevisionNotFoundError:
        return "no such commit"
    except RepositoryNotFoundError:
        return "gone, or private"
    except DisabledRepoError:
        return "disabled by the hub"
    except HfHubHTTPError as error:
        return f"the hub answers {error.response.status_code}"


def judge(entry: Entry, info: ModelInfo | str) -> Answer:
    """Whether an entry is what the hub has at its commit."""
    if isinstance(info, str):
        return Answer(faults=(info,))
    sizes = {
        one.rfilename: one.size or 0 for one in info.siblings or [] if "/" not in one.rfilename
    }
    faults = []
    if info.sha != entry.revision:
        faults.append(f"answers with commit {info.sha}")
    for group in BESIDE[entry.kind]:
        if not sizes.keys() & group:
            faults.append(f"no {' or '.join(group)}")
    pattern, gigabytes = weights_in(sizes, WEIGHTS[entry.kind])
    if pattern is None:
        faults.append(f"no {' or '.join(WEIGHTS[entry.kind])}")
    elif entry.parameters and not BYTES[0] <= gigabytes * 1e9 / entry.parameters <= BYTES[1]:
        faults.append(f"{gigabytes:.2f} GB for {entry.parameters:,} parameters")
    stated = info.card_data.get("license") if info.card_data else None
    if entry.licence and stated and stated != entry.licence:
        faults.append(f"licence is {stated}, here {entry.licence}")
    kind = Path(pattern).suffix.removeprefix(".") if pattern else ""
    return Answer(kind, gigabytes, "gated" if info.gated else "open", tuple(faults))


def weights_in(sizes: Mapping[str, int], patterns: Sequence[str]) -> tuple[str | None, float]:
    """The first pattern that files match, and their size in GB."""
    for pattern in patterns:
        found = [size for name, size in sizes.items() if fnmatch(name, pattern)]
        if found:
            return pattern, sum(found) / 1e9
    return None, float("nan")
