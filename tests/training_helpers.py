"""Recipes, models and triplets for the tests of contrastive fine-tuning."""

import os
import subprocess
import sys

import torch

from sentscale.checkpoints import Checkpoints
from sentscale.lora import load_trainable, trained
from sentscale.ranks import Ranks
from sentscale.recipe import Recipe
from sentscale.training import Trainer, train

CPU = torch.device("cpu")
ALONE = Ranks(0, 1, CPU)
SMALL = {
    "rows": None,
    "most_tokens": 8,
    "clean_up_decoded": False,
    "base": "fp32",
    "compute": "fp32",
    "rank": 4,
    "alpha": 8,
    "dropout": 0.2,
    "temperature": 0.05,
    "negatives": "gathered",
    "batch": 4,
    "chunk": 5,
    "loss_divisor": 2,
    "epochs": 1,
    "learning_rate": 0.01,
    "warm_up": 2,
    "weight_decay": 0.0,
    "clip": 1.0,
    "seed": 42,
    "checkpoint_every": 2,
}


def small(**changes):
    """A recipe of six steps of four triplets, if there are 24."""
    return Recipe(**(SMALL | changes))


def random_tokens(rows, seed=7):
    """Prompts of 1 to 9 tokens."""
    rng = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 10, (rows,), generator=rng).tolist()
    return [torch.randint(4, 340, (n,), generator=rng).tolist() for n in lengths]


def columns(triplets):
    """Random prompts of each column."""
    return {name: random_tokens(triplets, seed) for seed, name in enumerate("abc")}


def lora_model(folder, recipe, activations="kept", dtype=torch.float64):
    """A model with LoRA whose second matrices are not zero, as they are at the beginning."""
    torch.set_num_threads(1)  # more would wait for each other
    model = load_trainable(folder, recipe, CPU, activations).to(dtype)
    rng = torch.Generator().manual_seed(3)
    for name, matrix in trained(model).items():
        if "lora_B" in name:
            matrix.data = 0.1 * torch.randn(matrix.shape, generator=rng, dtype=dtype)
    return model


def reference_loss(vectors, temperature):
    """Of all anchors, positives and negatives below each other; plain sums, no library."""
    count = len(vectors) // 3
    unit = vectors / (vectors * vectors).sum(1, keepdim=True).sqrt()
    total = 0
    for row in range(count):
        scores = (unit[row] * unit[count:]).sum(1) / temperature
        total = total + scores.exp().sum().log() - scores[row]
    return total / count


def gradients(model):
    return {name: matrix.grad.clone() for name, matrix in trained(model).items()}


def relative(found, expected):
    """Largest difference of two sets of tensors, relative to the largest number of each."""
    assert found.keys() == expected.keys()
    return max(
        ((found[name] - one).abs().max() / one.abs().max()).item() for name, one in expected.items()
    )


def same_bits(found, expected):
    return found.keys() == expected.keys() and all(
        torch.equal(found[name], one) for name, one in expected.items()
    )


class Quiet:
    """In place of `Reports`: calls `at[step]` after a step."""

    def __init__(self, at=None):
        self.at, self.skipped = at or {}, None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def skip(self, steps):
        self.skipped = steps

    def add(self, row):
        self.at.get(row["step"], lambda: None)()


def run(model_folder, parent, recipe=None, reports=None, triplets=24):
    """Train a tiny model; its matrices and curve."""
    recipe = recipe or small()
    torch.set_num_threads(1)
    model = load_trainable(model_folder, recipe, CPU, "kept")
    kept = Checkpoints(parent, {}, recipe.checkpoint_every)
    trainer = Trainer(model, recipe, "last", ALONE, kept_rows=6)
    curve = train(trainer, columns(triplets), kept, reports or Quiet())
    return {name: one.detach().clone() for name, one in trained(model).items()}, curve


def launch(root, script, *arguments, ranks=0, **environment):
    """Run a Python file, under torchrun if `ranks`; without the machine's own GPUs."""
    command = [sys.executable]
    if ranks:
        command += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    scripts = root / "workflow" / "scripts"
    names = {"PYTHONPATH": f"{scripts}:{root / 'tests'}", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [*command, str(script), *map(str, arguments)],
        env=os.environ | names | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
