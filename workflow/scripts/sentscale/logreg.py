"""A modern, deterministic figure for transfer tasks: logistic regression by scikit-learn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sentscale.transfer import Outcome, Problem, Splits


@dataclass(frozen=True)
class LogReg(Splits):
    """Section `transfer.logreg` of config.yaml.

    Attributes:
        c: Values to choose from: scikit-learn's C, the inverse of the L2.
        most_steps: Of the solver; scikit-learn warns where they are too few.
    """

    suffix: ClassVar[str] = "_logreg"  # of the metrics' names

    c: list[float]
    most_steps: int

    def count(self, problems: Sequence[Problem]) -> int:
        """Number of classifiers that are trained."""
        return sum(len(self.c) * len(one.folds) + 1 for one in problems)

    def solve(
        self,
        x: torch.Tensor,
        y: torch.Tensor,
        problems: Sequence[Problem],
        workers: int,
        advance: Callable[[int], None] = lambda classifiers: None,
    ) -> list[Outcome]:
        """Choose C for each problem by cross-validation, train on all of train, predict.

        Features are standardised on the rows that a classifier is trained on.

        Args:
            x: Features, shape `(n, d)`; scikit-learn computes on the CPU.
            y: Classes from 0, shape `(n,)`.
            problems: Test sets with their folds.
            workers: Processes of the search.
            advance: Called with numbers of classifiers as they are done.
        """
        data, classes = x.cpu().numpy(), y.cpu().numpy()
        outcomes = []
        for problem in problems:
            model = Pipeline(
                [
                    ("scale", StandardScaler()),
                    ("classify", LogisticRegression(max_iter=self.most_steps)),
                ]
            )
            grid = {"classify__C": self.c}
            search = GridSearchCV(model, grid, cv=problem.folds, refit=False, n_jobs=workers)
            search.fit(data, classes)
            chosen = search.best_params_["classify__C"]
            model.set_params(classify__C=chosen).fit(data[problem.train], classes[problem.train])
            shares = search.cv_results_["mean_test_score"]
            searched = {c: float(100 * share) for c, share in zip(self.c, shares, strict=True)}
            outcomes.append(Outcome(model.predict(data[problem.test]), chosen, searched))
            advance(len(self.c) * len(problem.folds) + 1)
        return outcomes
