"""Arrays of 1,000,000 … 9,000,000 elements: how near the variants come to the memory's own speed."""

from __future__ import annotations

import functools
import statistics
import time
from typing import ClassVar

import numpy as np

from headgate.transforms import sliding_polynomial

from .workload import FORMS, LARGE_SIZES, NAMES, VECTORS, WINDOWS, array, skip_if_pointless, threads, transform_of

DTYPES = ("int32", "float64")
# Interleaved pairs of one copy and one transform, fewer (but three) where a transform is too slow for so many.
TRACK_PAIRS = 9
TRACK_LEAST_PAIRS = 3
TRACK_SECONDS = 1.0


class _Prepared:
    """One variant, ready to be called: input made, pages touched, code compiled."""

    _prepared: object = None

    def prepare(self, variant: str, dtype: str, window: int, n: int) -> bool:
        key = (variant, dtype, window, n)
        if self._prepared == key:
            return False  # asv sets up again before every sample
        skip_if_pointless(variant, window, n)
        transform_of(variant)
        self.x = array(n, dtype)
        self.run = functools.partial(sliding_polynomial, window=window, variant=variant, threads=threads())
        # numba compiles for each dtype; 4,096 elements are enough to reach every compiled path but the threads' start.
        self.run(self.x[: min(n, 4096)])
        self._prepared = key
        return True


class Large(_Prepared):
    params: ClassVar = (VECTORS, DTYPES, WINDOWS, LARGE_SIZES)
    param_names: ClassVar = ("variant", "dtype", "window", "n")
    rounds = 2
    repeat = (2, 10, 4.0)
    warmup_time = 0.05
    timeout = 300

    def setup(self, variant: str, dtype: str, window: int, n: int) -> None:
        if self.prepare(variant, dtype, window, n):
            self.run(self.x)

    def time_transform(self, variant: str, dtype: str, window: int, n: int) -> None:
        """A fresh result each call: what a caller pays, page faults and all."""
        self.run(self.x)


class Forms(_Prepared):
    """The article's forms, with its integers: what a slice an element costs in recursion, scan and map."""

    params: ClassVar = (FORMS, WINDOWS, LARGE_SIZES)
    param_names: ClassVar = ("variant", "window", "n")
    rounds = 2
    repeat = (2, 10, 4.0)
    warmup_time = 0.05
    timeout = 900

    def setup(self, variant: str, window: int, n: int) -> None:
        self.prepare(variant, "int32", window, n)

    def time_transform(self, variant: str, window: int, n: int) -> None:
        self.run(self.x)


class LargeOut(_Prepared):
    """Results written into the same array again and again: what the kernel costs once the pages are there."""

    params: ClassVar = (VECTORS, DTYPES, WINDOWS, LARGE_SIZES)
    param_names: ClassVar = Large.param_names
    rounds = 2
    repeat = (2, 10, 4.0)
    warmup_time = 0.05
    timeout = 300

    def setup(self, variant: str, dtype: str, window: int, n: int) -> None:
        if self.prepare(variant, dtype, window, n):
            self.out = np.zeros_like(self.x)
            self.run(self.x, out=self.out)

    def time_transform(self, variant: str, dtype: str, window: int, n: int) -> None:
        self.run(self.x, out=self.out)

    def track_copy_share(self, variant: str, dtype: str, window: int, n: int) -> float:
        """Return the time of a streaming copy of the same bytes, divided by the transform's: 1 is the machine's limit.

        Copy and transform take turns in one process, so that what disturbs one disturbs the other; median of the pairs.
        """
        shares: list[float] = []
        end = time.perf_counter() + TRACK_SECONDS
        while len(shares) < TRACK_LEAST_PAIRS or (len(shares) < TRACK_PAIRS and time.perf_counter() < end):
            shares.append(self._copy_seconds() / self._transform_seconds())
        return statistics.median(shares)

    track_copy_share.unit = "fraction of copy bandwidth"

    def _copy_seconds(self) -> float:
        from headgate.measure._ceilings import copy

        start, stop = copy(self.out.view(np.uint8), self.x.view(np.uint8), True, 1)
        return (stop - start) * 1e-9

    def _transform_seconds(self) -> float:
        start = time.perf_counter()
        self.run(self.x, out=self.out)
        return time.perf_counter() - start


class Memory(_Prepared):
    """The most memory a process holds while it transforms: interpreter, input, result, and what is wasted."""

    # The window and the dtype change what is in the arrays, not how many there are.
    params: ClassVar = (NAMES, LARGE_SIZES)
    param_names: ClassVar = ("variant", "n")
    timeout = 900

    def setup(self, variant: str, n: int) -> None:
        if threads() != 1:
            raise NotImplementedError("threads share one result: measured with HEADGATE_THREADS=1")
        self.prepare(variant, "int32", 10, n)

    def peakmem_transform(self, variant: str, n: int) -> None:
        self.run(self.x)
