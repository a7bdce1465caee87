"""Is the level left and right of a place the same? Rank tests, exact in their tails, aware of correlated noise."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

__all__ = ["correlation", "inflation", "level_test", "shift_interval"]

# Up to here the tail of the Mann-Whitney distribution is counted: a normal tail cannot tell a complete separation of
# 4 and 60 values (p = 3e-6) from a chance (p = 5e-4).
EXACT_SHORT, EXACT_LONG = 25, 100
# Correlation above this leaves less than a tenth of the values as evidence; estimates of it are no better than that.
MOST_CORRELATION = 0.9
# Residuals are clipped here, in robust standard deviations: one spike must not decide what the noise is like.
_CLIP = 3.0
_MAD_TO_SD = 1.4826
# Pairs of values whose differences give the shift: enough for its quantiles, and bounded memory.
_MOST_VALUES = 300
_STANDARD = NormalDist()


def level_test(left: FloatArray, right: FloatArray, spread: float = 1.0) -> float:
    """Return the two-sided p-value of "both sides have one level": Mann-Whitney, ties at their mean rank.

    Parameters
    ----------
    left, right : ndarray of float64, (n,) and (m,)
        Values in their order; the ones nearest to the place between them count where one side is short.
    spread : float
        What correlation multiplies the variance of a mean by (`inflation`); 1 for independent values.
    """
    if min(left.size, right.size) <= EXACT_SHORT:
        left, right = left[-EXACT_LONG:], right[:EXACT_LONG]
    n, m = left.size, right.size
    ordered = np.sort(right)
    below = np.searchsorted(ordered, left, side="left")
    above = np.searchsorted(ordered, left, side="right")
    u = float((below + above).sum()) / 2.0
    least = min(u, n * m - u)
    if min(n, m) <= EXACT_SHORT:
        tail = _tail(min(n, m), max(n, m))
        p = min(1.0, 2.0 * float(tail[min(math.ceil(least), tail.size - 1)]))
        return p if spread <= 1.0 else _deflated(p, spread)
    _, ties = np.unique(np.concatenate([left, right]), return_counts=True)
    total = n + m
    variance = n * m / 12.0 * (total + 1 - float((ties.astype(float) ** 3 - ties).sum()) / (total * (total - 1)))
    if variance <= 0.0:
        return 1.0
    z = max(0.0, n * m / 2.0 - least - 0.5) / math.sqrt(variance * max(1.0, spread))
    return math.erfc(z / math.sqrt(2.0))


def correlation(y: FloatArray, starts: Sequence[int]) -> float:
    """Return the correlation of neighbouring values about their levels, at least 0.

    From the residuals, clipped so that no spike decides; pairs on both sides of a change do not count.
    """
    bounds = [0, *starts, y.size]
    residuals = np.concatenate([y[a:b] - np.median(y[a:b]) for a, b in pairwise(bounds)])
    width = _CLIP * _MAD_TO_SD * float(np.median(np.abs(residuals)))
    if width <= 0.0:
        return 0.0
    clipped = np.clip(residuals / width, -1.0, 1.0)
    inner = np.ones(y.size - 1, dtype=bool)
    inner[[start - 1 for start in starts]] = False
    products = (clipped[:-1] * clipped[1:])[inner]
    found = float(products.mean() / (clipped**2).mean()) if products.size else 0.0
    # Each level that is estimated takes 1/n off the expected correlation (Kendall 1954).
    return min(MOST_CORRELATION, max(0.0, found + len(bounds) / y.size))


def inflation(rho: float) -> float:
    """Return what first-order autocorrelation ``rho`` multiplies the variance of a mean by."""
    return (1.0 + rho) / (1.0 - rho)


def shift_interval(left: FloatArray, right: FloatArray, spread: float, confidence: float) -> tuple[float, float, float]:
    """Return the shift from ``left`` to ``right`` and its interval: Hodges-Lehmann, from all pairwise differences.

    Source: Lehmann 1975, "Nonparametrics", section 2.4; ``spread`` as in `level_test`.
    """
    left, right = left[-_MOST_VALUES:], right[:_MOST_VALUES]
    n, m = left.size, right.size
    differences = np.sort((right[:, None] - left).ravel())
    z = _STANDARD.inv_cdf(0.5 + confidence / 2.0)
    half = z * math.sqrt(spread * n * m * (n + m + 1) / 12.0)
    low = max(0, math.floor(n * m / 2.0 - half))
    return float(np.median(differences)), float(differences[low]), float(differences[n * m - 1 - low])


def _deflated(p: float, spread: float) -> float:
    if p >= 1.0:
        return 1.0
    z = -_STANDARD.inv_cdf(p / 2.0) / math.sqrt(spread)
    return math.erfc(z / math.sqrt(2.0))


@lru_cache(maxsize=4096)
def _tail(short: int, long: int) -> FloatArray:
    """Return P(U <= u) for u up to half of its range: coefficients of the Gaussian binomial (Mann & Whitney 1947).

    The low coefficients follow from lower ones alone, so that the smallest tails are the most accurate.
    """
    size = short * long // 2 + 1
    counts = np.zeros(size)
    counts[0] = 1.0
    for i in range(1, short + 1):
        if long + i < size:
            counts[long + i :] -= counts[: -(long + i)].copy()
        for residue in range(min(i, size)):
            counts[residue::i] = np.cumsum(counts[residue::i])
    return np.cumsum(counts) / float(math.comb(short + long, short))
