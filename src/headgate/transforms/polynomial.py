"""Exact arithmetic on the weights' polynomial, shared by the oracle and the variants; Python integers throughout."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np

__all__ = ["evaluate", "lag_parts", "scaled", "shifted", "weights", "wrap"]


def wrap(value: int, dtype: np.dtype[Any]) -> int:
    """`value` modulo 2^bits, in the range of the integer `dtype`: what its machine arithmetic would hold."""
    bits = 8 * dtype.itemsize
    half = 1 << (bits - 1) if dtype.kind == "i" else 0
    return ((value + half) & ((1 << bits) - 1)) - half


def evaluate(coefficients: Sequence[Any], index: int) -> Any:
    """p(index) by Horner's rule, in the coefficients' own arithmetic (exact for integers)."""
    total = 0
    for coefficient in reversed(coefficients):
        total = total * index + coefficient
    return total


def scaled(values: Iterable[float]) -> tuple[list[int], int]:
    """Finite numbers as integers over one common power of two: ``values[i] == integers[i] / scale``, exactly."""
    ratios = [value.as_integer_ratio() for value in values]
    scale = max((denominator for _, denominator in ratios), default=1)
    return [numerator * (scale // denominator) for numerator, denominator in ratios], scale


def weights(coefficients: Sequence[float], indices: range, dtype: np.dtype[Any]) -> Sequence[Any]:
    """p(i) for every i of `indices`: wrapped integers for integer dtypes, else numbers rounded once.

    p(i) = i gives the range itself: a list of a large array's indices would cost more memory than the array.
    """
    if tuple(coefficients) == (0, 1):
        return indices
    exact, scale = scaled(coefficients)
    values = [evaluate(exact, i) for i in indices]
    if dtype.kind in "iu":
        return [wrap(value, dtype) for value in values]
    return [value / scale for value in values]


def shifted(coefficients: Sequence[int], shift: int) -> list[int]:
    """Integer coefficients of p(k + shift): Taylor's shift, by the binomial theorem."""
    degree = len(coefficients) - 1
    return [
        sum(coefficients[j] * math.comb(j, i) * shift ** (j - i) for j in range(i, degree + 1))
        for i in range(degree + 1)
    ]


def lag_parts(coefficients: Sequence[float], window: int) -> list[tuple[int, int, list[float]]]:
    """Cut a window into parts of power-of-two lengths, and give each the polynomial of its own lags.

    A part that starts `offset` elements into the window and has `length` elements holds the lags k + shift for
    k = 1..length, with shift = window - offset - length; its weights are q(k) = p(k + shift).

    Returns
    -------
    list of (offset, length, q)
        Shortest part first; q in floats, each rounded once.
    """
    exact, scale = scaled(coefficients)
    parts, offset = [], 0
    for bit in range(window.bit_length()):
        length = 1 << bit
        if window & length:
            q = shifted(exact, window - offset - length)
            parts.append((offset, length, [value / scale for value in q]))
            offset += length
    return parts
