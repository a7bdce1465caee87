"""The sliding polynomial in every variant: validate once, dispatch.

>>> import numpy as np
>>> sliding_polynomial(np.array([5, 6, 7, 8]), 2)
array([ 0,  0,  6, 20])

The last element is ``2 * 7 + 1 * 6``: the two elements before it, each times its own index.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Protocol

from headgate.transforms.registry import VARIANTS, load, lookup, unavailable_reason
from headgate.transforms.validate import DEFAULT_COEFFICIENTS, apply

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

__all__ = ["Transform", "get", "sliding_polynomial", "variants"]

# The defaults by identity: the fast path must not cost comparisons, and an equal value that is another object (True for
# 1) only takes the long way, where it is checked.
_ANCHOR, _AXIS, _AUTO, _ONE_THREAD = "absolute", -1, "auto", 1

# The variant whose kernel the fast path runs.
_NATIVE = "cython"

try:
    from headgate.transforms._native import fast as _fast
except ImportError:  # the extension is not built

    def _fast(x: object, window: object, out: object = None, /) -> np.ndarray[Any, np.dtype[Any]] | None:  # noqa: ARG001
        """Decline every call; its arguments are those of the native function it stands in for."""
        return None


class Transform(Protocol):
    """One variant as a function; arguments as in :func:`sliding_polynomial`."""

    def __call__(
        self,
        x: npt.ArrayLike,
        window: int,
        *,
        coefficients: Sequence[float] = DEFAULT_COEFFICIENTS,
        anchor: str = "absolute",
        axis: int = -1,
        out: np.ndarray[Any, Any] | None = None,
        threads: int | str = 1,
    ) -> np.ndarray[Any, Any]:
        """Transform `x`."""


def sliding_polynomial(  # noqa: PLR0913 - the public signature; all but two arguments have defaults
    x: npt.ArrayLike,
    window: int,
    *,
    coefficients: Sequence[float] = DEFAULT_COEFFICIENTS,
    anchor: str = _ANCHOR,
    axis: int = _AXIS,
    out: np.ndarray[Any, Any] | None = None,
    variant: str = _AUTO,
    threads: int | str = _ONE_THREAD,
) -> np.ndarray[Any, Any]:
    """Sum the last `window` elements before each place, each weighted by a polynomial.

    ``f(X)_n`` sums ``p(i) * X_i`` with i = n - k over k = 1..window; terms with i < 0 are absent. The default p(i) = i
    is the formula of the article "Evaluate Performance of Scala Tail Recursion".

    Parameters
    ----------
    x : array_like, any shape with at least one axis
        int32, int64, uint32, uint64, float32 or float64, in any memory layout and byte order; never modified.
    window : int
        Elements per sum, at least 1; may exceed the array.
    coefficients : sequence of 1 to 9 numbers
        ``p(i) = c0 + c1*i + c2*i**2 + ...``; integers for integer dtypes, finite.
    anchor : {"absolute", "lag"}
        ``p`` takes the element's own index i, or its distance k from the place (1 for the nearest).
    axis : int
        The axis to go along.
    out : ndarray, optional
        Where the result goes: the shape of `x`, the result's dtype, writable, no memory shared with `x`.
    variant : str
        A name of :func:`variants`, or "auto": the fastest that is installed with the package.
    threads : int or "all"
        Upper bound on the threads used, by the variants that use any; "all" for the CPUs this process may use.

    Returns
    -------
    ndarray
        Shaped as `x`, in its dtype and native byte order; `out` if given. Integers wrap modulo 2^bits. Floats err by at
        most 8 * eps * sum|terms| of their window, without drift; NaN and infinities reach the windows that hold them.

    Raises
    ------
    TypeError, ValueError
        An argument is wrong; the message names it and says what was given.
    VariantUnavailableError
        The variant needs an extra that is not installed; the message names it.
    """
    if (
        coefficients is DEFAULT_COEFFICIENTS
        and variant is _AUTO
        and threads is _ONE_THREAD
        and axis is _AXIS
        and anchor is _ANCHOR
    ):
        result = _fast(x, window, out)  # None whenever anything is out of the ordinary
        if result is not None:
            return result
    kernel = load(_best()) if variant == "auto" else load(variant)
    return apply(kernel, x, window, coefficients, anchor, axis, out, threads)


def variants() -> dict[str, str | None]:
    """Name every variant and say why it is unavailable: None when it can be used.

    Imports what each variant needs, so the first call may take a second.
    """
    return {name: unavailable_reason(name) for name in VARIANTS}


@functools.cache
def get(name: str) -> Transform:
    """Return one variant as a function ``transform(x, window, *, coefficients, anchor, axis, out, threads)``.

    Raises
    ------
    ValueError
        There is no such variant.
    VariantUnavailableError
        It needs an extra that is not installed; the message names it.
    """
    kernel = load(name)
    native = name == _NATIVE

    def transform(
        x: npt.ArrayLike,
        window: int,
        *,
        coefficients: Sequence[float] = DEFAULT_COEFFICIENTS,
        anchor: str = _ANCHOR,
        axis: int = _AXIS,
        out: np.ndarray[Any, Any] | None = None,
        threads: int | str = _ONE_THREAD,
    ) -> np.ndarray[Any, Any]:
        if (
            native
            and coefficients is DEFAULT_COEFFICIENTS
            and threads is _ONE_THREAD
            and axis is _AXIS
            and anchor is _ANCHOR
        ):
            result = _fast(x, window, out)  # None whenever anything is out of the ordinary
            if result is not None:
                return result
        return apply(kernel, x, window, coefficients, anchor, axis, out, threads)

    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = f"The variant {name!r} ({lookup(name).summary}); arguments as in `sliding_polynomial`."
    return transform


@functools.cache
def _best() -> str:
    """Choose the native kernel where it is built, else NumPy: neither compiles anything on its first call."""
    return _NATIVE if unavailable_reason(_NATIVE) is None else "numpy"
