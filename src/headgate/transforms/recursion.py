"""Variant ``recursion``: the seed article's tail recursion, in Python.

``step(cursor)`` applies f to the slice of the last w elements, writes the result, and calls itself with ``cursor + 1``.
Python has no tail calls and a recursion limit, which belongs to the caller's program: it is read, never changed. Arrays
longer than what is left of it are recursed over in segments.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.transforms.interpreted import slice_function

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["kernel"]

HEADROOM = 40
"""Frames left free below the limit: f's own calls, and room for what a signal handler or a tracer may call."""

LONGEST_SEGMENT = 10_000
"""Frames a segment may use however high the limit is: each holds memory until its segment returns."""


def kernel(
    x: np.ndarray[Any, Any],
    out: np.ndarray[Any, Any],
    window: int,
    coefficients: tuple[float, ...],
    anchor: str,
    threads: int,  # noqa: ARG001 - every kernel takes it; the interpreter runs one thread at a time
) -> None:
    """Compute every row by recursion; see :class:`headgate.transforms.registry.Kernel`."""
    with np.errstate(over="ignore", under="ignore"):
        for row, result in zip(x, out, strict=True):
            values, f = slice_function(row, window, coefficients, anchor)
            _recurse_in_segments(f, len(values), result)


def _recurse_in_segments(f: Callable[[int], Any], n: int, result: np.ndarray[Any, Any]) -> None:
    """Start the recursion anew wherever the last segment ended, until the cursor reaches `n`."""
    segment = _free_frames()
    cursor = 0
    while cursor < n:
        written: list[Any] = []
        stop = min(n, cursor + segment)

        def step(cursor: int, stop: int = stop, write: Callable[[Any], None] = written.append) -> None:
            if cursor < stop:
                write(f(cursor))
                step(cursor + 1)

        try:
            step(cursor)
        except RecursionError:
            # Frames of C code count against the limit on some Pythons and cannot be seen from here.
            if segment == 1:
                raise
            segment = max(1, segment // 2)
        result[cursor : cursor + len(written)] = written
        cursor += len(written)


def _free_frames() -> int:
    """How deep a recursion may go from here, at least 1."""
    depth, frame = 0, sys._getframe()  # noqa: SLF001 - the one way to learn the depth of the stack
    while frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    return max(1, min(LONGEST_SEGMENT, sys.getrecursionlimit() - depth - HEADROOM))
