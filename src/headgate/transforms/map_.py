"""Variant ``map``: the seed article's map over the indexed elements, each computed by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.transforms.interpreted import slice_function

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["kernel"]


def kernel(
    x: np.ndarray[Any, Any],
    out: np.ndarray[Any, Any],
    window: int,
    coefficients: tuple[float, ...],
    anchor: str,
    threads: int,  # noqa: ARG001 - every kernel takes it; the interpreter runs one thread at a time
) -> None:
    """Compute every row by a map; see :class:`headgate.transforms.registry.Kernel`."""
    with np.errstate(over="ignore", under="ignore"):
        for row, result in zip(x, out, strict=True):
            result[:] = np.fromiter(_map(row, window, coefficients, anchor), dtype=row.dtype, count=row.size)


def _map(row: np.ndarray[Any, Any], window: int, coefficients: tuple[float, ...], anchor: str) -> Iterator[Any]:
    """One call of f per indexed element."""
    values, f = slice_function(row, window, coefficients, anchor)

    def at(indexed: tuple[int, Any]) -> Any:
        return f(indexed[0])

    return map(at, enumerate(values))
