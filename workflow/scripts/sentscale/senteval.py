"""SentEval's way to a transfer score: its classifier, its search of the L2, its roundings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from sentscale.classifier import Fit, Fitted, Training, predict, train_all
from sentscale.transfer import Outcome, Problem, Splits


@dataclass(frozen=True)
class SentEval(Splits):
    """Section `transfer.senteval` of config.yaml.

    Attributes:
        l2: Values to choose from.
        validation: Share of the training rows that stop the tested classifier early.
        batch, learning_rate, passes, most_passes, tenacity: See `Training`.
    """

    suffix: ClassVar[str] = ""  # of the metrics' names

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

    def count(self, problems: Sequence[Problem]) -> int:
        """Number of classifiers that are trained."""
        return sum(len(self.l2) * len(one.folds) + 1 for one in problems)

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

        found = iter(train([Fit(*fold, tuple(self.l2)) for one in problems for fold in one.folds]))
        searches = [
            self._accuracies([next(found) for _ in problem.folds], problem) for problem in problems
        ]
        chosen = [self.l2[int(np.argmax(search))] for search in searches]  # of equals, the first
        tested = train([self._refit(*one) for one in zip(problems, chosen, strict=True)])
        return [
            Outcome(
                predict(one.weights[0], x[problem.test]).cpu().numpy(),
                l2,
                dict(zip(self.l2, search, strict=True)),
            )
            for problem, search, l2, one in zip(problems, searches, chosen, tested, strict=True)
        ]

    def _accuracies(self, fitted: Sequence[Fitted], problem: Problem) -> list[float]:
        """Mean accuracy x 100 of each L2 over the folds, rounded to 2 decimals."""
        held = np.array([[len(validation)] for _, validation in problem.folds])
        shares = np.array([one.correct for one in fitted]) / held  # (folds, r)
        return [float(np.round(100 * np.mean(share), 2)) for share in shares.T]

    def _refit(self, problem: Problem, l2: float) -> Fit:
        """The classifier that is tested; without a dev set, rows drawn first stop it early."""
        train = problem.train
        if problem.dev is not None:
            return Fit(train, problem.dev, (l2,))
        order = np.random.RandomState(self.seed).permutation(len(train))
        held = int(self.validation * len(train))
        if not held:
            raise ValueError(
                f"task {problem.task}: {len(train)} rows to train on; {self.validation} of them"
                " is less than one, too few to stop the training early"
            )
        return Fit(train[order[held:]], train[order[:held]], (l2,), drawn=len(train))
