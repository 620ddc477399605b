"""The training loop: from triplets to candidates of an adapter."""

import logging
import math
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import numpy as np
import pandas as pd
import torch
from peft import PeftModel
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from sentscale.checkpoints import Checkpoints, State
from sentscale.contrast import (
    Chunk,
    accumulate_gradient,
    contrastive_loss,
    embed_chunk,
    make_chunks,
)
from sentscale.loading import dtype_of
from sentscale.lora import trained
from sentscale.progress import Progress
from sentscale.prompts import Pooling
from sentscale.ranks import Ranks
from sentscale.recipe import Recipe

log = logging.getLogger(__name__)

# SLURM sends the first before it takes a job's machine away, and the second, if it is asked
# to, some minutes before the time is up.
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class StoppedError(Exception):
    """A signal asked to stop, and the state was saved."""

    def __init__(self, signum: int, step: int) -> None:
        super().__init__(
            f"stopped by {signal.Signals(signum).name}; step {step} is saved, run again to go on"
        )
        self.signum = signum


class Trainer:
    """LoRA's matrices, their optimiser, and the steps that they go through.

    Everything random has a seed that is made of the recipe's and the step's number, so
    nothing of it must be saved.
    """

    def __init__(
        self,
        model: PeftModel,
        recipe: Recipe,
        pooling: Pooling,
        ranks: Ranks,
        kept_rows: int,
    ) -> None:
        """Take a model that `put_lora` made.

        Raises:
            ValueError: The pooling is for models that attend to both sides.
        """
        if pooling not in ("last", "mean"):
            raise ValueError(f"pooling {pooling!r} is for models that attend to both sides")
        self.model, self.recipe, self.pooling = model, recipe, pooling
        self.ranks, self.kept_rows = ranks, kept_rows
        self.matrices = trained(model)
        self.optimiser = torch.optim.AdamW(
            self.matrices.values(), betas=(0.9, 0.999), eps=1e-8, weight_decay=recipe.weight_decay
        )
        gpu = ranks.device.type == "cuda"
        self.dtype = dtype_of(recipe.compute, gpu)
        self.scaler = torch.amp.GradScaler("cuda", enabled=recipe.compute == "fp16")
        self.scaler.scale(torch.zeros((), device=ranks.device))  # makes its numbers, else no step
        with torch.no_grad():
            probe = Chunk([0], torch.zeros(1, 1, dtype=torch.long), torch.ones(1).long(), 0)
            self.width = self.embed(probe).shape[1]

    def embed(self, chunk: Chunk) -> torch.Tensor:
        """Vectors of a chunk, shape `(b, d)`."""
        narrow = self.dtype != torch.float32
        with torch.autocast(self.ranks.device.type, self.dtype, enabled=narrow):
            return embed_chunk(self.model, chunk, self.pooling)

    def step(self, number: int, steps: int, tokens: Sequence[Sequence[int]]) -> dict[str, float]:
        """One step.

        Args:
            number: From 0.
            steps: Of the whole run.
            tokens: Of the batch's anchors, then its positives, then its negatives.

        Returns:
            loss, learning_rate and gradient_norm (before clipping) of the step.

        Raises:
            FloatingPointError: The loss or the gradient is not finite. Nothing has changed.
        """
        recipe, matrices = self.recipe, list(self.matrices.values())
        self.optimiser.zero_grad()
        loss = accumulate_gradient(
            make_chunks(tokens, recipe.chunk, recipe.seed, number),
            self.embed,
            lambda vectors: contrastive_loss(vectors, recipe.temperature),
            matrices,
            self.ranks,
            self.width,
            self.kept_rows,
            self.scaler.get_scale() / recipe.loss_divisor,
        )
        self.scaler.unscale_(self.optimiser)
        norm = nn.utils.clip_grad_norm_(matrices, recipe.clip).item()
        # The scaler leaves a step out whose gradient is not finite, and halves its scale.
        forgiven = self.scaler.is_enabled() and self.scaler.get_scale() >= 1
        if not math.isfinite(loss) or not (math.isfinite(norm) or forgiven):
            raise FloatingPointError(f"step {number + 1}: loss is {loss}, gradient norm {norm}")
        rate = recipe.rate(number, steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return {"loss": loss, "learning_rate": rate, "gradient_norm": norm}

    def state(self, step: int, curve: pd.DataFrame) -> State:
        """All that a checkpoint needs, on the CPU."""
        moments, updates = {}, 0.0
        for name, matrix in self.matrices.items():
            # Empty while the scaler has left out every step.
            kept = self.optimiser.state.get(matrix) or {}
            moments[f"mean.{name}"] = kept.get("exp_avg", torch.zeros_like(matrix)).cpu()
            moments[f"square.{name}"] = kept.get("exp_avg_sq", torch.zeros_like(matrix)).cpu()
            updates = float(kept.get("step", 0))
        adapter = {name: matrix.detach().cpu() for name, matrix in self.matrices.items()}
        counters = {"updates": updates, "scaler": self.scaler.state_dict()}
        return State(step, adapter, moments, counters, curve)

    def restore(self, state: State) -> None:
        """Go back to a checkpoint."""
        with torch.no_grad():
            for name, matrix in self.matrices.items():
                matrix.copy_(state.adapter[name])
                self.optimiser.state[matrix] = {
                    "step": torch.tensor(state.counters["updates"]),
                    "exp_avg": state.optimiser[f"mean.{name}"].to(matrix.device),
                    "exp_avg_sq": state.optimiser[f"square.{name}"].to(matrix.device),
                }
        self.scaler.load_state_dict(state.counters["scaler"])


class Reports:
    """What is told of a run while it is under way, by its first rank: progress, TensorBoard."""

    def __init__(self, what: str, steps: int, folder: Path, ranks: Ranks) -> None:
        """Tell of `steps` steps; TensorBoard's files go to `folder`."""
        self.first = ranks.rank == 0
        self.board: SummaryWriter | None = None
        self.what, self.steps, self.folder = what, steps, folder

    def __enter__(self) -> Self:
        if self.first:
            self.progress = Progress(self.what, self.steps, "steps")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.first:
            self.progress.__exit__(kind, error, trace)
            if self.board is not None:
                self.board.close()

    def skip(self, steps: int) -> None:
        """Begin behind the steps of an earlier run; what it told of later ones goes."""
        if self.first:
            self.progress.skip(steps)
            self.board = SummaryWriter(str(self.folder), purge_step=steps + 1)

    def add(self, row: Mapping[str, float]) -> None:
        """A step's row of the curve."""
        if self.first:
            self.progress.advance(1)
            for name in ("loss", "learning_rate", "gradient_norm", "tokens_per_second"):
                self.board.add_scalar(name, row[name], int(row["step"]))


def batches(triplets: int, recipe: Recipe) -> Iterator[list[int]]:
    """Triplets of each step: every epoch in an order of its own."""
    for epoch in range(recipe.epochs):
        order = np.random.default_rng([recipe.seed, epoch]).permutation(triplets)
        for start in range(0, triplets, recipe.batch):
            yield order[start : start + recipe.batch].tolist()


def train(
    trainer: Trainer,
    tokens: Mapping[str, Sequence[Sequence[int]]],
    checkpoints: Checkpoints,
    reports: Reports,
) -> pd.DataFrame:
    """Train, or go on from the newest good checkpoint.

    Args:
        trainer: At its beginning.
        tokens: Of each column of the triplets, `n` of each.
        checkpoints: Where they are kept.
        reports: Told of each step.

    Returns:
        The curve: step, epoch, triplets, tokens, loss, learning_rate, gradient_norm,
        seconds, tokens_per_second.

    Raises:
        StoppedError: A signal asked to stop; the step under way was finished and saved.
        FloatingPointError: See `Trainer.step`; names the last good checkpoint too.
        ValueError: There are fewer steps than `checkpoint_every`: no candidate.
    """
    recipe, ranks = trainer.recipe, trainer.ranks
    count = len(next(iter(tokens.values())))
    steps = recipe.steps(count)
    if steps < recipe.checkpoint_every:
        raise ValueError(
            f"{count} triplets make {steps} steps of {recipe.batch}; with checkpoint_every"
            f" {recipe.checkpoint_every} there would be no checkpoint to choose from"
        )
    done = ranks.largest(checkpoints.newest() if ranks.rank == 0 else 0)
    rows: list[dict[str, float]] = []
    if done:
        log.info("going on from the checkpoint of step %d", done)
        state = checkpoints.read(done)
        trainer.restore(state)
        rows = state.curve.to_dict("records")

    def save(step: int) -> None:
        if ranks.rank == 0:
            checkpoints.save(
                trainer.state(step, pd.DataFrame(rows)), trainer.model.peft_config["default"]
            )

    with reports, _listening() as asked:
        reports.skip(done)
        for number, batch in enumerate(batches(count, recipe)):
            if number < done:
                continue
            began = time.monotonic()
            parts = [column[row] for column in tokens.values() for row in batch]
            try:
                row = trainer.step(number, steps, parts)
            except FloatingPointError as error:
                kept = checkpoints.steps()
                where = f"the checkpoint of step {kept[-1]} is kept" if kept else "none is kept yet"
                raise FloatingPointError(f"{error}; {where}") from error
            seconds, length = time.monotonic() - began, sum(map(len, parts))
            about = {"step": number + 1, "epoch": (number + 1) * recipe.epochs / steps}
            about |= {"triplets": len(batch), "tokens": length}
            about |= row | {"seconds": seconds, "tokens_per_second": length / seconds}
            rows.append(about)
            reports.add(about)
            signum = ranks.largest(asked[-1] if asked else 0)
            if signum or not (number + 1) % recipe.checkpoint_every or number + 1 == steps:
                save(number + 1)
            ranks.largest(0)  # all wait until it is saved
            if signum and number + 1 < steps:
                stopped = StoppedError(signum, number + 1)
                log.warning("%s", stopped)
                raise stopped
    return pd.DataFrame(rows)


@contextmanager
def _listening() -> Iterator[list[int]]:
    """The signals that came, in place of what they would do."""
    came: list[int] = []

    def take(signum: int, frame: FrameType | None) -> None:
        came.append(signum)

    before = {signum: signal.signal(signum, take) for signum in SIGNALS}
    try:
        yield came
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
