"""How an encoder's vectors lie: all of unit length, because a score is made from cosines."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.floating]

# Pairs with a higher score, of 0 to 5, mean the same: as SimCSE (Gao et al. 2021) has it.
ALIKE = 4.0
# Rows handled at once: bounds the memory whatever the number of sentences.
ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Geometry:
    """What is told of an encoder's vectors.

    Attributes:
        mean_cosine: Of all pairs of distinct rows: anisotropy. 0 if they point everywhere.
        effective_rank: exp of the entropy of the singular values (Roy and Vetterli 2007),
            of centred vectors: between 1 and the number of dimensions.
        first_component: Share of the variance on the first principal component.
        uniformity: log of the mean of exp(-2 d^2) over pairs of distinct rows (Wang and
            Isola 2020); the lower, the more evenly spread.
        spectrum: Share of the variance on each principal component, the largest first.
    """

    mean_cosine: float
    effective_rank: float
    first_component: float
    uniformity: float
    spectrum: list[float]


def geometry(vectors: Vectors, sentences: int, seed: int) -> Geometry:
    """Measure a suite's vectors.

    `mean_cosine` is of all of them. All else is of a sample of the sentences, the same for every
    encoder, with all pairs in it.

    Args:
        vectors: Shape `(n, d)`; may be mapped from a file.
        sentences: Sample size; the effective rank is below it.
        seed: Of the sample.

    Raises:
        ValueError: A vector is not finite or has length zero; there are fewer than two;
            or all are the same.
    """
    if len(vectors) < 2:
        raise ValueError(f"{len(vectors)} vectors have no geometry")
    rng = np.random.default_rng(seed)
    count = min(sentences, len(vectors))
    rows = np.sort(rng.choice(len(vectors), size=count, replace=False))
    sample = unit(vectors[rows], rows)
    variances = component_variances(sample)
    shares = variances / variances.sum()
    return Geometry(
        mean_cosine=mean_cosine(vectors),
        effective_rank=effective_rank(np.sqrt(variances)),
        first_component=float(shares[0]),
        uniformity=uniformity(sample),
        spectrum=[float(f"{share:.6g}") for share in shares],
    )


def unit(vectors: Vectors, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Vectors of length one.

    Raises:
        ValueError: A vector is not finite or has length zero. Names its row.
    """
    vectors = vectors.astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    bad = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if bad.size:
        raise ValueError(f"vector {rows[bad[0]]} is not finite or has length zero")
    return vectors / lengths


def mean_cosine(vectors: Vectors) -> float:
    """Mean cosine of all pairs of distinct rows, without forming one of them.

    The squared length of the sum of n unit vectors is the sum of all n^2 cosines, n of
    which are those of a vector with itself.
    """
    n, total = len(vectors), np.zeros(vectors.shape[1])
    for start in range(0, n, ROWS_AT_ONCE):
        rows = np.arange(start, min(n, start + ROWS_AT_ONCE))
        total += unit(vectors[rows], rows).sum(axis=0)
    return float((total @ total - n) / (n * (n - 1)))


def component_variances(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variance on each principal component of the centred vectors, the largest first.

    Raises:
        ValueError: All vectors are the same.
    """
    centred = vectors - vectors.mean(axis=0)
    n, d = centred.shape
    products = centred.T @ centred if d < n else centred @ centred.T  # the smaller has the same
    found = np.linalg.eigvalsh(products)[::-1][: min(n - 1, d)]
    if not found[0] > np.finfo(float).eps * n:
        raise ValueError(f"all {n} vectors are the same: there are no directions to tell apart")
    return np.maximum(found, 0) / n


def effective_rank(singular_values: NDArray[np.float64]) -> float:
    """The exponential of the entropy of the singular values, taken as shares of their sum."""
    shares = singular_values / singular_values.sum()
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def uniformity(vectors: NDArray[np.float64]) -> float:
    """The logarithm of the mean of exp(-2 d^2) over all pairs of distinct unit vectors."""
    n, total = len(vectors), 0.0
    for start in range(0, n, ROWS_AT_ONCE):
        block = vectors[start : start + ROWS_AT_ONCE]
        squared = np.maximum(2 - 2 * block @ vectors.T, 0)  # |a - b|^2 of unit vectors
        total += np.exp(-2 * squared).sum()
    # A vector is at distance 0 from itself: exp(0), n times.
    return float(np.log((total - n) / (n * (n - 1))))


def alignment(cosines: NDArray[np.floating], gold: NDArray[np.floating]) -> float | None:
    """Mean squared distance of unit vectors of pairs that people call alike; None without any.

    Args:
        cosines: Of each pair, shape `(n,)`.
        gold: Human scores from 0 to 5, shape `(n,)`.
    """
    alike = gold > ALIKE
    return float((2 - 2 * cosines[alike]).mean()) if alike.any() else None
