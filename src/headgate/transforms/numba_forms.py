"""Variants ``numba_recursion``, ``numba_scan`` and ``numba_map``: the seed article's three forms, compiled.

Each applies f to a slice per element and costs O(N * w), as in the article; what differs is the form of the loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types
from numba.extending import overload

from headgate.transforms.numba_ import as_signed, integer_weights
from headgate.transforms.numba_jit import jit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["map_kernel", "recursion_kernel", "scan_kernel"]

SEGMENT = 512
"""Depth of one compiled recursion: its frames fit the smallest stacks that platforms give threads (128 KiB, musl)."""


def _f(held: NDArray[Any], first: int, step: int, coefficients: NDArray[Any]) -> Any:
    """Sum p(index) * X over a slice, the index going from `first` by `step`; compiled code only, chosen by dtype."""
    raise NotImplementedError


@overload(_f, strict=False)  # the two differ in their annotations only
def _f_by_dtype(held: Any, first: Any, step: Any, coefficients: Any) -> Callable[..., Any]:  # noqa: ARG001 - types
    return _integer_f if isinstance(coefficients.dtype, types.Integer) else _float_f


def _integer_f(held: NDArray[Any], first: int, step: int, coefficients: NDArray[Any]) -> Any:
    """Wrap as int64 does; its low bits are int32's."""
    total = np.int64(0)
    index = np.int64(first)
    for j in range(held.size):
        weight = coefficients[-1]
        for c in range(coefficients.size - 2, -1, -1):
            weight = weight * index + coefficients[c]
        total += weight * np.int64(held[j])
        index += step
    return total


def _float_f(held: NDArray[Any], first: int, step: int, coefficients: NDArray[Any]) -> Any:
    """Sum with compensation (Ogita, Rump and Oishi 2005, Sum2): a plain sum would err by w*eps/2."""
    total, error = 0.0, 0.0
    index = np.float64(first)
    for j in range(held.size):
        weight = coefficients[-1]
        for c in range(coefficients.size - 2, -1, -1):
            weight = weight * index + coefficients[c]
        term = weight * held[j]
        moved = total + term
        part = moved - total
        error += (total - (moved - part)) + (term - part)
        total = moved
        index += step
    return total + error if np.isfinite(error) else total  # an infinite term has no error to add


@jit
def _at(row: NDArray[Any], cursor: int, window: int, coefficients: NDArray[Any], lag: bool) -> Any:
    """Apply f to the slice of the last w elements before the cursor."""
    first = max(0, cursor - window)
    if lag:
        return _f(row[first:cursor], cursor - first, -1, coefficients)
    return _f(row[first:cursor], first, 1, coefficients)


@jit
def _step(
    row: NDArray[Any], out: NDArray[Any], cursor: int, stop: int, window: int, coefficients: NDArray[Any], lag: bool
) -> Any:
    """Write at the cursor and call itself for the next one."""
    if cursor >= stop:
        return cursor
    out[cursor] = _at(row, cursor, window, coefficients, lag)
    return _step(row, out, cursor + 1, stop, window, coefficients, lag)


@jit
def _recurse(x: NDArray[Any], out: NDArray[Any], window: int, coefficients: NDArray[Any], lag: bool) -> None:
    """Start the recursion anew wherever the last segment ended."""
    for row in range(x.shape[0]):
        cursor = 0
        while cursor < x.shape[1]:
            cursor = _step(x[row], out[row], cursor, min(cursor + SEGMENT, x.shape[1]), window, coefficients, lag)


@jit
def _advance(
    state: tuple[int, Any], row: NDArray[Any], window: int, coefficients: NDArray[Any], lag: bool
) -> tuple[int, Any]:
    """Take one more element: how many were consumed, and the result for the place after them."""
    cursor = state[0] + 1
    return cursor, _at(row, cursor, window, coefficients, lag)


@jit
def _scan(x: NDArray[Any], out: NDArray[Any], window: int, coefficients: NDArray[Any], lag: bool) -> None:
    """Carry the state from element to element; the empty slice's sum starts it."""
    for row in range(x.shape[0]):
        state = (0, _at(x[row], 0, window, coefficients, lag))
        for n in range(x.shape[1]):
            out[row, n] = state[1]
            if n + 1 < x.shape[1]:
                state = _advance(state, x[row], window, coefficients, lag)


@jit
def _map(x: NDArray[Any], out: NDArray[Any], window: int, coefficients: NDArray[Any], lag: bool) -> None:
    """Each element by itself."""
    for row in range(x.shape[0]):
        for n in range(x.shape[1]):
            out[row, n] = _at(x[row], n, window, coefficients, lag)


def _kernel(compiled: Callable[..., None], summary: str) -> Callable[..., None]:
    """One form's kernel; see :class:`headgate.transforms.registry.Kernel`."""

    def kernel(
        x: NDArray[Any],
        out: NDArray[Any],
        window: int,
        coefficients: tuple[float, ...],
        anchor: str,
        threads: int,  # noqa: ARG001 - every kernel takes it; these forms are one loop each
    ) -> None:
        weights = np.array(coefficients, np.float64) if x.dtype.kind == "f" else integer_weights(coefficients, x.dtype)
        compiled(as_signed(x), as_signed(out), window, weights, anchor == "lag")

    kernel.__doc__ = f"{summary}; see :class:`headgate.transforms.registry.Kernel`."
    return kernel


recursion_kernel = _kernel(_recurse, "Compute every row by recursion")
scan_kernel = _kernel(_scan, "Compute every row by a scan")
map_kernel = _kernel(_map, "Compute every row by a map")
