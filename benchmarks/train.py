"""One step of contrastive fine-tuning, ours or the original's way, and its peak memory."""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
from stream import peak_mb
from torch import nn
from transformers import AutoModelForCausalLM

from sentscale.contrast import contrastive_loss
from sentscale.cut import tokenise_triplets
from sentscale.loading import in_four_bits
from sentscale.lora import load_trainable, put_lora, trained
from sentscale.prompts import Representation
from sentscale.ranks import joined_ranks
from sentscale.recipe import Recipe
from sentscale.training import Trainer
from sentscale.triplets import read_triplets

EOL = Representation('This sentence : "{text}" means in one word:"', "sentence", "last")
PADDED = 48  # tokens of a row in the original: the longest of a batch, up to a multiple of 8
RECIPE = Recipe(
    rows=None,
    most_tokens=32,
    clean_up_decoded=False,
    base="nf4",
    compute="fp32",
    rank=64,
    alpha=16,
    dropout=0.05,
    temperature=0.05,
    negatives="gathered",
    batch=24,
    chunk=24,
    loss_divisor=1,
    epochs=1,
    learning_rate=5e-4,
    warm_up=100,
    weight_decay=0,
    clip=1.0,
    seed=42,
    checkpoint_every=50,
)


def original(folder: Path, tokens: list[list[int]]) -> Callable[[], float]:
    """All rows at once, padded on the left, through the model with its vocabulary head.

    Without gradient checkpointing, which the original had on: a third more time.
    """
    four = in_four_bits(torch.float32)
    four.llm_int8_skip_modules = ["lm_head"]
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, quantization_config=four, device_map="cpu"
    )
    model = put_lora(model, RECIPE.rank, RECIPE.alpha, RECIPE.dropout).train()
    matrices = list(trained(model).values())
    optimiser = torch.optim.AdamW(matrices, lr=RECIPE.learning_rate)
    ids = torch.zeros(len(tokens), PADDED, dtype=torch.long)
    for row, one in enumerate(tokens):
        ids[row, PADDED - len(one) :] = torch.tensor(one)
    mask = torch.tensor([[0] * (PADDED - len(one)) + [1] * len(one) for one in tokens])

    def step() -> float:
        optimiser.zero_grad()
        found = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        loss = contrastive_loss(found.hidden_states[-1][:, -1], RECIPE.temperature)
        loss.backward()
        nn.utils.clip_grad_norm_(matrices, RECIPE.clip)
        optimiser.step()
        return loss.item()

    return step


def main() -> None:
    """Print one JSON object: seconds of the fastest step after the first, loss, peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--who", choices=["original", "ours", "gradcache"], required=True)
    parser.add_argument("--model", type=Path, required=True, help="safetensors folder")
    parser.add_argument("--triplets", type=Path, required=True, help="table of triplets")
    parser.add_argument("--threads", type=int, required=True, help="CPU threads")
    args = parser.parse_args()
    triplets = read_triplets(args.triplets)[: RECIPE.batch]
    columns = tokenise_triplets(triplets, EOL, args.model, RECIPE)
    tokens = [row for column in columns.values() for row in column]
    with joined_ranks(0, args.threads) as ranks:
        if args.who == "original":
            step = original(args.model, tokens)
        else:
            model = load_trainable(args.model, RECIPE, ranks.device, "kept")
            kept = len(tokens) if args.who == "ours" else 0
            trainer = Trainer(model, RECIPE, "last", ranks, kept)

            def step() -> float:
                return trainer.step(100, 1000, tokens)["loss"]

        seconds = []
        for _ in range(4):
            began = time.perf_counter()
            loss = step()
            seconds.append(time.perf_counter() - began)
    found = {"seconds": min(seconds[1:]), "loss": loss, "peak_mb": peak_mb()}
    print(json.dumps(found | {"tokens": sum(map(len, tokens)), "rows": len(tokens)}))


if __name__ == "__main__":
    main()
