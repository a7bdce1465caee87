"""The variants ``cython_recursion``, ``cython_scan`` and ``cython_map``: the article's forms, compiled.

Each is O(n·window) with one slice per element, so that they differ in their form alone. They use one thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.transforms import _forms

if TYPE_CHECKING:
    from typing import Any

    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["map_kernel", "recursion_kernel", "scan_kernel"]

_RECURSION, _SCAN, _MAP = 0, 1, 2


def _apply(form: int, x: Array, out: Array, window: int, coefficients: tuple[int | float, ...], anchor: str) -> None:
    # Sums wrap modulo 2^bits, so the compiled code knows unsigned integers only.
    if x.dtype.kind == "i":
        x, out = x.view(f"u{x.itemsize}"), out.view(f"u{x.itemsize}")
    _forms.apply(form, x, out, window, coefficients, anchor == "lag")


def recursion_kernel(
    x: Array,
    out: Array,
    window: int,
    coefficients: tuple[int | float, ...],
    anchor: str,
    threads: int,  # noqa: ARG001 - every kernel has this signature
) -> None:
    """Recurse in C, one call per element, in segments of 4,096 elements; see `native.kernel`."""
    _apply(_RECURSION, x, out, window, coefficients, anchor)


def scan_kernel(
    x: Array,
    out: Array,
    window: int,
    coefficients: tuple[int | float, ...],
    anchor: str,
    threads: int,  # noqa: ARG001 - every kernel has this signature
) -> None:
    """Fold: a step function takes the state and gives the next one; see `native.kernel`."""
    _apply(_SCAN, x, out, window, coefficients, anchor)


def map_kernel(
    x: Array,
    out: Array,
    window: int,
    coefficients: tuple[int | float, ...],
    anchor: str,
    threads: int,  # noqa: ARG001 - every kernel has this signature
) -> None:
    """Take every element by itself, in a loop; see `native.kernel`."""
    _apply(_MAP, x, out, window, coefficients, anchor)
