"""The variant ``cython``: the vector kernels of ``ext/``, compiled for several instruction sets and chosen at run time.

``HEADGATE_ISA`` (avx512, avx2 or baseline) forces one; :func:`isa` tells which is in use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.transforms import _native

if TYPE_CHECKING:
    from typing import Any

    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["isa", "kernel", "set_streaming_threshold", "streaming_threshold", "supported_isas"]


def kernel(
    x: Array,
    out: Array,
    window: int,
    coefficients: tuple[int | float, ...],
    anchor: str,
    threads: int,
) -> None:
    """Write the sliding polynomial sums of each row of `x` into `out`.

    Parameters
    ----------
    x, out : ndarray, shape (rows, n)
        C-contiguous, native-endian, of one dtype (int32, int64, uint32, uint64, float32, float64), not overlapping.
    window : int
        At least 1; may exceed n.
    coefficients : tuple
        1 to 9 numbers, the constant term first; integers for integer dtypes.
    anchor : {"absolute", "lag"}
        What the polynomial is evaluated at: the element's index, or its distance from the output.
    threads : int
        Rows and chunks of rows are shared among this many threads where they are long enough to gain from it.
    """
    _native.transform(x, out, window, coefficients, anchor == "lag", threads)


def isa() -> str:
    """Return the instruction set of the kernels in use: ``avx512``, ``avx2`` or ``baseline``."""
    return _native.isa()


def supported_isas() -> list[str]:
    """Return the instruction sets this CPU can run, best first."""
    return _native.supported_isas()


def streaming_threshold() -> int:
    """Return from how many bytes of output on the kernels write past the caches."""
    return _native.streaming_threshold()


def set_streaming_threshold(threshold: int) -> None:
    """Write outputs of at least `threshold` bytes past the caches.

    The default lies between one L2 and 4 MiB; a measured hardware profile knows the crossover better.
    """
    _native.set_streaming_threshold(threshold)
