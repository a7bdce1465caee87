"""The one table of variants: a new one is one file and one line here; tests, benchmarks and docs iterate over it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from headgate.errors import VariantUnavailableError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["VARIANTS", "Kernel", "Variant", "load", "lookup", "unavailable_reason"]

Form = Literal["recursion", "scan", "map", "vector"]
Engine = Literal["python", "numpy", "numba", "cython", "spark"]


class Kernel(Protocol):
    """What a variant's file gives: the transform on validated, normalised arrays.

    `x` and `out` are 2-D (rows, n), C-contiguous, aligned, native-endian, of one shape and one supported dtype, and do
    not overlap; `x` may be read-only. ``1 <= window <= max(n, 1)``; `coefficients` are 1 to 9 Python numbers (integers
    in the dtype's range for integer dtypes, floats for floats). `threads` is an upper bound, at least 1.
    """

    def __call__(
        self,
        x: np.ndarray[Any, Any],
        out: np.ndarray[Any, Any],
        window: int,
        coefficients: tuple[float, ...],
        anchor: str,
        threads: int,
    ) -> None:
        """Write the transform of every row of `x` into `out`."""


@dataclass(frozen=True)
class Variant:
    """One implementation of the transform.

    Attributes
    ----------
    name : str
        What ``variant=`` takes.
    form : {"recursion", "scan", "map", "vector"}
        How the loop over the array is written.
    engine : {"python", "numpy", "numba", "cython", "spark"}
        What executes it.
    module : str
        Where the kernel is: ``module`` or ``module:function``; the function is ``kernel`` unless named.
    extra : str or None
        The extra of this package that installs what the variant needs.
    summary : str
        One line for tables.
    threads : bool
        Whether more than one thread is ever used.
    """

    name: str
    form: Form
    engine: Engine
    module: str
    extra: str | None
    summary: str
    threads: bool = False


_HERE = "headgate.transforms"

_TABLE = (
    Variant("recursion", "recursion", "python", f"{_HERE}.recursion", None, "tail recursion over a cursor, in Python"),
    Variant("scan", "scan", "python", f"{_HERE}.scan", None, "itertools.accumulate over the indexed elements"),
    Variant("map", "map", "python", f"{_HERE}.map_", None, "map over the indexed elements"),
    Variant("numpy", "vector", "numpy", f"{_HERE}.numpy_", None, "whole-array NumPy, in cache-sized pieces"),
    Variant(
        "numba", "vector", "numba", f"{_HERE}.numba_", "numba", "compiled by Numba, the window costs nothing", True
    ),
    Variant("cython", "vector", "cython", f"{_HERE}.native", None, "the native kernel: C with SIMD", True),
    Variant(
        "numba_recursion",
        "recursion",
        "numba",
        f"{_HERE}.numba_forms:recursion_kernel",
        "numba",
        "the recursion, by Numba",
    ),
    Variant("numba_scan", "scan", "numba", f"{_HERE}.numba_forms:scan_kernel", "numba", "the scan, by Numba"),
    Variant("numba_map", "map", "numba", f"{_HERE}.numba_forms:map_kernel", "numba", "the map, by Numba"),
    Variant(
        "cython_recursion", "recursion", "cython", f"{_HERE}.cython_forms:recursion_kernel", None, "the recursion, in C"
    ),
    Variant("cython_scan", "scan", "cython", f"{_HERE}.cython_forms:scan_kernel", None, "the scan, in C"),
    Variant("cython_map", "map", "cython", f"{_HERE}.cython_forms:map_kernel", None, "the map, in C"),
    Variant(
        "spark", "vector", "spark", f"{_HERE}.spark_variant", "spark", "blocks of a DataFrame, by the native kernel"
    ),
)

VARIANTS: dict[str, Variant] = {variant.name: variant for variant in _TABLE}


def lookup(name: str) -> Variant:
    """Find a variant by name; a ValueError lists the known names."""
    variant = VARIANTS.get(name) if isinstance(name, str) else None
    if variant is None:
        raise ValueError(f"variant: {name!r} is not one of {', '.join(VARIANTS)} (or 'auto')")
    return variant


def load(name: str) -> Kernel:
    """Import a variant's module and return its kernel.

    Raises
    ------
    VariantUnavailableError
        What the variant needs is not installed; the message names the extra.
    """
    variant = lookup(name)
    module, _, function = variant.module.partition(":")
    try:
        return cast("Kernel", getattr(importlib.import_module(module), function or "kernel"))
    except VariantUnavailableError:  # the module knew what is missing besides a package
        raise
    except ImportError as error:
        raise VariantUnavailableError(_explain(variant, error)) from error


def unavailable_reason(name: str) -> str | None:
    """Why a variant cannot be used here, or None when it can; imports what the variant needs to find out."""
    try:
        load(name)
    except VariantUnavailableError as error:
        return str(error)
    return None


def _explain(variant: Variant, error: ImportError) -> str:
    """Say what is missing, and how to get it."""
    if variant.extra is None:
        remedy = (
            "the native extension is not built for this Python: reinstall with  pip install --force-reinstall headgate"
        )
    else:
        remedy = f"install it with  pip install 'headgate[{variant.extra}]'"
    return f"variant {variant.name!r} is not available ({error}); {remedy}"
