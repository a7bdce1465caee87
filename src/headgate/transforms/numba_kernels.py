"""The compiled loops of variant ``numba``. Arrays are 2-D (rows, n); columns ``first <= n < stop`` are written."""

# Compiled code is typed by Numba, not by annotations; these are for readers and the type checker.
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.transforms.numba_jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["float_absolute_blocks", "float_absolute_doubling", "float_lag", "integer_absolute", "integer_lag"]

PIECE = 4096
"""Columns per piece: its few float64 buffers stay in the cache nearest to the core."""


@jit
def _horner(coefficients: NDArray[Any], index: Any) -> Any:
    total = coefficients[-1]
    for j in range(coefficients.size - 2, -1, -1):
        total = total * index + coefficients[j]
    return total


@jit
def integer_absolute(
    x: NDArray[Any], out: NDArray[Any], window: int, coefficients: NDArray[Any], first: int, stop: int
) -> None:
    """One moving sum of p(i) * X_i; int64 wraps, and its low bits are int32's."""
    plain = coefficients.size == 2 and coefficients[0] == 0 and coefficients[1] == 1
    for row in range(x.shape[0]):
        values, result = x[row], out[row]
        total = np.int64(0)
        for i in range(max(0, first - window), first):
            total += _horner(coefficients, i) * values[i]
        for n in range(first, min(stop, max(first, window))):
            result[n] = total
            total += _horner(coefficients, n) * values[n]
        if plain:
            for n in range(max(first, window), stop):
                result[n] = total
                total += n * np.int64(values[n]) - (n - window) * np.int64(values[n - window])
        else:
            for n in range(max(first, window), stop):
                result[n] = total
                entering = _horner(coefficients, n) * values[n]
                total += entering - _horner(coefficients, n - window) * values[n - window]


@jit
def integer_lag(
    x: NDArray[Any], out: NDArray[Any], window: int, coefficients: NDArray[Any], first: int, stop: int
) -> None:
    """All moments sum of k^j * X_{n-k}, moved by one: every lag k becomes k + 1, by the binomial theorem."""
    count = coefficients.size
    binomials = np.zeros((count, count), np.int64)
    leaving = np.ones(count, np.int64)  # (window + 1)^j
    for j in range(count):
        binomials[j, 0] = 1
        for i in range(1, j + 1):
            binomials[j, i] = binomials[j - 1, i - 1] + binomials[j - 1, i]
        if j:
            leaving[j] = leaving[j - 1] * (window + 1)
    moments = np.zeros(count, np.int64)
    for row in range(x.shape[0]):
        values, result = x[row], out[row]
        moments[:] = 0
        for n in range(max(0, first - window), stop):
            if n >= first:
                total = np.int64(0)
                for j in range(count):
                    total += coefficients[j] * moments[j]
                result[n] = total
            old = np.int64(values[n - window]) if n - window >= max(0, first - window) else np.int64(0)
            for j in range(count - 1, -1, -1):
                moved = np.int64(0)
                for i in range(j + 1):
                    moved += binomials[j, i] * moments[i]
                moments[j] = moved + values[n] - leaving[j] * old


@jit
def _load(values: NDArray[Any], origin: int, coefficients: NDArray[Any], terms: NDArray[Any]) -> None:
    """terms[j] = p(i) * X_i with i = origin + j; 0 where there is no element."""
    absent = max(0, -origin)
    terms[:absent] = 0.0
    if coefficients.size == 1:
        for j in range(absent, terms.size):
            terms[j] = coefficients[0] * values[origin + j]
    elif coefficients.size == 2:
        constant, slope = coefficients[0], coefficients[1]
        for j in range(absent, terms.size):
            terms[j] = (constant + slope * np.float64(origin + j)) * values[origin + j]
    else:
        for j in range(absent, terms.size):
            terms[j] = _horner(coefficients, np.float64(origin + j)) * values[origin + j]


@jit
def _add_shifted(source: NDArray[Any], shift: int, target: NDArray[Any], count: int) -> None:
    later = source[shift : shift + count]  # a slice: an index that may be negative keeps a loop from being vectorised
    for j in range(count):
        target[j] = source[j] + later[j]


@jit
def _accumulate(source: NDArray[Any], shift: int, factor: float, total: NDArray[Any]) -> None:
    part = source[shift : shift + total.size]
    for j in range(total.size):
        total[j] += factor * part[j]


@jit
def _add(total: float, error: float, term: float) -> tuple[float, float]:
    """One step of compensated summation (Ogita, Rump and Oishi 2005, Sum2): a plain scan would err by w*eps/2."""
    moved = total + term
    part = moved - total
    return moved, error + ((total - (moved - part)) + (term - part))


@jit
def _rounded(total: float, error: float) -> float:
    """Return the sum with its compensation; an infinite sum's is NaN and means nothing."""
    corrected = total + error
    return corrected if corrected == corrected else total  # noqa: PLR0124 - false for NaN alone


@jit
def _scan_block(terms: NDArray[Any], ending: NDArray[Any], result: NDArray[Any], next_ending: NDArray[Any]) -> None:
    """Finish the windows that end in this block, and sum its suffixes for those that end in the next.

    Two scans that do not wait for each other, one from each end.
    """
    size = terms.size
    total, error, after, after_error = 0.0, 0.0, 0.0, 0.0
    for j in range(size):
        result[j] = ending[j] + _rounded(total, error)
        total, error = _add(total, error, terms[j])
        after, after_error = _add(after, after_error, terms[size - 1 - j])
        next_ending[size - 1 - j] = _rounded(after, after_error)


@jit
def float_absolute_blocks(
    x: NDArray[Any], out: NDArray[Any], window: int, coefficients: NDArray[Any], first: int, stop: int
) -> None:
    """Cut the columns in blocks of w: a window is the suffix of one and the prefix of the next (van Herk 1992)."""
    terms, ending, next_ending, scratch = np.empty(window), np.empty(window), np.empty(window), np.empty(window)
    for row in range(x.shape[0]):
        _load(x[row], first - window, coefficients, terms)
        ending[:] = 0.0
        _scan_block(terms, ending, scratch, next_ending)  # only for its suffixes
        ending, next_ending = next_ending, ending
        for start in range(first, stop, window):
            size = min(window, stop - start)
            _load(x[row], start, coefficients, terms[:size])
            _scan_block(terms[:size], ending, out[row, start : start + size], next_ending)
            ending, next_ending = next_ending, ending


@jit
def float_absolute_doubling(
    x: NDArray[Any], out: NDArray[Any], window: int, coefficients: NDArray[Any], first: int, stop: int
) -> None:
    """Double sums up to the window, piece by piece; the window's binary digits name the lengths to add up."""
    piece = max(PIECE, window)
    one, two = np.empty(piece + window), np.empty(piece + window)
    total = np.empty(piece)
    for row in range(x.shape[0]):
        for start in range(first, stop, piece):
            length = min(piece, stop - start)
            _load(x[row], start - window, coefficients, one[: length + window - 1])
            total[:length] = 0.0
            size, offset = 1, 0
            source, target = one, two
            while True:
                if window & size:
                    _accumulate(source, offset, 1.0, total[:length])
                    offset += size
                size *= 2
                if size > window:
                    break
                _add_shifted(source, size // 2, target, length + window - size)
                source, target = target, source
            for j in range(length):
                out[row, start + j] = total[j]


@jit
def _double_moments(source: NDArray[Any], size: int, target: NDArray[Any], count: int) -> None:
    """From the moments of `size` elements those of twice as many; the older half's lags grow by `size`."""
    for j in range(source.shape[0]):
        _add_shifted(source[j], size, target[j], count)
        factor = 1.0
        for i in range(j - 1, -1, -1):  # factor = C(j, i) * size^(j - i)
            factor = factor * size * (i + 1) / (j - i)
            _accumulate(source[i], 0, factor, target[j][:count])


@jit
def float_lag(  # noqa: PLR0913, PLR0917 - compiled code takes arrays, not objects
    x: NDArray[Any],
    out: NDArray[Any],
    window: int,
    offsets: NDArray[Any],
    sizes: NDArray[Any],
    polynomials: NDArray[Any],
    first: int,
    stop: int,
) -> None:
    """Double the moments sum of k^j * X_{n-k} together; each part of the window has its own polynomial."""
    piece = max(PIECE, window)
    count = polynomials.shape[1]
    one, two = np.empty((count, piece + window)), np.empty((count, piece + window))
    total = np.empty(piece)
    unit = np.ones(1)
    for row in range(x.shape[0]):
        for start in range(first, stop, piece):
            length = min(piece, stop - start)
            for j in range(count):
                _load(x[row], start - window, unit, one[j, : length + window - 1])
            total[:length] = 0.0
            source, target, size = one, two, 1
            for part in range(offsets.size):
                while size < sizes[part]:
                    _double_moments(source, size, target, length + window - 2 * size)
                    source, target, size = target, source, 2 * size
                for j in range(count):
                    _accumulate(source[j], offsets[part], polynomials[part, j], total[:length])
            for j in range(length):
                out[row, start + j] = total[j]
