"""Arrays of 10, 20, … 90 elements: the cost of a call, and of a slice per element."""

from __future__ import annotations

import itertools
from typing import ClassVar

import numpy as np

from .workload import NAMES, SMALL_SIZES, THREADS_WORD, WINDOWS, PerCall, array, calls_for, transform_of

# Long against the clock's resolution and an interrupt, short enough for thousands of samples in a run.
SAMPLE_SECONDS = 0.005


class Small:
    params: ClassVar = (NAMES, WINDOWS, SMALL_SIZES)
    param_names: ClassVar = ("variant", "window", "n")
    rounds = 2
    repeat = (5, 10, 2.0)
    warmup_time = 0.02
    timeout = 60
    _prepared: object = None

    def setup(self, variant: str, window: int, n: int) -> None:
        if self._prepared == (variant, window, n):
            return  # asv sets up again before every sample
        if THREADS_WORD != "1":
            raise NotImplementedError("threads have nothing to share below a thousand elements")
        self.transform = transform_of(variant)
        self.x = array(n, "int32")
        # The first call compiles (numba); the calibration repeats it until it is warm.
        self.transform(self.x, window)
        self.calls = calls_for(lambda: self.transform(self.x, window), SAMPLE_SECONDS)
        self.timer = PerCall(self.calls)
        self._prepared = (variant, window, n)

    def time_transform(self, variant: str, window: int, n: int) -> None:
        transform, x = self.transform, self.x
        for _ in itertools.repeat(None, self.calls):
            transform(x, window)


class Entry:
    """The least a call that makes an array can cost, and the public entry beside it."""

    params: ClassVar = (("np.empty", "sliding_polynomial"), SMALL_SIZES)
    param_names: ClassVar = ("function", "n")
    rounds = 2
    repeat = (5, 10, 2.0)
    warmup_time = 0.02
    timeout = 60
    _prepared: object = None

    def setup(self, function: str, n: int) -> None:
        if self._prepared == (function, n):
            return
        if THREADS_WORD != "1":
            raise NotImplementedError("threads have nothing to share below a thousand elements")
        from headgate.transforms import sliding_polynomial

        x = array(n, "int32")
        call, arguments = (np.empty, (n, x.dtype)) if function == "np.empty" else (sliding_polynomial, (x, 10))
        call(*arguments)
        self.call, self.arguments = call, arguments
        self.calls = calls_for(lambda: call(*arguments), SAMPLE_SECONDS)
        self.timer = PerCall(self.calls)
        self._prepared = (function, n)

    def time_call(self, function: str, n: int) -> None:
        call, (first, second) = self.call, self.arguments
        for _ in itertools.repeat(None, self.calls):
            call(first, second)
