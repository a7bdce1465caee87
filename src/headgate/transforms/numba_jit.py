"""How this package compiles with Numba; the only file besides the compiled ones that imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["jit"]


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile on the first call for each combination of dtypes, without the interpreter's lock, cached on disk.

    The cache lies in ``NUMBA_CACHE_DIR``, or beside the source, or in the user's cache directory; where none of them
    can be written to, the code is compiled anew in every process.
    """
    try:
        compiled = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # Numba's "cannot cache function: no locator available"
        compiled = numba.njit(nogil=True)(function)
    return cast("Callable[..., Any]", compiled)
