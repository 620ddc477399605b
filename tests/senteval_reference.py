"""The transfer protocol, literally: one classifier after the other, from its description.

docs/protocol.md, section 4. Slow on purpose: what the library computes many at a
time is compared with this, and the benchmark measures how much faster it is.
"""

import copy

import numpy as np
import torch
from sklearn.model_selection import StratifiedKFold
from torch import nn

L2 = [1e-5, 1e-4, 1e-3, 1e-2]
SEED, BATCH, PASSES, MOST_PASSES, TENACITY, VALIDATION = 1111, 64, 4, 200, 5, 0.05


class Classifier:
    """One linear layer, trained anew by every `fit`."""

    def __init__(self, classes, l2):
        self.classes, self.l2 = classes, l2

    def fit(self, x, y, validation=None):
        """`validation` is (x, y); without it 5 % of the rows are held out."""
        np.random.seed(SEED)
        torch.manual_seed(SEED)
        self.layer = nn.Linear(x.shape[1], self.classes).to(x.dtype)
        if validation is None:
            order = np.random.permutation(len(x))
            held = int(VALIDATION * len(x))
            validation = x[order[:held]], y[order[:held]]
            x, y = x[order[held:]], y[order[held:]]
        loss = nn.CrossEntropyLoss()
        adam = torch.optim.Adam(self.layer.parameters(), lr=1e-3, weight_decay=self.l2)
        best, best_layer, failed, done, last = -1.0, None, 0, 0, False
        while not last and done <= MOST_PASSES:
            for _ in range(PASSES):
                order = np.random.permutation(len(x))
                for start in range(0, len(x), BATCH):
                    rows = torch.from_numpy(order[start : start + BATCH])
                    adam.zero_grad()
                    loss(self.layer(x[rows]), y[rows]).backward()
                    adam.step()
            done += PASSES
            accuracy = self.score(*validation)
            if accuracy > best:
                best, best_layer = accuracy, copy.deepcopy(self.layer)
            else:
                last = failed >= TENACITY
                failed += 1
        self.layer = best_layer
        return self

    @torch.no_grad()
    def predict(self, x):
        return self.layer(x).argmax(1)

    def score(self, x, y):
        return (self.predict(x) == y).sum().item() / len(y)


def folds_of(y, folds):
    splitter = StratifiedKFold(folds, shuffle=True, random_state=SEED)
    return [
        (torch.from_numpy(train), torch.from_numpy(held))
        for train, held in splitter.split(np.zeros(len(y)), y.numpy())
    ]


def search(x, y, folds, classes):
    """Mean accuracy x 100 over the folds for each L2, rounded."""
    found = []
    for l2 in L2:
        scores = []
        for train, held in folds_of(y, folds):
            one = Classifier(classes, l2).fit(x[train], y[train], (x[held], y[held]))
            scores.append(one.score(x[held], y[held]))
        found.append(round(100 * np.mean(scores), 2))
    return found


def one_test_set(x, y, test_x, test_y, folds, classes):
    """(accuracy, L2, search): search on train, refit on train, test."""
    searched = search(x, y, folds, classes)
    l2 = L2[int(np.argmax(searched))]
    accuracy = Classifier(classes, l2).fit(x, y).score(test_x, test_y)
    return round(100 * accuracy, 2), l2, searched


def nested(x, y, folds, classes, most=None):
    """`one_test_set` of each outer fold; of the first `most` of them."""
    return [
        one_test_set(x[train], y[train], x[held], y[held], folds, classes)
        for train, held in folds_of(y, folds)[:most]
    ]


def with_dev(x, y, dev, test, classes):
    """(accuracy, L2, search) where a dev set chooses the L2 and stops the fit."""
    searched = []
    for l2 in L2:
        one = Classifier(classes, l2).fit(x, y, dev)
        searched.append(round(100 * one.score(*dev), 2))
    l2 = L2[int(np.argmax(searched))]
    one = Classifier(classes, l2).fit(x, y, dev)
    return round(100 * one.score(*test), 2), l2, searched
