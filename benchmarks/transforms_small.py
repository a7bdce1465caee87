"""Arrays of 10, 20, … 90 elements: what each form costs by itself, and what a call costs around it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from .workload import (
    NAMES,
    SMALL_SIZES,
    THREADS_WORD,
    VECTORS,
    WINDOWS,
    PerCall,
    array,
    calls_for,
    kernel_of,
    transform_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# Long against the clock's resolution and an interrupt, short enough for thousands of samples in a run.
SAMPLE_SECONDS = 0.005


class Small:
    """The form itself, no argument checks: the variant's kernel, on arrays prepared as it takes them.

    What turns an array into the form's own data (the interpreted forms' lists) is part of the form; checking arguments
    and making the result array are not: `Entry` has them.
    """

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
        self.kernel = kernel_of(variant)
        x = array(n, "int32").reshape(1, n)
        self.out = np.zeros_like(x)
        # As a kernel takes them: rows, a window no longer than a row, p(i) = i, the absolute anchor, one thread.
        self.arguments = (x, self.out, min(window, n), (0, 1), "absolute", 1)
        # The first call compiles (numba); the calibration repeats it until it is warm.
        self.kernel(*self.arguments)
        self.calls = calls_for(lambda: self.kernel(*self.arguments), SAMPLE_SECONDS)
        self.timer = PerCall(self.calls)
        self._prepared = (variant, window, n)

    def time_transform(self, variant: str, window: int, n: int) -> None:
        kernel, (x, out, length, coefficients, anchor, threads) = self.kernel, self.arguments
        for _ in itertools.repeat(None, self.calls):
            kernel(x, out, length, coefficients, anchor, threads)


class Entry:
    """A whole call, argument checks and a fresh result array included, and the least that making an array costs.

    The checks are the same for every variant; ``cython`` and the public entry have a native short cut past them.
    """

    params: ClassVar = (("np.empty", "sliding_polynomial", *(f"get({name})" for name in VECTORS)), SMALL_SIZES)
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
        x = array(n, "int32")
        call = entry(function)
        arguments = (n, x.dtype) if function == "np.empty" else (x, 10)
        call(*arguments)
        self.call, self.arguments = call, arguments
        self.calls = calls_for(lambda: call(*arguments), SAMPLE_SECONDS)
        self.timer = PerCall(self.calls)
        self._prepared = (function, n)

    def time_call(self, function: str, n: int) -> None:
        call, (first, second) = self.call, self.arguments
        for _ in itertools.repeat(None, self.calls):
            call(first, second)


def entry(function: str) -> Callable[..., np.ndarray]:
    """Return the function that a parameter of `Entry` names."""
    from headgate.transforms import sliding_polynomial

    if function == "np.empty":
        return np.empty
    if function == "sliding_polynomial":
        return sliding_polynomial
    return transform_of(function.removeprefix("get(").removesuffix(")"))
