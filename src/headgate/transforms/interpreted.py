"""What the three interpreted forms share: f, applied to the slice of the last w elements before a cursor."""

from __future__ import annotations

import math
from operator import mul
from typing import TYPE_CHECKING, Any

from headgate.transforms.polynomial import weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

__all__ = ["PLAIN_SUM_LIMIT", "slice_function"]

PLAIN_SUM_LIMIT = 16
"""Terms that plain left-to-right summation may take: w terms err by at most w*eps/2 (Higham 2002, eq. 4.4) <= 8 eps."""


def slice_function(
    row: np.ndarray[Any, Any], window: int, coefficients: tuple[float, ...], anchor: str
) -> tuple[list[Any], Callable[[int], Any]]:
    """Turn a row into a list of Python numbers, and make f for it.

    Returns
    -------
    values : list
        The row's elements.
    f : callable
        ``f(cursor)`` sums weight times value over ``values[cursor - window : cursor]``: integers wrap as the row's
        dtype does; floats are summed in double precision and are rounded to the dtype by whoever stores them.
    """
    values = row.tolist()
    total = _wrapping_sum(row.dtype) if row.dtype.kind in "iu" else _float_sum(window)
    if anchor == "absolute":
        absolute = weights(coefficients, range(len(values)), row.dtype)

        def f(cursor: int) -> Any:
            first = cursor - window if cursor > window else 0
            return total(map(mul, absolute[first:cursor], values[first:cursor]))

        return values, f
    lags: Sequence[Any] = weights(coefficients, range(window, 0, -1), row.dtype)

    def f_lag(cursor: int) -> Any:
        first = cursor - window if cursor > window else 0
        return total(map(mul, lags[window - cursor + first :], values[first:cursor]))

    return values, f_lag


def _wrapping_sum(dtype: np.dtype[Any]) -> Callable[[map[Any]], Any]:
    """Sum exactly, then wrap modulo 2^bits once."""
    bits = 8 * dtype.itemsize
    half, mask = (1 << (bits - 1) if dtype.kind == "i" else 0), (1 << bits) - 1

    def total(terms: map[Any]) -> Any:
        return ((sum(terms) + half) & mask) - half

    return total


def _float_sum(window: int) -> Callable[[map[Any]], float]:
    """Plain summation of short windows, correctly rounded summation of long ones."""
    return sum if window <= PLAIN_SUM_LIMIT else _long_sum


def _long_sum(terms: map[Any]) -> float:
    """``math.fsum``, and IEEE's answer where that refuses (infinities of both signs, overflow on the way)."""
    held = list(terms)
    try:
        return math.fsum(held)
    except (ValueError, OverflowError):
        return float(sum(held))
