import numpy as np
import pytest
from scipy import stats

from sentscale.encoder import Compute
from sentscale.loading import load_encoder
from sentscale.pairs import Pair
from sentscale.prompts import Representation
from sentscale.search import development_score

EOL = Representation('This sentence : "{text}" means in one word:"', "sentence", "last")


@pytest.fixture(scope="module")
def encoder(tiny_model):
    return load_encoder(tiny_model("opt"), "fp32", Compute("fast", "resident", 1, 0, 256, 8))


def task(texts, golds):
    pairs = zip(texts[::2], texts[1::2], golds, strict=True)
    return [Pair(f"s:{i}", "s", left, right, gold) for i, (left, right, gold) in enumerate(pairs)]


def test_the_score_is_the_mean_of_the_tasks_spearman(encoder):
    texts = ["a cat", "a dog?", "it rains", "the sun", "a cat", "snow", "one", "two", "x", "a cat"]
    tasks = [task(texts[:6], [3.0, 1.0, 2.0]), task(texts[2:], [1.0, 4.0, 0.0, 2.0])]
    rhos = []
    for pairs in tasks:
        a, b = (
            encoder.encode([EOL.prompt(getattr(p, side)) for p in pairs], "last")
            for side in ("left", "right")
        )
        cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        rhos.append(stats.spearmanr(cosine, [p.gold for p in pairs]).statistic)
    assert development_score(encoder, EOL, tasks) == pytest.approx(100 * np.mean(rhos))


def test_an_undefined_score_is_an_error(encoder):
    # Every pair is the same, so the cosines are constant and there is no rank to correlate.
    with pytest.raises(ValueError, match="constant"):
        development_score(encoder, EOL, [task(["a", "b"] * 3, [1.0, 2.0, 3.0])])
