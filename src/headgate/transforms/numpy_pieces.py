"""What variant ``numpy`` is made of: cache-sized pieces of the rows, their weighted terms, sums over windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Piece", "doubling_additions", "horner", "pieces", "window_sums"]

PIECE_BYTES = 131_072
"""Bytes of one buffer: the three that a doubling step touches fit the 512 KiB and more of a current core's L2 cache."""

RUNNING_SUM_ADDITIONS = {4: 17, 8: 9}
"""By item size: integer windows that take doubling at least so many additions use a difference of running sums.

Measured at 1,000,000 elements on one core of an Intel Xeon with AVX-512 and 2 MiB of L2 cache (NumPy 2.4): for int32
doubling takes 0.87 (14 additions), 0.93 (16) and 1.08 (18) of the running sums' time, for int64 0.87 (7), 0.96 (8) and
1.06 (9). Wider vectors speed up doubling alone; benchmarks/studies/transform_crossovers.py measures the crossover.
"""


@dataclass(frozen=True)
class Piece:
    """Some rows' columns, with the `window` elements before them, and room to work.

    Attributes
    ----------
    x : ndarray, shape (rows, n)
        The rows, whole.
    out : ndarray, shape (rows, length)
        Where the sums go that end before columns ``start, ..., start + length - 1``.
    start, window : int
        As above.
    buffers : list of ndarray, each (rows, window + length - 1)
        Uninitialised, of the working dtype; columns stand for the elements ``start - window, ...``.
    base : ndarray, shape (window + length - 1,) or longer
        0, 1, 2, ... in the working dtype.
    vectors : ndarray, shape (2, as long as base)
        Uninitialised.
    """

    x: NDArray[Any]
    out: NDArray[Any]
    start: int
    window: int
    buffers: list[NDArray[Any]]
    base: NDArray[Any]
    vectors: NDArray[Any]

    @property
    def length(self) -> int:
        """Columns of the result."""
        return int(self.out.shape[1])

    def terms(self, coefficients: tuple[float, ...]) -> NDArray[Any]:
        """Write p(i) * X_i of all elements concerned into the first buffer; zeros where there is no element."""
        terms = self.buffers[0]
        origin = self.start - self.window
        first, stop = max(0, origin), self.start + self.length - 1
        absent = first - origin
        terms[:, :absent] = 0
        present = terms[:, absent:]
        if len(coefficients) == 1:
            np.multiply(self.x[:, first:stop], terms.dtype.type(coefficients[0]), out=present, dtype=terms.dtype)
            return terms
        indices = self._indices(first, stop)
        weights = horner(coefficients, indices, self.vectors[1, : stop - first])
        if self.x.dtype == terms.dtype:
            np.multiply(self.x[:, first:stop], weights, out=present)
        else:  # two steps: a multiplication that also converts goes through NumPy's slow buffered loop
            np.copyto(present, self.x[:, first:stop])
            np.multiply(present, weights, out=present)
        return terms

    def _indices(self, first: int, stop: int) -> NDArray[Any]:
        """Give the elements' own indices, in the working dtype (modulo 2^bits for integers)."""
        base = self.base[: stop - first]
        if first == 0:
            return base
        offset = np.array([first]).astype(base.dtype)
        indices = self.vectors[0, : stop - first]
        np.add(base, offset, out=indices)
        return indices


def pieces(x: NDArray[Any], out: NDArray[Any], window: int, buffers: int = 4) -> Iterator[Piece]:
    """Cut (rows, n) into pieces of whole rows while they are short, and of columns of one row when they are long."""
    n = x.shape[1]
    dtype = np.dtype(np.float64) if x.dtype.kind == "f" else x.dtype
    items = PIECE_BYTES // dtype.itemsize
    width = min(n, max(items, window))
    rows = max(1, min(x.shape[0], items // (width + window)))
    span = window + width - 1
    store = np.empty((buffers, rows, span), dtype)
    base, vectors = np.arange(span, dtype=dtype), np.empty((2, span), dtype)
    for row in range(0, x.shape[0], rows):
        block = x[row : row + rows]
        for start in range(0, n, width):
            target = out[row : row + rows, start : min(n, start + width)]
            used = window + target.shape[1] - 1
            views = [buffer[: block.shape[0], :used] for buffer in store]
            yield Piece(block, target, start, window, views, base, vectors)


def horner(coefficients: tuple[float, ...], indices: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
    """Evaluate p at every index, in the indices' dtype; `indices` itself for p(i) = i."""
    if len(coefficients) == 2 and coefficients[0] == 0 and coefficients[1] == 1:
        return indices
    kind = indices.dtype.type
    out[:] = kind(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        np.multiply(out, indices, out=out)
        np.add(out, kind(coefficient), out=out)
    return out


def doubling_additions(window: int) -> int:
    """Count the additions per element that doubling takes: one per doubling, one to join each further binary digit.

    >>> doubling_additions(8), doubling_additions(10), doubling_additions(15)
    (3, 4, 6)
    """
    return window.bit_length() + window.bit_count() - 2


def window_sums(piece: Piece, out: NDArray[Any]) -> None:
    """Sum the first buffer's terms over every window, into `out`; uses up the first three buffers."""
    dtype = piece.buffers[0].dtype
    if dtype.kind != "f" and doubling_additions(piece.window) >= RUNNING_SUM_ADDITIONS[dtype.itemsize]:
        _running_sum_windows(piece, out)
    elif out.dtype == dtype:
        _doubled_windows(piece, out)
    else:
        wide = piece.buffers[3][:, : piece.length]
        _doubled_windows(piece, wide)
        np.copyto(out, wide, casting="same_kind")


def _doubled_windows(piece: Piece, out: NDArray[Any]) -> None:
    """Double the sums' length, and add up the lengths that the window's binary digits name."""
    window, length = piece.window, piece.length
    current, *free = piece.buffers[:3]
    total: NDArray[Any] | None = None
    held: NDArray[Any] | None = None
    size, offset = 1, 0
    while 2 * size <= window:
        if window & size:
            part = current[:, offset : offset + length]
            if total is None:
                total, held = part, current
            else:
                np.add(total, part, out=total)
            offset += size
        width = window + length - 2 * size
        doubled = out if window == 2 * size else free.pop()
        np.add(current[:, :width], current[:, size : size + width], out=doubled[:, :width])
        if current is not held:
            free.append(current)
        current, size = doubled, 2 * size
    if total is not None:
        np.add(total, current[:, offset : offset + length], out=out)
    elif current is not out:  # a window of one element: nothing was doubled
        np.copyto(out, current[:, :length])


def _running_sum_windows(piece: Piece, out: NDArray[Any]) -> None:
    """Difference of running sums: exact for integers, which wrap."""
    terms, sums = piece.buffers[0], piece.buffers[1]
    np.add.accumulate(terms, axis=1, dtype=terms.dtype, out=sums)
    window, length = piece.window, piece.length
    out[:, 0] = sums[:, window - 1]
    np.subtract(sums[:, window:], sums[:, : length - 1], out=out[:, 1:])
