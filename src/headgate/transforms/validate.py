"""Check a public call once, bring it to the kernels' one layout, and take the result back."""

from __future__ import annotations

import math
import operator
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.transforms.polynomial import wrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from headgate.transforms.registry import Kernel

__all__ = ["ANCHORS", "DEFAULT_COEFFICIENTS", "DTYPES", "MAX_COEFFICIENTS", "apply", "check_threads"]

DTYPES = ("int32", "int64", "uint32", "uint64", "float32", "float64")
"""The supported dtypes, and with them the result's: it is the input's, in native byte order."""

_NATIVE = {np.dtype(name): np.dtype(name) for name in DTYPES}
_NATIVE |= {dtype.newbyteorder(): dtype for dtype in _NATIVE}

ANCHORS = ("absolute", "lag")

DEFAULT_COEFFICIENTS: tuple[float, ...] = (0, 1)
"""p(i) = i, the seed article's weights."""

_DEFAULTS: dict[str, tuple[float, ...]] = {"i": (0, 1), "u": (0, 1), "f": (0.0, 1.0)}

MAX_COEFFICIENTS = 9
"""Degree at most 8: beyond it a float's weights lose all their digits long before an array ends."""

OVERLAP_WORK = 10_000
"""Steps the exact overlap test may take (numpy.shares_memory); undecided then counts as overlapping."""


def apply(  # noqa: PLR0913, PLR0917 - the public signature and the kernel
    kernel: Kernel,
    x: npt.ArrayLike,
    window: int,
    coefficients: Sequence[float],
    anchor: str,
    axis: int,
    out: np.ndarray[Any, Any] | None,
    threads: int | str,
) -> np.ndarray[Any, Any]:
    """Validate, run `kernel` on the 2-D layout it expects, and return the result in the shape of `x`."""
    array, dtype = _check_array(x)
    axis = _check_axis(axis, array.ndim)
    n = array.shape[axis]
    window = min(_check_window(window), max(n, 1))  # a longer window has no more terms
    if anchor not in ANCHORS:
        raise ValueError(f"anchor: {anchor!r} is not one of {', '.join(map(repr, ANCHORS))}")
    if coefficients is DEFAULT_COEFFICIENTS:  # small arrays feel every check that cannot fail
        weights = _DEFAULTS[dtype.kind]
    else:
        weights = _check_coefficients(coefficients, dtype)
        _check_weights_are_finite(weights, n if anchor == "absolute" else window, dtype)
    count = check_threads(threads)
    if out is not None:
        _check_out(out, array, dtype)
    source = _last(array, axis)
    target = None if out is None else _last(out, axis)
    direct = target is not None and target.flags.carray  # C-contiguous, aligned and writable
    result = target if direct and target is not None else np.empty(source.shape, dtype)
    kernel(_rows(source, dtype), _as_rows(result), window, weights, anchor, count)
    if out is None:
        return result if source is array else np.moveaxis(result, -1, axis)
    if target is not None and not direct:
        target[...] = result
    return out


def check_threads(threads: int | str) -> int:
    """Resolve ``threads``: a number of at least 1, or "all" for the CPUs this process may use."""
    if type(threads) is int and threads >= 1:
        return threads
    if isinstance(threads, str) and threads == "all":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = _integer("threads", threads, 'a whole number of at least 1, or "all"')
    if count < 1:
        raise ValueError(f'threads: must be at least 1, or "all"; got {count}')
    return count


def _check_array(x: npt.ArrayLike) -> tuple[np.ndarray[Any, Any], np.dtype[Any]]:
    """`x` as an array of a supported dtype with at least one axis, and that dtype in native byte order."""
    if type(x) is np.ndarray:
        array = x
    elif isinstance(x, np.ma.MaskedArray):
        raise TypeError("x: masked arrays are not supported (the mask would be ignored); pass x.filled(value)")
    else:
        array = np.asarray(x)
    dtype = _NATIVE.get(array.dtype)
    if dtype is None:
        raise TypeError(f"x: dtype {array.dtype} is not supported; convert with x.astype to one of {', '.join(DTYPES)}")
    if array.ndim == 0:
        raise ValueError("x: must have at least one axis; got a single number (0-d)")
    return array, dtype


def _integer(argument: str, value: Any, expected: str) -> int:
    """`value` as a Python int; booleans and floats are refused, NumPy's integers are not."""
    if type(value) is int:
        return value
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{argument}: must be {expected}; got the boolean {value}")
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{argument}: must be {expected}; got {value!r} ({type(value).__name__})") from None


def _check_window(window: Any) -> int:
    length = _integer("window", window, "a whole number of at least 1")
    if length < 1:
        raise ValueError(f"window: must be at least 1; got {length}")
    return length


def _check_axis(axis: Any, ndim: int) -> int:
    number = _integer("axis", axis, "a whole number")
    if not -ndim <= number < ndim:
        raise np.exceptions.AxisError(number, ndim, "axis")
    return number % ndim


def _check_coefficients(coefficients: Iterable[Any], dtype: np.dtype[Any]) -> tuple[float, ...]:
    """1 to 9 finite numbers, as Python integers of the dtype's range or as Python floats."""
    try:
        given = tuple(coefficients)
    except TypeError:
        raise TypeError(f"coefficients: must be a sequence of numbers; got {coefficients!r}") from None
    if not 1 <= len(given) <= MAX_COEFFICIENTS:
        raise ValueError(f"coefficients: must be 1 to {MAX_COEFFICIENTS} numbers; got {len(given)}")
    if dtype.kind in "iu":
        expected = f"integers for the dtype {dtype}"
        return tuple(wrap(_integer("coefficients", value, expected), dtype) for value in given)
    return tuple(_float(value) for value in given)


def _float(value: Any) -> float:
    """Make a finite Python float from any real number but a boolean."""
    if isinstance(value, (bool, np.bool_, str, bytes)):
        raise TypeError(f"coefficients: must be real numbers; got {value!r}")
    try:
        number = float(value)
    except TypeError:
        raise TypeError(f"coefficients: must be real numbers; got {value!r} ({type(value).__name__})") from None
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"coefficients: must be finite; got {value!r}")
    return number


def _check_weights_are_finite(coefficients: tuple[float, ...], reach: int, dtype: np.dtype[Any]) -> None:
    """Refuse a float polynomial that overflows within `reach`: inf * 0 would spread NaN where no NaN was."""
    if dtype.kind != "f":
        return
    try:
        largest = sum(abs(c) * float(reach) ** j for j, c in enumerate(coefficients))
    except OverflowError:
        largest = math.inf
    if not math.isfinite(largest):
        raise ValueError(f"coefficients: the weights overflow float64 within {reach} elements; scale them down")


def _check_out(out: Any, array: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> None:
    """`out` must be able to hold the result, and must not be the input."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out: must be a NumPy array; got {type(out).__name__}")
    if out.shape != array.shape:
        raise ValueError(f"out: must have the shape of x, {array.shape}; got {out.shape}")
    if out.dtype != dtype:
        raise TypeError(f"out: must have the result's dtype, {dtype} in native byte order; got {out.dtype}")
    if not out.flags.writeable:
        raise ValueError("out: is read-only; pass a writable array")
    if not out.flags.c_contiguous and _repeats(out):
        raise ValueError("out: several of its elements are the same memory; pass an array of its own")
    try:
        overlaps = np.shares_memory(array, out, max_work=OVERLAP_WORK)  # type: ignore[arg-type]  # its stubs know only -1 and 0
    except np.exceptions.TooHardError:
        overlaps = True
    if overlaps:
        raise ValueError("out: shares memory with x, which is never modified; pass a separate array")


def _repeats(out: np.ndarray[Any, Any]) -> bool:
    """Whether an axis of `out` visits the same memory again and again, as broadcasting makes it."""
    return any(length > 1 and stride == 0 for length, stride in zip(out.shape, out.strides, strict=True))


def _rows(source: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """View `source` as (rows, n) C-contiguous, aligned, native-endian; copy where it must be."""
    flags = source.flags
    if not (flags.c_contiguous and flags.aligned and source.dtype == dtype):
        source = np.require(source, dtype=dtype, requirements=["C", "A"])
    return _as_rows(source)


def _as_rows(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """View C-contiguous memory as (rows, n)."""
    if array.ndim == 2:
        return array
    return array[np.newaxis] if array.ndim == 1 else array.reshape((math.prod(array.shape[:-1]), array.shape[-1]))


def _last(array: np.ndarray[Any, Any], axis: int) -> np.ndarray[Any, Any]:
    """View `array` with `axis` last."""
    return array if axis == array.ndim - 1 else np.moveaxis(array, axis, -1)
