"""Variant ``scan``: the seed article's scanLeft, as ``itertools.accumulate`` over the indexed elements."""

from __future__ import annotations

from itertools import accumulate, islice
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
    """Compute every row by a scan; see :class:`headgate.transforms.registry.Kernel`."""
    with np.errstate(over="ignore", under="ignore"):
        for row, result in zip(x, out, strict=True):
            result[:] = np.fromiter(_scan(row, window, coefficients, anchor), dtype=row.dtype, count=row.size)


def _scan(row: np.ndarray[Any, Any], window: int, coefficients: tuple[float, ...], anchor: str) -> Iterator[Any]:
    """Each element moves the state from its own place's result to the next one's; the empty sum starts it."""
    values, f = slice_function(row, window, coefficients, anchor)

    def advance(_state: Any, indexed: tuple[int, Any]) -> Any:
        return f(indexed[0] + 1)

    return islice(accumulate(enumerate(values), advance, initial=0), len(values))
