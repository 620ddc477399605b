"""Embed prompts with a model of 1.3 billion random parameters, and report time and peak memory."""

import argparse
import json
import shutil
import time
from itertools import groupby
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import OPTConfig

from sentscale.encoder import Compute
from sentscale.files import read_lines, write_json
from sentscale.loading import empty_body, load_encoder

SHAPE = {
    "hidden_size": 2048,
    "word_embed_proj_dim": 2048,
    "ffn_dim": 8192,
    "num_hidden_layers": 24,
    "num_attention_heads": 32,
    "architectures": ["OPTModel"],
}


def save_random(folder: Path, tokenizer: Path) -> None:
    """OPT-1.3B's shape in bf16, one file a layer, without ever holding all of it."""
    folder.mkdir(parents=True)
    config = OPTConfig(**SHAPE, dtype="bfloat16")
    config.save_pretrained(folder)
    for path in tokenizer.glob("tokenizer*"):
        shutil.copyfile(path, folder / path.name)
    torch.manual_seed(0)
    shapes = {name: empty.shape for name, empty in empty_body(config).state_dict().items()}
    places = {}
    for file, names in groupby(shapes, key=lambda name: ".".join(name.split(".")[:3])):
        tensors = {name: torch.randn(shapes[name]).mul_(0.02).bfloat16() for name in names}
        save_file(tensors, folder / f"{file}.safetensors", metadata={"format": "pt"})
        places |= dict.fromkeys(tensors, f"{file}.safetensors")
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": places})


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of weights")
    parser.add_argument("--placement", required=True, help="resident or stream")
    parser.add_argument("--precision", required=True, help="fp32 or bf16")
    parser.add_argument("--prompts", type=Path, required=True, help="one a line")
    parser.add_argument("--prefix", required=True, help="what they begin with")
    parser.add_argument("--threads", type=int, required=True, help="CPU threads")
    args = parser.parse_args()
    compute = Compute("fast", args.placement, args.threads, 0, 1024, 1)
    start = time.perf_counter()
    encoder = load_encoder(args.model, args.precision, compute)
    encoder.encode(read_lines(args.prompts), "last", [args.prefix])
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb()}))


def peak_mb() -> float:
    """Most resident memory of this process. Its ru_maxrss begins with the size of its parent."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
