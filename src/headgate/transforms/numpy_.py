"""Variant ``numpy``: whole-array operations on pieces that stay in the cache.

No (N, w) temporary exists; memory beyond input and output is a few pieces' worth, whatever N.

Sums over windows are made by doubling: S_1 are the terms, ``S_2m[s] = S_m[s] + S_m[s + m]``, and the window is put
together from the lengths its binary digits name. That is at most 2 * log2(w) vector additions per element at the speed
of the cache (w = 10 takes 4, w = 4096 takes 12). It was chosen by measurement over the two ways whose work does not
depend on w at all:

- A difference of running sums costs one ``add.accumulate``, a serial dependency: about the price of 9 (int64) or 17
  (int32) vector additions. It is exact for integers, which wrap, so they use it for windows that gain from it
  (`numpy_pieces.RUNNING_SUM_ADDITIONS` has the figures); for floats it drifts and keeps a NaN for ever.
- Blocks of w with suffix and prefix scans (van Herk 1992) contain NaN but take two scans, and a plain scan errs by up
  to w*eps/2 (2048 eps at w = 4096); compensating it takes about 20 passes.

Doubling errs like pairwise summation, by at most (log2(w) + 1) * eps/2 of the terms' magnitude: 6.5 eps at w = 4096,
and about 1 eps in practice. Floats of either size are summed in float64: float32 results are as good as rounded once.

The lag anchor of floats keeps the moments S^j_m = sum of k^j * X_{n-k} and doubles them together by the binomial
theorem, ``S^j_2m[s] = S^j_m[s + m] + sum over i <= j of C(j, i) * m^(j-i) * S^i_m[s]``: every factor is positive, so
nothing cancels that does not cancel in the terms. Short windows take one multiply-add per lag instead. The lag anchor
of integers follows from d + 1 absolute sums, exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from headgate.transforms.numpy_lag import compute_floats, compute_integers
from headgate.transforms.numpy_pieces import pieces, window_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["kernel"]


def kernel(
    x: NDArray[Any],
    out: NDArray[Any],
    window: int,
    coefficients: tuple[float, ...],
    anchor: str,
    threads: int,  # noqa: ARG001 - every kernel takes it; NumPy's operations run on the calling thread
) -> None:
    """Compute all rows in cache-sized pieces; see :class:`headgate.transforms.registry.Kernel`."""
    if x.size == 0:
        return
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        if anchor == "absolute" or len(coefficients) == 1:  # a constant weighs the same from anywhere
            for piece in pieces(x, out, window):
                piece.terms(coefficients)
                window_sums(piece, piece.out)
        elif x.dtype.kind == "f":
            compute_floats(x, out, window, coefficients)
        else:
            compute_integers(x, out, window, cast("tuple[int, ...]", coefficients))
