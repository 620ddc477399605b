"""What decides a trained adapter: the recipe in config.yaml, and the schedule it means."""

from dataclasses import dataclass
from typing import Literal

from sentscale.encoder import Precision


@dataclass(frozen=True)
class Recipe:
    """Settings of contrastive fine-tuning; every one may change the adapter.

    Attributes:
        rows: Triplets to draw from the training set; None takes all.
        most_tokens: Sentences are cut to so many tokens.
        clean_up_decoded: Whether a cut sentence is decoded as transformers 4 did for OPT.
        base: Precision of the frozen weights.
        compute: Type of the products.
        rank: Of LoRA's matrices.
        alpha: Numerator of LoRA's factor alpha / rank.
        dropout: In front of LoRA's matrices.
        temperature: Cosines are divided by it.
        negatives: "gathered": those of the whole global batch. The only kind.
        batch: Triplets of a step, over all ranks.
        chunk: Prompts computed at once. With dropout each chunk has masks of its own.
        loss_divisor: The gradient is divided by it.
        epochs: Passes over the triplets.
        learning_rate: The highest, after the warm-up.
        warm_up: Steps of the linear rise.
        weight_decay: Of AdamW.
        clip: Largest norm of a gradient.
        seed: Of order, first weights and dropout.
        checkpoint_every: Steps between two candidates.
    """

    rows: int | None
    most_tokens: int
    clean_up_decoded: bool
    base: Precision
    compute: Literal["fp32", "bf16", "fp16"]
    rank: int
    alpha: int
    dropout: float
    temperature: float
    negatives: Literal["gathered"]
    batch: int
    chunk: int
    loss_divisor: float
    epochs: int
    learning_rate: float
    warm_up: int
    weight_decay: float
    clip: float
    seed: int
    checkpoint_every: int

    def steps(self, triplets: int) -> int:
        """Steps of all epochs; the last one of an epoch may have fewer triplets."""
        return self.epochs * -(-triplets // self.batch)

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of a step, from 0: a linear rise, then a linear fall to 0.

        As transformers' `get_linear_schedule_with_warmup`: the first step's rate is 0.
        """
        if step < self.warm_up:
            return self.learning_rate * step / self.warm_up
        return self.learning_rate * max(0, steps - step) / max(1, steps - self.warm_up)
