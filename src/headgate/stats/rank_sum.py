"""The two-sample Wilcoxon rank-sum (Mann-Whitney) test: exact null distribution, and the interval that inverts it.

For two sets of independent processes whose sides were not paired. Exact where the candidate's distribution is the
baseline's, shifted; ties only make it more conservative.

Sources: Mann & Whitney 1947; Hollander, Wolfe & Chicken, *Nonparametric Statistical Methods* (3rd ed.), section 4.1
(the test), 4.2 (the Hodges-Lehmann shift) and 4.3 (Moses' interval from the ordered differences).
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

__all__ = ["critical_count", "null_cdf", "shift", "shift_lower", "shift_upper", "smallest_level"]

# Above this many differences (100 x 100) the normal approximation with continuity correction replaces the exact
# distribution: its tails are the heavier ones there, checked in the tests.
EXACT_UP_TO = 10_000

FloatArray = npt.NDArray[np.float64]
Values = tuple[float, ...]


@lru_cache(maxsize=256)
def null_cdf(m: int, n: int) -> FloatArray:
    """P(U <= k) for k = 0 … mn, U the number of pairs in which the first side's value is the larger, no shift.

    Exact: the generating function of U is the product over i = 1 … n of (1 - q^(m+i))/(1 - q^i), a Gaussian binomial
    coefficient; each factor is applied with the probability i/(m+i) that normalises it.
    """
    top = m * n
    pmf = np.zeros(top + 1)
    pmf[0] = 1.0
    for i in range(1, n + 1):
        factor = m + i
        shifted = pmf.copy()
        if factor <= top:
            shifted[factor:] -= pmf[: top + 1 - factor]
        for offset in range(min(i, top + 1)):
            shifted[offset::i] = np.cumsum(shifted[offset::i])
        pmf = np.maximum(shifted, 0.0) * (i / factor)
    cdf: FloatArray = np.minimum(np.cumsum(pmf), 1.0)
    cdf.setflags(write=False)
    return cdf


def smallest_level(m: int, n: int) -> float:
    """Return the smallest one-sided error at which ``m`` against ``n`` values can say anything: 1 / C(m+n, n)."""
    return 1.0 / math.comb(m + n, n) if m > 0 and n > 0 else 1.0


def critical_count(m: int, n: int, level: float) -> int:
    """Return the largest k with P(U <= k) <= ``level``, or -1 where even k = 0 is too likely."""
    if m < 1 or n < 1 or level < smallest_level(m, n):
        return -1
    if m * n <= EXACT_UP_TO:
        # The tolerance is the rounding of the exact distribution: 1/C(m+n, n) itself must count as attained.
        return int(np.searchsorted(null_cdf(min(m, n), max(m, n)), level * (1.0 + 1e-9), side="right")) - 1
    deviation = math.sqrt(m * n * (m + n + 1) / 12.0)
    return max(-1, math.floor(m * n / 2.0 + NormalDist().inv_cdf(level) * deviation - 0.5))


def shift(first: Values, second: Values) -> float:
    """Return the Hodges-Lehmann estimate of ``second`` minus ``first``: the median of all differences."""
    return float(np.median(_differences(first, second)))


def shift_lower(first: Values, second: Values, level: float) -> float:
    """Return the one-sided lower bound of ``second`` minus ``first`` at error ``level``; -inf where there is none."""
    rank = critical_count(len(first), len(second), level)
    if rank < 0:
        return -math.inf
    return float(np.partition(_differences(first, second), rank)[rank])


def shift_upper(first: Values, second: Values, level: float) -> float:
    """Return the one-sided upper bound of ``second`` minus ``first`` at error ``level``; inf where there is none."""
    return -shift_lower(second, first, level)


def _differences(first: Values, second: Values) -> FloatArray:
    differences: FloatArray = np.subtract.outer(np.asarray(second), np.asarray(first)).ravel()
    return differences
