"""What the transform benchmarks share: which variants there are, their input, and what is not worth measuring.

A benchmark that is not worth measuring raises NotImplementedError in ``setup``: asv records it as skipped, not failed.
"""

from __future__ import annotations

import functools
import os
import time
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from headgate.errors import VariantUnavailableError
from headgate.transforms import get
from headgate.transforms.registry import VARIANTS, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.transforms.registry import Kernel

Found = TypeVar("Found")

# Every variant of the registry that runs on one machine's arrays: a new variant is in the suite by being in the table.
NAMES = tuple(name for name, variant in VARIANTS.items() if variant.engine != "spark")
# The article's three forms cost time with the window; the vector variants do not, and are measured on more.
FORMS = tuple(name for name in NAMES if VARIANTS[name].form != "vector")
VECTORS = tuple(name for name in NAMES if VARIANTS[name].form == "vector")
WINDOWS = (10, 100)
SMALL_SIZES = tuple(range(10, 100, 10))
LARGE_SIZES = tuple(range(1_000_000, 10_000_000, 1_000_000))

# Beyond this size an interpreted form takes minutes a call, and a compiled one with a long window seconds.
FORMS_LIMIT = 1_000_000
FULL = os.environ.get("HEADGATE_SUITE") == "full"
THREADS_WORD = os.environ.get("HEADGATE_THREADS", "1")
SEED = 20120917

# Import what is heavy once, before asv forks; one that is not installed is told of by its own setup.
for _name in NAMES:
    try:
        get(_name)
    except VariantUnavailableError:
        continue


def threads() -> int:
    """Return the number of threads this run asks for: HEADGATE_THREADS is a number, or "all" for every usable core."""
    return len(os.sched_getaffinity(0)) if THREADS_WORD == "all" else int(THREADS_WORD)


@functools.lru_cache(maxsize=1)
def array(n: int, dtype: str) -> np.ndarray:
    """Return ``n`` random values; the same in every process."""
    generator = np.random.default_rng(SEED)
    if np.dtype(dtype).kind == "f":
        return generator.standard_normal(n).astype(dtype)
    return generator.integers(-1000, 1000, n, dtype=dtype)


def transform_of(name: str) -> Callable[..., np.ndarray]:
    """Return the variant's transform, or skip the benchmark if the extra it needs is not installed."""
    return _or_skip(get, name)


def kernel_of(name: str) -> Kernel:
    """Return the variant's kernel, the form without argument checks; or skip the benchmark, as `transform_of` does."""
    return _or_skip(load, name)


def _or_skip(find: Callable[[str], Found], name: str) -> Found:
    """Return what ``find`` finds; a variant that needs no extra must be there: its absence is a failure."""
    try:
        return find(name)
    except VariantUnavailableError as error:
        if VARIANTS[name].extra is None:
            raise
        raise NotImplementedError(str(error)) from error


def skip_if_pointless(name: str, window: int, n: int) -> None:
    """Skip what would be measured twice, or would take hours without saying more."""
    variant = VARIANTS[name]
    if THREADS_WORD != "1" and not variant.threads:
        raise NotImplementedError("uses one thread: measured with HEADGATE_THREADS=1")
    if FULL or variant.form == "vector" or n <= FORMS_LIMIT:
        return
    if variant.engine == "python":
        raise NotImplementedError(f"interpreted: sizes above {FORMS_LIMIT:,} run with HEADGATE_SUITE=full")
    if window > WINDOWS[0]:
        raise NotImplementedError(
            f"a slice of {window} an element: sizes above {FORMS_LIMIT:,} run with HEADGATE_SUITE=full"
        )


class PerCall:
    """A clock that ticks in seconds per call where a sample makes ``calls`` calls.

    asv takes one sample per ``setup`` and times one call of the benchmark; a call of tens of nanoseconds must be
    repeated inside it, and the sample still be the time of one.
    """

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def __call__(self) -> float:
        return time.perf_counter() / self.calls


def calls_for(function: Callable[[], object], sample_seconds: float) -> int:
    """Return how many calls of ``function`` take about ``sample_seconds``, at least 1."""
    calls = 1
    while True:
        start = time.perf_counter()
        for _ in range(calls):
            function()
        elapsed = time.perf_counter() - start
        if elapsed >= sample_seconds / 4:
            return max(1, round(calls * sample_seconds / elapsed))
        calls *= 2
