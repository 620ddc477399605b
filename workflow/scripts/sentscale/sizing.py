"""What a job needs, from its model and its task: GPUs, memory, time.

Every number here is a request to a scheduler or an estimate for `make plan`; no score
depends on one. Constants are measured where they say so, else counted from shapes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Placed = Literal["resident", "split", "stream"]

GB = 1e9
# Bytes of a weight: nf4 with double quantisation takes 4.13 bits, embeddings stay in 16.
GPU_BYTES = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "nf4": 0.6}
# On a CPU, nf4 is widened to float32, and bf16 is laid out anew for oneDNN beside what was read.
CPU_BYTES = {"fp32": 4.0, "bf16": 4.0, "fp16": 4.0, "nf4": 4.0}
# Tokens of a sentence in the prompt: 22.5 in the STS tests, 24 in the transfer tasks (measured).
TOKENS = 24
# Prompt of a training sentence: at most 32 tokens of text; 21.5 on average (measured).
TRAINED_TOKENS = 22
# States of 128 numbers a layer: OPT-6.7B and LLaMA-7B have 4096 numbers in 32 layers.
WIDTH_PER_LAYER = 128
# Numbers that are alive for a token inside a layer: residual, queries, keys, values, four widths
# of the feed-forward block and its activation.
STATES_IN_LAYER = 12
# Numbers that a layer keeps of a token for the gradient, as multiples of the width: 160 rows of
# SmolLM2-135M take 7.1 GB in bf16 (measured). LoRA's dropout copies the input of each linear layer.
STATES_KEPT = 100
# Share of that rate that training reaches on a CPU (measured): dropout, norms, 4-bit weights.
TRAINING_SHARE = 0.5
# LoRA on every linear layer has 18 rank x width numbers in a layer of 12 width² weights; each takes
# 16 bytes with its gradient and AdamW's two moments, 4 in a file.
LORA_SHARE, LORA_BYTES = 1.5, 16
# Python with torch, transformers and its libraries on a CPU: 0.8 GB (measured); with CUDA more.
CPU_BASE_GB, GPU_BASE_GB = 1.0, 6.0
# Loading keeps at most one file of weights in memory; those of the hub have up to 10 GB.
LARGEST_FILE_GB = 10.0
# A prompt, its tokens and its shard: 10 kB (measured, 108,107 sentences of the transfer tasks).
PROMPT_GB = 1e-5
# Share of a GPU's memory that is planned with; the rest is CUDA's own and fragments.
USABLE = 0.9
# Share of the rate of products that a job reaches: 0.78 on a CPU (benchmarks/), guessed on a GPU.
CPU_SHARE, GPU_SHARE = 0.75, 0.4
# Python, imports and the model's skeleton.
START_S = 10.0
# A request is generous where an estimate is not: a job that is stopped costs more than a limit.
SPARE_TIME, SPARE_MEMORY, SPARE_MIN = 2.0, 1.5, 5


@dataclass(frozen=True)
class Need:
    """What one job needs.

    Attributes:
        placement: Where the model is.
        gpus: GPUs of the job; 0 computes on the CPU.
        gpu_gb: Memory on each of them.
        memory_gb: Host memory.
        seconds: Expected time.
        stored_gb: What it leaves on disk.
    """

    placement: Placed
    gpus: int
    gpu_gb: float
    memory_gb: float
    seconds: float
    stored_gb: float

    @property
    def mem_mb(self) -> int:
        """Host memory to ask for."""
        return math.ceil(self.memory_gb * SPARE_MEMORY * 10) * 100

    @property
    def runtime_min(self) -> int:
        """Wall time to ask for."""
        return SPARE_MIN + math.ceil(self.seconds * SPARE_TIME / 60)


@dataclass(frozen=True)
class Size:
    """Of a model's body: its parameters, its layers and the numbers of a token's state in it."""

    parameters: int
    layers: float
    width: float


def size_of(parameters: int, layers: int | None = None, width: int | None = None) -> Size:
    """What is known of a model's size, and what its parameters let expect of the rest."""
    expected = width_of(parameters)
    return Size(parameters, layers or max(1.0, expected / WIDTH_PER_LAYER), width or expected)


def width_of(parameters: int) -> float:
    """Width of a decoder of so many parameters: 12 width² weights in each of width / 128 layers."""
    return (WIDTH_PER_LAYER * parameters / 12) ** (1 / 3)


def place(
    machine: Mapping[str, Any],
    size: Size,
    precision: str,
    placement: str,
    max_tokens: int,
    gpus: int | None = None,
) -> tuple[Placed, int, float]:
    """Where a model goes, on how many GPUs, and the memory it takes on each, in GB.

    Args:
        machine: See machine.schema.yaml.
        size: Of the model.
        precision: Of the weights.
        placement: "resident", "split", "stream", or "auto": resident where one GPU (or
            the CPU's memory) holds the model, else split over the GPUs of a node, else stream.
        max_tokens: Most tokens in a batch.
        gpus: A number that somebody chose; None follows from the memory. A machine
            without GPUs has none to choose.
    """
    gpu, cpu = machine["gpu"], machine["cpu"]
    if gpu is None or gpus == 0:
        if placement == "auto":
            whole = CPU_BASE_GB + size.parameters * CPU_BYTES[precision] / GB
            placement = "resident" if whole * SPARE_MEMORY <= cpu["memory_gb"] else "stream"
        return placement, 0, 0.0  # type: ignore[return-value]
    number = 4 if precision == "fp32" else 2
    states = max_tokens * size.width * STATES_IN_LAYER * number / GB
    weights = size.parameters * GPU_BYTES[precision] / GB
    room = gpu["memory_gb"] * USABLE - states
    wanted = math.ceil(weights / room) if room > 0 else gpu["per_node"] + 1
    if placement == "auto":
        if gpus is not None:
            placement = "split" if gpus > 1 else "resident"
        elif wanted == 1:
            placement = "resident"
        else:
            placement = "split" if wanted <= gpu["per_node"] else "stream"
    if gpus is None:
        gpus = wanted if placement == "split" else 1
    held = {"resident": weights, "split": weights / gpus, "stream": 3 * weights / size.layers}
    return placement, gpus, held[placement] + states  # type: ignore[return-value]


def embedding(
    machine: Mapping[str, Any],
    size: Size,
    precision: str,
    placed: tuple[Placed, int, float],
    threads: int,
    prompts: int,
    kept: int,
    passes: int = 1,
) -> Need:
    """Need of a job that embeds.

    Args:
        machine: See machine.schema.yaml.
        size: Of the model.
        precision: Of the weights.
        placed: Of `place`.
        threads: CPU threads.
        prompts: How many are embedded in all.
        kept: Vectors that stay on disk.
        passes: How often a streamed model is read.
    """
    placement, gpus, gpu_gb = placed
    parameters = size.parameters
    read = 2 * parameters / GB / machine["read_gb_s"]
    if placement == "stream":
        read *= passes
    products = 2 * parameters * prompts * TOKENS / rate(machine, precision, gpus, threads)
    if gpus:
        memory = GPU_BASE_GB + min(2 * parameters / GB, LARGEST_FILE_GB)
    else:
        share = min(1.0, 3 / size.layers) if placement == "stream" else 1.0
        memory = CPU_BASE_GB + share * parameters * CPU_BYTES[precision] / GB
    vectors = kept * size.width * 4 / GB
    memory += prompts / passes * PROMPT_GB + vectors
    return Need(placement, gpus, gpu_gb, memory, START_S + read + products, vectors)


def training(
    machine: Mapping[str, Any],
    size: Size,
    recipe: Mapping[str, Any],
    triplets: int,
    gpus: int,
    threads: int,
    kept_rows: int,
    activations: str,
) -> Need:
    """Need of a job that trains an adapter, the whole model on each of its GPUs.

    A step computes each prompt twice (GradCache), but for those that are kept, and its
    gradient costs as much as a pass: LoRA's own matrices are small beside the model's.
    """
    rows = 3 * recipe["batch"]
    kept = min(kept_rows, rows)
    passes = 3 - kept / rows + (activations == "recomputed")
    tokens = recipe["epochs"] * 3 * triplets * TRAINED_TOKENS
    parameters = size.parameters
    products = 2 * parameters * tokens * passes / rate(machine, recipe["compute"], gpus, threads)
    products /= TRAINING_SHARE
    layers = 1 if activations == "recomputed" else size.layers
    alive = (recipe["chunk"] + kept / max(1, gpus)) * TRAINED_TOKENS * size.width * layers
    memory = alive * STATES_KEPT * (4 if recipe["compute"] == "fp32" else 2) / GB
    added = parameters * LORA_SHARE * recipe["rank"] / size.width
    memory += added * LORA_BYTES / GB
    stored = candidates(recipe, triplets) * added * 4 / GB
    seconds = START_S + 2 * parameters / GB / machine["read_gb_s"] + products
    if gpus:
        memory += parameters * GPU_BYTES[recipe["base"]] / GB + 1
        host = (GPU_BASE_GB + min(2 * parameters / GB, LARGEST_FILE_GB)) * gpus
        return Need("resident", gpus, memory, host, seconds, stored)
    host = CPU_BASE_GB + parameters * CPU_BYTES[recipe["base"]] / GB + memory
    return Need("resident", 0, 0.0, host, seconds, stored)


def candidates(recipe: Mapping[str, Any], triplets: int) -> int:
    """Checkpoints that a training leaves to choose from."""
    return recipe["epochs"] * triplets // recipe["batch"] // recipe["checkpoint_every"]


def classifying(size: Size, rows: int, gpus: int, threads: int) -> Need:
    """Need of a job that trains the classifiers of one transfer task.

    MR's 410 fits take 15.6 s for 10,662 rows of 576 numbers on two cores, and 120 s for
    4,096 numbers (measured): time goes with rows and numbers. Three copies of the vectors.
    """
    seconds = 5 + 15.6 * (rows / 10662) * (size.width / 576) * 2 / threads
    vectors = rows * size.width * 4 / GB
    return Need("resident", gpus, 3 * vectors * (gpus > 0), 0.6 + 3 * vectors, seconds, 0.0)


def merging(machine: Mapping[str, Any], parameters: int) -> Need:
    """Need of a job that writes a model anew in float32, from a file beside it."""
    written = parameters * 4 / GB
    seconds = START_S + 3 * written / machine["read_gb_s"]
    return Need("resident", 0, 0.0, CPU_BASE_GB + 1.25 * written, seconds, written)


def rate(machine: Mapping[str, Any], precision: str, gpus: int, threads: int) -> float:
    """Products and sums a second that a job reaches."""
    if gpus == 0:
        name = "bf16" if precision == "bf16" else "fp32"
        return machine["cpu"]["gflops"][name] * 1e9 * threads * CPU_SHARE
    name = "fp32" if precision == "fp32" else "half"
    return machine["gpu"]["tflops"][name] * 1e12 * gpus * GPU_SHARE
