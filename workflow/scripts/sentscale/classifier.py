"""SentEval's classifier: one linear layer, Adam, early stopping; many fits at once.

All fits of a task start from the same weights and differ in their rows and their
L2. Those that take the same number of steps are stacked: one batched product per
step, and the values of L2 on the same rows share the rows' look-up.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

# Rows looked up by one step of a stack, in bytes: a core's cache; on a GPU, all fits at once.
STACK_BYTES = {"cpu": 2 << 20, "cuda": 1 << 30}
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # of Adam; torch's defaults
# The bias is the weight of a feature that is 1; rows are filled up to a multiple of this.
ALIGN = 16

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Training:
    """How a classifier is trained: part of `transfer.senteval` in config.yaml.

    Attributes:
        batch: Rows in a step; the last one of a pass may have fewer.
        learning_rate: Of Adam.
        passes: Over the rows, in a round.
        most_passes: A round starts while no more than these are done.
        tenacity: Rounds without improvement that are forgiven.
        seed: Of the weights and of the order of rows, the same for every fit.
    """

    batch: int
    learning_rate: float
    passes: int
    most_passes: int
    tenacity: int
    seed: int


@dataclass(frozen=True)
class Fit:
    """One training set, for several values of L2.

    Attributes:
        train: Rows, in the order that permutations refer to.
        validation: Rows of early stopping.
        l2: Values of weight decay, `r` of them.
        drawn: Length of a permutation that was drawn before training; 0 for none.
    """

    train: Rows
    validation: Rows
    l2: tuple[float, ...]
    drawn: int = 0


@dataclass(frozen=True)
class Fitted:
    """What came of a fit, for each value of L2.

    Attributes:
        weights: Best weights, the bias behind them, shape `(r, c, d + 1)`.
        correct: Validation rows that they get right, shape `(r,)`.
        rounds: Rounds that were trained, shape `(r,)`.
    """

    weights: torch.Tensor
    correct: NDArray[np.intp]
    rounds: NDArray[np.intp]


def train_all(
    x: torch.Tensor,
    y: torch.Tensor,
    fits: Sequence[Fit],
    training: Training,
    *,
    workers: int,
    advance: Callable[[int], None] = lambda classifiers: None,
) -> list[Fitted]:
    """Train every fit; how many at a time changes nothing.

    Args:
        x: Features, shape `(n, d)`, on any device, float32 or float64.
        y: Classes from 0 to `c - 1`, shape `(n,)`, on the same device.
        fits: Training sets.
        training: How.
        workers: Stacks that are trained at the same time, a thread each.
        advance: Called with the number of classifiers of each stack that is done.
    """
    start = initial_weights(x.shape[1], int(y.max()) + 1, training.seed)
    wide = with_bias(x)
    most = max(1, STACK_BYTES[x.device.type] // (training.batch * wide[0].nbytes))
    stacks = list(stack_up(fits, training.batch, most, workers))

    def train(numbers: list[int]) -> list[Fitted]:
        done = Stack(wide, y, [fits[number] for number in numbers], training, start).train()
        advance(sum(len(one.correct) for one in done))
        return done

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(workers) as pool:
            done = [one for some in pool.map(train, stacks) for one in some]
    finally:
        torch.set_num_threads(threads)
    places = {number: place for place, number in enumerate(n for some in stacks for n in some)}
    return [done[places[number]] for number in range(len(fits))]


def stack_up(fits: Sequence[Fit], batch: int, most: int, workers: int) -> Iterator[list[int]]:
    """Numbers of the fits that are trained together: as many steps in a pass, as many L2.

    At most `most` of them, and so few that every worker has a stack.
    """
    kinds: dict[tuple[int, int], list[int]] = {}
    for number, fit in enumerate(fits):
        kinds.setdefault((-(-len(fit.train) // batch), len(fit.l2)), []).append(number)
    for numbers in kinds.values():
        size = min(most, -(-len(numbers) // workers))
        for first in range(0, len(numbers), size):
            yield numbers[first : first + size]


def initial_weights(d: int, classes: int, seed: int) -> torch.Tensor:
    """Initialise a linear layer as torch does, the bias behind it: `(c, d + 1)`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = nn.Linear(d, classes)
    return torch.cat([layer.weight, layer.bias[:, None]], dim=1).detach()


def with_bias(x: torch.Tensor) -> torch.Tensor:
    """Append the feature 1 and zeros: `(n, d)` -> `(n, w)`, `w` a multiple of `ALIGN`."""
    n, d = x.shape
    wide = x.new_zeros(n, -(-(d + 1) // ALIGN) * ALIGN)
    wide[:, :d] = x
    wide[:, d] = 1
    return wide


def permutations(n: int, drawn: int, seed: int) -> Iterator[Rows]:
    """Orders of the rows, pass by pass, as `numpy.random.seed` and `permutation` give them."""
    generator = np.random.RandomState(seed)
    if drawn:
        generator.permutation(drawn)
    while True:
        yield generator.permutation(n)


def predict(weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Classes of rows `(n, d)` from weights `(c, d + 1)`: shape `(n,)`."""
    return torch.addmm(weights[:, -1], x, weights[:, :-1].mT).argmax(-1)


class Stack:
    """Fits that take their steps together.

    Sizes: `b` fits, `r` values of L2, `c` classes, `w` features with the bias and zeros.
    """

    def __init__(
        self,
        x: torch.Tensor,
        y: torch.Tensor,
        fits: Sequence[Fit],
        training: Training,
        start: torch.Tensor,
    ) -> None:
        self.x, self.y, self.fits, self.training = x, y, list(fits), training
        self.c, self.width = start.shape
        self.r = len(fits[0].l2)
        start = nn.functional.pad(start, (0, x.shape[1] - self.width)).to(x)
        # (b, c * r, w): with classes outside, a softmax over them runs along whole rows.
        self.weights = start.repeat_interleave(self.r, 0).repeat(len(fits), 1, 1)
        self.moments = [torch.zeros_like(self.weights) for _ in range(2)]
        self.l2 = x.new_tensor([fit.l2 for fit in fits])[..., None].repeat(1, self.c, 1)
        self.onehot = nn.functional.one_hot(y, self.c).to(x).T.contiguous()  # (c, n)
        self.orders = {
            kind: permutations(*kind, training.seed)
            for kind in {(len(fit.train), fit.drawn) for fit in fits}
        }
        self.step = 0

    def train(self) -> list[Fitted]:
        """Rounds until every fit has stopped (docs/protocol.md, section 4)."""
        shape = len(self.fits), self.r
        best, weights = np.full(shape, -1), self._apart().clone()
        failed, rounds = np.zeros(shape, int), np.zeros(shape, int)
        running, alive = np.ones(shape, bool), np.arange(shape[0])
        for _ in range(0, self.training.most_passes + 1, self.training.passes):
            for _ in range(self.training.passes):
                self._pass()
            correct = self._correct()
            going = running[alive]
            better = going & (correct > best[alive])
            best[alive] = np.where(better, correct, best[alive])
            rows, columns = better.nonzero()
            weights[alive[rows], columns] = self._apart()[rows, columns]
            rounds[alive] += going
            failed[alive] += going & ~better
            running[alive] &= failed[alive] <= self.training.tenacity
            kept = running[alive].any(1)
            if not kept.any():
                break
            if not kept.all():
                self._keep(kept.nonzero()[0])
                alive = alive[kept]
        return [Fitted(*one) for one in zip(weights[..., : self.width], best, rounds, strict=True)]

    def _pass(self) -> None:
        """One pass over each fit's rows, in a fresh order."""
        batch = self.training.batch
        drawn = {kind: next(order) for kind, order in self.orders.items()}
        steps = -(-len(self.fits[0].train) // batch)
        order = np.zeros((len(self.fits), steps * batch), np.int64)
        share = np.zeros(order.shape)  # of a row in its step's mean loss; 0 behind the last row
        for place, fit in enumerate(self.fits):
            n = len(fit.train)
            order[place, :n] = fit.train[drawn[n, fit.drawn]]
            share[place, :n] = 1 / batch
            share[place, (steps - 1) * batch : n] = 1 / (n - (steps - 1) * batch)
        rows = torch.from_numpy(order).unflatten(1, (steps, batch)).transpose(0, 1).contiguous()
        shares = torch.from_numpy(share).unflatten(1, (steps, batch)).transpose(0, 1).contiguous()
        rows, shares = rows.to(self.x.device), shares.to(self.x)[:, :, None, None]
        for step in range(steps):
            self._descend(rows[step], shares[step])

    def _descend(self, rows: torch.Tensor, shares: torch.Tensor) -> None:
        """One step of Adam on the cross-entropy of `rows`, `(b, batch)`."""
        flat = rows.flatten()
        x = self.x.index_select(0, flat).unflatten(0, rows.shape)  # (b, batch, w)
        wanted = self.onehot.index_select(1, flat).unflatten(1, rows.shape).transpose(0, 1)
        guess = (self.weights @ x.mT).unflatten(1, (self.c, self.r)).softmax(1)
        error = guess.sub_(wanted[:, :, None]).mul_(shares).flatten(1, 2)  # (b, c * r, batch)
        gradient = (error @ x).addcmul_(self.weights, self.l2)
        self.step += 1
        first, second = self.moments
        first.lerp_(gradient, 1 - BETA_1)
        second.mul_(BETA_2).addcmul_(gradient, gradient, value=1 - BETA_2)
        scale = second.sqrt().div_((1 - BETA_2**self.step) ** 0.5).add_(EPSILON)
        rate = self.training.learning_rate / (1 - BETA_1**self.step)
        self.weights.addcdiv_(first, scale, value=-rate)

    def _apart(self) -> torch.Tensor:
        """Weights by fit and L2: `(b, r, c, w)`."""
        return self.weights.unflatten(1, (self.c, self.r)).transpose(1, 2)

    def _correct(self) -> Rows:
        """Validation rows that each classifier gets right, shape `(b, r)`."""
        found = []
        for weights, fit in zip(self.weights, self.fits, strict=True):
            rows = torch.from_numpy(fit.validation).to(self.x.device)
            logits = (weights @ self.x[rows].mT).unflatten(0, (self.c, self.r))
            found.append((logits.argmax(0) == self.y[rows]).sum(-1))
        return torch.stack(found).cpu().numpy()

    def _keep(self, places: Rows) -> None:
        """Drop the fits that have stopped."""
        self.fits = [self.fits[place] for place in places]
        self.weights, self.l2, *self.moments = (
            one[torch.from_numpy(places).to(one.device)]
            for one in (self.weights, self.l2, *self.moments)
        )
