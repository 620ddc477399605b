"""What a streamed model leaves on disk: its weights, and all prompts' states between two layers."""

import logging
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

from sentscale.files import read_json, remove

log = logging.getLogger(__name__)


class Weights:
    """Tensors of a safetensors folder, by the names that the model's body gives them."""

    def __init__(self, folder: Path, body_prefix: str) -> None:
        """`body_prefix` is what a file of the whole language model puts before those names."""
        index = folder / "model.safetensors.index.json"
        if index.is_file():
            self.files = {
                name: folder / file for name, file in read_json(index)["weight_map"].items()
            }
        else:
            self.files = {}
            for path in sorted(folder.glob("*.safetensors")):
                with safe_open(path, "pt") as file:
                    self.files |= dict.fromkeys(file.keys(), path)
        self.folder, self.body_prefix = folder, f"{body_prefix}."

    def read(self, module: str, keys: Sequence[str], dtype: torch.dtype) -> dict[str, torch.Tensor]:
        """A module's tensors in a type, on the CPU, in memory of their own.

        Raises:
            ValueError: The folder has no such tensor.
        """
        tensors = {}
        for key in keys:
            path, name = self._find(f"{module}.{key}")
            with safe_open(path, "pt") as file:  # a file is mapped, not read, when it is opened
                tensors[key] = file.get_tensor(name).to(dtype, copy=True)
        return tensors

    def rows(self, name: str, wanted: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Some rows of a table, without reading the others."""
        path, name = self._find(name)
        with safe_open(path, "pt") as file:
            return file.get_tensor(name)[wanted].to(dtype)

    def _find(self, name: str) -> tuple[Path, str]:
        for full in (name, self.body_prefix + name):
            if full in self.files:
                return self.files[full], full
        raise ValueError(f"{self.folder}: no tensor {name} or {self.body_prefix}{name}")


class States:
    """All prompts' states between two layers, in one file that is written and read in order.

    The file of a layer appears when it is complete, its checksum in its name, and
    only then is the one before removed: an interrupted job goes on with the layer
    that it was at.
    """

    def __init__(self, folder: Path, dtype: torch.dtype, width: int) -> None:
        self.folder, self.dtype, self.width = folder, dtype, width
        folder.mkdir(parents=True, exist_ok=True)

    def newest(self) -> int:
        """Layers that are done; -1 if not even the embedding is."""
        for path in sorted(self.folder.glob("layer-*.states"), reverse=True):
            _, number, checksum = path.stem.split("-")
            if checksum == f"{self._checksum(path):08x}":
                return int(number)
            log.warning("%s is damaged; using the layer before", path)
            remove(path)
        return -1

    def read(self, number: int, sizes: Sequence[int]) -> Iterator[torch.Tensor]:
        """States after `number` layers, `(t, d)` for each batch of `t` tokens."""
        path = next(self.folder.glob(f"layer-{number:04d}-*.states"))
        with path.open("rb") as file:
            for tokens in sizes:
                count = tokens * self.width * self.dtype.itemsize
                raw = torch.from_numpy(np.fromfile(file, np.uint8, count))
                yield raw.view(self.dtype).view(tokens, self.width)

    def write(self, number: int, states: Iterator[torch.Tensor]) -> None:
        """Write what comes out of `number` layers, then remove what went into the last."""
        part = self.folder / "part"
        checksum = 0
        with part.open("wb") as file:
            for hidden in states:
                raw = hidden.contiguous().view(torch.uint8).numpy()
                checksum = zlib.crc32(raw, checksum)
                file.write(raw)
        part.rename(self.folder / f"layer-{number:04d}-{checksum:08x}.states")
        for path in self.folder.glob(f"layer-{number - 1:04d}-*.states"):
            path.unlink()

    def clear(self) -> None:
        """Remove all files."""
        for path in self.folder.glob("layer-*.states"):
            path.unlink()

    def _checksum(self, path: Path) -> int:
        checksum = 0
        with path.open("rb") as file:
            while chunk := file.read(1 << 24):
                checksum = zlib.crc32(chunk, checksum)
        return checksum
