"""The transform study's measurements, out of a machine's results. Pure.

The study knows the suite by its names alone (``transforms_small``, ``transforms_large``), and a variant's form and
engine by the variant's name: ``numba_scan`` is the scan by Numba, ``numpy`` whole-array NumPy, ``map`` Python's map.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.formats.saved import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headgate.formats.saved import SavedResult, SavedRun

__all__ = ["ENGINES", "FORMS", "ITEM_BYTES", "Point", "Series", "classify", "distinct", "plain", "points", "series"]

FORMS = ("recursion", "scan", "map")
ENGINES = ("python", "numba", "cython")
ITEM_BYTES = {"int32": 4, "uint32": 4, "float32": 4, "int64": 8, "uint64": 8, "float64": 8}
THREADS_VARIABLE = "HEADGATE_THREADS"

# benchmark's name -> what it measures
KINDS = {
    "transforms_small.Small.time_transform": "small",
    "transforms_small.Entry.time_call": "entry",
    "transforms_large.Large.time_transform": "large",
    "transforms_large.Forms.time_transform": "large",
    "transforms_large.LargeOut.time_transform": "out",
    "transforms_large.LargeOut.track_copy_share": "share",
    "transforms_large.Memory.peakmem_transform": "memory",
}
# What a benchmark has no parameter for, it does with these.
DEFAULT_DTYPE = "int32"
DEFAULT_WINDOW = 10


@dataclass(frozen=True, slots=True)
class Point:
    """One measured combination: ``value`` is seconds, bytes or a fraction by ``kind``; ``n`` is elements."""

    kind: str
    variant: str
    dtype: str
    window: int
    n: int
    threads: str
    value: float
    lower: float | None
    upper: float | None
    samples: int


@dataclass(frozen=True, slots=True)
class Series:
    """One variant over the sizes, all else equal; ``points`` are in order of n."""

    kind: str
    variant: str
    dtype: str
    window: int
    threads: str
    points: tuple[Point, ...]


def classify(variant: str) -> tuple[str, str]:
    """Return a variant's form and engine.

    >>> classify("map"), classify("cython_scan"), classify("numpy")
    (('map', 'python'), ('scan', 'cython'), ('vector', 'numpy'))
    """
    if variant in FORMS:
        return variant, "python"
    engine, _, form = variant.partition("_")
    return (form, engine) if form in FORMS else ("vector", engine)


def plain(text: str) -> str:
    """Return the value behind a parameter's repr: ``'int32'`` in quotes is int32; anything else stays as it is."""
    if text[:1] in {"'", '"'}:
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return text
        return value if isinstance(value, str) else text
    return text


def points(runs: Iterable[SavedRun]) -> list[Point]:
    """Return every measured point of the study in ``runs``; other benchmarks are left alone."""
    found = []
    for run in runs:
        threads = run.env_vars.get(THREADS_VARIABLE, "1")
        for result in run.results:
            point = _point(result, threads)
            if point is not None:
                found.append(point)
    return found


def series(all_points: Sequence[Point], kind: str, dtype: str, window: int, threads: str = "1") -> list[Series]:
    """Return the series of one figure or table, in the order in which the suite lists the variants."""
    by_variant: dict[str, list[Point]] = {}
    for point in all_points:
        if (point.kind, point.dtype, point.window, point.threads) == (kind, dtype, window, threads):
            by_variant.setdefault(point.variant, []).append(point)
    return [
        Series(kind, variant, dtype, window, threads, tuple(sorted(found, key=lambda point: point.n)))
        for variant, found in by_variant.items()
    ]


def distinct(all_points: Sequence[Point], kind: str) -> list[tuple[str, int]]:
    """Return the (dtype, window) pairs that ``kind`` was measured with."""
    return sorted({(point.dtype, point.window) for point in all_points if point.kind == kind}, key=_dtype_first)


def _dtype_first(pair: tuple[str, int]) -> tuple[bool, str, int]:
    return pair[0] != DEFAULT_DTYPE, *pair


def _point(result: SavedResult, threads: str) -> Point | None:
    kind = KINDS.get(result.benchmark.name)
    if kind is None or result.outcome is not Outcome.MEASURED or result.value is None:
        return None
    given = dict(zip(result.benchmark.param_names, map(plain, result.benchmark.params), strict=False))
    try:
        n, window = int(given["n"]), int(given.get("window", DEFAULT_WINDOW))
    except (KeyError, ValueError):
        return None  # another version of the suite: it is in the list of all results
    return Point(
        kind=kind,
        variant=given.get("variant") or given.get("function") or "",
        dtype=given.get("dtype", DEFAULT_DTYPE),
        window=window,
        n=n,
        threads=threads,
        value=result.value,
        lower=result.lower,
        upper=result.upper,
        samples=len(result.samples),
    )
