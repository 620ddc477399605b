"""SentEval's way to a transfer score: its classifier, its search of the L2, its roundings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from sentscale.classifier import Fit, Fitted, Training, predict, train_all
from sentscale.transfer import Outcome, Problem, Splits


@dataclass(frozen=True)
class SentEval:
    """Section `transfer.senteval` of config.yaml.

    Attributes:
        folds: Of a nested design.
        inner_folds: Of the search.
        seed: Of folds, weights and orders.
        l2: Values to choose from.
        validation: Share of the training rows that stop the tested classifier early.
        batch, learning_rate, passes, most_passes, tenacity: See `Training`.
    """

    suffix: ClassVar[str] = ""  # of the metrics' names

    folds: int
    inner_folds: int
    seed: int
    l2: list[float]
    validation: float
    batch: int
    learning_rate: float
    passes: int
    most_passes: int
    tenacity: int

    @property
    def training(self) -> Training:
        """How each classifier is trained."""
        names = ("batch", "learning_rate", "passes", "most_passes", "tenacity", "seed")
        return Training(**{name: getattr(self, name) for name in names})

    @property
    def splits(self) -> Splits:
        """How rows are split."""
        return Splits(self.folds, self.inner_folds, self.seed)

    def count(self, problems: Sequence[Problem]) -> int:
        """Number of classifiers that are trained."""
        return sum(len(self.l2) * len(one.folds) + one.refits for one in problems)

    def solve(
        self,
        x: torch.Tensor,
        y: torch.Tensor,
        problems: Sequence[Problem],
        workers: int,
        advance: Callable[[int], None] = lambda classifiers: None,
    ) -> list[Outcome]:
        """Choose the L2 of each problem, train and predict.

        Args:
            x: Features, shape `(n, d)`, on the device that computes; float32 as
                SentEval has them, or float64.
            y: Classes from 0, shape `(n,)`, there too.
            problems: Test sets with their folds.
            workers: Threads.
            advance: Called with numbers of classifiers as they are done.

        Raises:
            ValueError: There are too few rows to stop a training early.
        """

        def train(fits: list[Fit]) -> list[Fitted]:
            return train_all(x, y, fits, self.training, workers=workers, advance=advance)

        fits = [Fit(*fold, tuple(self.l2)) for one in problems for fold in one.folds]
        found = train(fits)
        chosen, searches, last = [], [], {}
        for number, problem in enumerate(problems):
            own = [found.pop(0) for _ in problem.folds]
            searched = self._accuracies(own, problem)
            best = int(np.argmax(searched))  # of equals, the first
            chosen.append(self.l2[best])
            searches.append(dict(zip(self.l2, searched, strict=True)))
            if not problem.refits:
                last[number] = own[0].weights[best]
        again = [number for number, problem in enumerate(problems) if problem.refits]
        refits = [self._refit(problems[number], chosen[number]) for number in again]
        for number, one in zip(again, train(refits) if refits else [], strict=True):
            last[number] = one.weights[0]
        return [
            Outcome(
                predict(last[number], x[problem.test]).cpu().numpy(),
                chosen[number],
                searches[number],
            )
            for number, problem in enumerate(problems)
        ]

    def _accuracies(self, fitted: Sequence[Fitted], problem: Problem) -> list[float]:
        """Mean accuracy x 100 of each L2 over the folds, rounded to 2 decimals."""
        held = np.array([[len(validation)] for _, validation in problem.folds])
        shares = np.array([one.correct for one in fitted]) / held  # (folds, r)
        return [float(np.round(100 * np.mean(share), 2)) for share in shares.T]

    def _refit(self, problem: Problem, l2: float) -> Fit:
        """The classifier that is tested: part of its rows, drawn first, stops it early."""
        train = problem.train
        order = np.random.RandomState(self.seed).permutation(len(train))
        held = int(self.validation * len(train))
        if not held:
            raise ValueError(
                f"task {problem.task}: {len(train)} rows to train on; {self.validation} of them"
                " is less than one, too few to stop the training early"
            )
        return Fit(train[order[held:]], train[order[:held]], (l2,), drawn=len(train))
