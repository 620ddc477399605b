"""Published adapters: from the hub to PEFT's two files."""

import shutil
from pathlib import Path

from sentscale.adapters import read_settings
from sentscale.checkpoints import ADAPTER, CONFIG
from sentscale.files import written_whole
from sentscale.snapshots import fetch_files
from sentscale.weights import convert_shard

# PEFT's pickled file, before it took safetensors.
BIN = "adapter_model.bin"


def fetch_adapter(repository: str, revision: str, folder: Path) -> None:
    """Fetch one revision of an adapter, and write it as training would.

    Args:
        repository: For example `royokong/prompteol-opt-1.3b`.
        revision: A full commit id.
        folder: Where PEFT's two files go.

    Raises:
        ValueError: A cached file is damaged, a file is missing, or it is not plain LoRA.
        UnpicklingError: A pickled file holds more than tensors.
        OSError: Offline and not in the cache, or no such repository (the client's message).
    """
    where = fetch_files(repository, revision, [CONFIG], [ADAPTER, BIN])
    whose = f"{repository} at {revision}"
    if not (where / CONFIG).is_file():
        raise ValueError(f"{whose}: no {CONFIG}, so it is no adapter of PEFT")
    pickled = not (where / ADAPTER).is_file()
    if pickled and not (where / BIN).is_file():
        raise ValueError(f"{whose}: neither {ADAPTER} nor {BIN}")
    read_settings(where / CONFIG)  # what cannot be used stops here, not in a job on a GPU
    with written_whole(folder / ADAPTER) as part:
        if pickled:
            convert_shard(where / BIN, part)
        else:
            shutil.copyfile(where / ADAPTER, part)
    with written_whole(folder / CONFIG) as part:
        shutil.copyfile(where / CONFIG, part)
