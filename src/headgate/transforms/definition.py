"""The oracle: the definition of the sliding polynomial, slow, obvious and exact.

For a 1-D array ``X`` of length ``N``, a window ``w >= 1`` and a polynomial ``p``::

    anchor="absolute"    f(X)_n = sum over k = 1..w of p(n-k) * X_{n-k}
    anchor="lag"         f(X)_n = sum over k = 1..w of p(k)   * X_{n-k}        0 <= n < N

Terms with ``n-k < 0`` are absent, so ``f(X)_0 = 0``. Every variant must agree with this file: bit for bit for integers,
within :func:`error_bound` for floats.

- Integers are summed as Python integers and wrapped modulo 2^bits once.
- Floats are scaled to integers (a float is an integer times a power of two), summed exactly and rounded at the end.
- A window that holds NaN or infinities gives the IEEE sum of its terms: ``p * inf`` is an infinity with the sign of the
  product, ``0 * inf`` is NaN, and infinities of both signs make NaN.
"""

from __future__ import annotations

import math
from operator import mul
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.transforms.polynomial import evaluate, scaled, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["ERROR_BOUND_EPS", "error_bound", "oracle", "terms_magnitude"]

ERROR_BOUND_EPS = 8
"""|error| <= 8 * eps * sum|terms| for every float variant, window and n: the transforms' accuracy contract."""


def oracle(
    x: np.ndarray[Any, Any],
    window: int,
    coefficients: Sequence[float] = (0, 1),
    anchor: str = "absolute",
    positions: Iterable[int] | None = None,
) -> np.ndarray[Any, Any]:
    """Compute the sliding polynomial of `x` by its definition.

    Parameters
    ----------
    x : ndarray, shape (N,)
        Integers or floats; not changed.
    window : int
        How many elements before ``n`` the sum at ``n`` holds, at least 1.
    coefficients : sequence of int or float
        ``p`` from the constant term up.
    anchor : {"absolute", "lag"}
        Whether ``p`` takes an element's own index or its distance from ``n``.
    positions : iterable of int, optional
        Compute only these ``n`` (for long arrays); all of them by default.

    Returns
    -------
    ndarray, shape (N,) or (number of positions,)
        In the native byte order of `x`'s dtype.
    """
    dtype = x.dtype.newbyteorder("=")
    values = x.tolist()
    where = range(len(values)) if positions is None else list(positions)
    if dtype.kind in "iu":
        sums = _exact_sums(values, coefficients, anchor, window, where)
        return np.array([wrap(total, dtype) for total in sums], dtype=dtype)
    finite = [value if math.isfinite(value) else 0.0 for value in values]
    numerators, value_scale = scaled(finite)
    weights, weight_scale = scaled(coefficients)
    scale = value_scale * weight_scale
    sums = [_ratio(total, scale) for total in _exact_sums(numerators, weights, anchor, window, where)]
    nonfinite = {i for i, value in enumerate(values) if not math.isfinite(value)}
    floats = [
        total if nonfinite.isdisjoint(range(max(0, n - window), n)) else _ieee_sum(values, weights, anchor, n, window)
        for n, total in zip(where, sums, strict=True)
    ]
    with np.errstate(over="ignore", under="ignore"):
        return np.array(floats, dtype=np.float64).astype(dtype)


def terms_magnitude(
    x: np.ndarray[Any, Any],
    window: int,
    coefficients: Sequence[float] = (0, 1),
    anchor: str = "absolute",
    positions: Iterable[int] | None = None,
) -> np.ndarray[Any, Any]:
    """Sum of the terms' absolute values in every window, in float64; what :func:`error_bound` scales with.

    The terms are those of the sum written out, ``c_j * i^j * X_i`` for every coefficient: where the terms of ``p(i)``
    cancel (near a root of ``p``), no arithmetic of fixed precision knows ``p(i)`` better than that. For the default
    ``p(i) = i`` they are simply ``i * X_i``.
    """
    magnitudes = np.abs(x.astype(np.float64))
    magnitudes[~np.isfinite(magnitudes)] = 0.0
    return oracle(magnitudes, window, [abs(c) for c in coefficients], anchor, positions)


def error_bound(
    x: np.ndarray[Any, Any],
    window: int,
    coefficients: Sequence[float] = (0, 1),
    anchor: str = "absolute",
    positions: Iterable[int] | None = None,
) -> np.ndarray[Any, Any]:
    """Bound a float variant's error at every position: 8 * eps * sum|terms|, plus gradual underflow's share."""
    information = np.finfo(x.dtype)
    magnitude = terms_magnitude(x, window, coefficients, anchor, positions)
    underflow = float(information.smallest_subnormal) * len(coefficients) * (min(window, x.size) + 1)
    return ERROR_BOUND_EPS * float(information.eps) * magnitude + underflow


def _exact_sums(
    values: Sequence[int], coefficients: Sequence[Any], anchor: str, window: int, positions: Sequence[int]
) -> list[Any]:
    """Compute the definition's sums at `positions`, in integers: no rounding, no wrapping."""
    if anchor == "absolute":
        terms = [evaluate(coefficients, i) * value for i, value in enumerate(values)]
        return [sum(terms[max(0, n - window) : n]) for n in positions]
    lags = [evaluate(coefficients, k) for k in range(min(window, len(values)), 0, -1)]  # oldest element first
    slices = [values[max(0, n - len(lags)) : n] for n in positions]
    return [sum(map(mul, lags[len(lags) - len(held) :], held)) for held in slices]


def _ieee_sum(values: Sequence[float], coefficients: Sequence[int], anchor: str, n: int, window: int) -> float:
    """NaN or an infinity: the sum of the terms that are not finite."""
    total = 0.0
    for i in range(max(0, n - window), n):
        if not math.isfinite(values[i]):
            weight = evaluate(coefficients, i if anchor == "absolute" else n - i)
            total += ((weight > 0) - (weight < 0)) * values[i]
    return total


def _ratio(numerator: int, denominator: int) -> float:
    """Return the float64 nearest to the quotient; an infinity where it is too large."""
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf if numerator > 0 else -math.inf
