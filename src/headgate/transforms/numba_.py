"""Variant ``numba``: compiled loops; threads share out the columns or the rows.

- Integers wrap, so sums may be moved: add the element that enters, subtract the one that leaves (absolute anchor), or
  move all moments sum of k^j * X_{n-k} by one lag at once (lag anchor). One pass, O(N).
- Floats must not be subtracted (drift, NaN that stays). Long windows are cut in blocks of w, each scanned from both its
  ends with compensation: O(N) whatever w. For short windows it is faster to double sums of 2, 4, 8, ... neighbours, as
  variant ``numpy`` does, in loops that become vector code. The lag anchor doubles its moments at every w.

Unsigned arrays are computed as signed ones: the bits are the same, and Numba would mix uint64 and int64 into float64.
The compiled code is cached on disk (``NUMBA_CACHE_DIR`` says where); a call releases the interpreter's lock.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.transforms import numba_kernels as kernels
from headgate.transforms.numpy_lag import restore_nonfinite
from headgate.transforms.numpy_pieces import doubling_additions
from headgate.transforms.polynomial import lag_parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["as_signed", "integer_weights", "kernel", "share_out"]

BLOCKS_ADDITIONS = {8: 11, 4: 13}
"""By item size: float windows that take doubling at least so many additions are scanned in blocks.

Measured at 1,000,000 elements on one core of an Intel Xeon with AVX-512 and 2 MiB of L2 cache (Numba 0.68): for float64
doubling takes 0.87 (w = 63, 10 additions) and 1.08 (127, 12) of the blocks' time, for float32 0.93 (127, 12) and 1.12
(255, 14); a power of two from 1,024 on crosses an addition or two earlier. Wider vectors speed up doubling alone;
benchmarks/studies/transform_crossovers.py measures the crossover.
"""

THREAD_ITEMS = 1 << 17
"""Elements worth a thread of its own: starting one takes about 100 microseconds, these take as long to compute."""


def kernel(
    x: NDArray[Any],
    out: NDArray[Any],
    window: int,
    coefficients: tuple[float, ...],
    anchor: str,
    threads: int,
) -> None:
    """Compute all rows; see :class:`headgate.transforms.registry.Kernel`."""
    if x.size == 0:
        return
    signed, target = as_signed(x), as_signed(out)
    lag = anchor == "lag" and len(coefficients) > 1  # a constant weighs the same from anywhere
    if x.dtype.kind != "f":
        weights = integer_weights(coefficients, x.dtype)
        moved = kernels.integer_lag if lag else kernels.integer_absolute
        share_out(x, threads, lambda r, c: moved(signed[r], target[r], window, weights, *c))
    elif lag:
        offsets, sizes, polynomials = _parts(coefficients, window)
        share_out(x, threads, lambda r, c: kernels.float_lag(x[r], out[r], window, offsets, sizes, polynomials, *c))
        for row in np.flatnonzero(~np.isfinite(x).all(axis=1)):
            restore_nonfinite(x[row], out[row], window, coefficients)
    else:
        floats = np.array(coefficients, np.float64)
        in_blocks = doubling_additions(window) >= BLOCKS_ADDITIONS[x.itemsize]
        summed = kernels.float_absolute_blocks if in_blocks else kernels.float_absolute_doubling
        share_out(x, threads, lambda r, c: summed(x[r], out[r], window, floats, *c))


def as_signed(array: NDArray[Any]) -> NDArray[Any]:
    """View the same memory with unsigned integers read as signed ones."""
    return array.view(f"i{array.itemsize}") if array.dtype.kind == "u" else array


def integer_weights(coefficients: tuple[float, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Give coefficients in the range of `dtype` as the signed ones with the same bits."""
    if dtype.kind == "i":  # short arrays feel the detour
        return np.array(coefficients, np.int64)
    return np.array(coefficients, dtype).view(f"i{dtype.itemsize}").astype(np.int64)


def share_out(x: NDArray[Any], threads: int, work: Callable[[slice, tuple[int, int]], None]) -> None:
    """Call ``work(rows, (first column, stop column))`` for all of `x`, on up to `threads` threads.

    Rows are shared out where there are enough of them, else columns; what a part reads of its predecessor's columns is
    only input, so parts need not wait for each other.
    """
    rows, columns = x.shape
    count = max(1, min(threads, x.size // THREAD_ITEMS))
    if count == 1:
        work(slice(0, rows), (0, columns))
        return
    by_rows = rows >= count
    edges = [(rows if by_rows else columns) * part // count for part in range(count + 1)]
    with ThreadPoolExecutor(count) as pool:
        if by_rows:
            futures = [pool.submit(work, slice(a, b), (0, columns)) for a, b in pairwise(edges)]
        else:
            futures = [pool.submit(work, slice(0, rows), (a, b)) for a, b in pairwise(edges)]
    for future in futures:
        future.result()


def _parts(coefficients: tuple[float, ...], window: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Give the window's parts as arrays, for compiled code."""
    offsets, sizes, polynomials = zip(*lag_parts(coefficients, window), strict=True)
    return np.array(offsets, np.int64), np.array(sizes, np.int64), np.array(polynomials, np.float64)
