"""Where one way of summing a window overtakes another: the measurements behind the constants of `numpy` and `numba`.

    python benchmarks/studies/transform_crossovers.py crossover       # RUNNING_SUM_ADDITIONS and BLOCKS_ADDITIONS
    python benchmarks/studies/transform_crossovers.py rivals          # variant numpy against hand-written NumPy

Two ways take turns in one process; what is printed is the median of the ratios of neighbours, in thread CPU time, so a
busy machine disturbs it little. It still depends on the CPU (vector width, cache sizes) and on the versions of NumPy
and Numba.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import numpy as np

from headgate.transforms import numpy_, numpy_pieces

if TYPE_CHECKING:
    from collections.abc import Callable

N = 1_000_000
PAIRS = 15
SEED = 20120917


def ratio(ours: Callable[[], object], other: Callable[[], object], pairs: int = PAIRS) -> float:
    """Return the median of ours / other; both have been called once before."""
    ours()
    other()
    found = []
    for index in range(pairs):
        order = (ours, other) if index % 2 else (other, ours)
        seconds = {function: _seconds(function) for function in order}
        found.append(seconds[ours] / seconds[other])
    return statistics.median(found)


def _seconds(function: Callable[[], object]) -> float:
    start = time.thread_time()
    function()
    return time.thread_time() - start


def values(dtype: str, n: int = N) -> np.ndarray:
    generator = np.random.default_rng(SEED)
    if np.dtype(dtype).kind == "f":
        return generator.standard_normal((1, n)).astype(dtype)
    return generator.integers(-1000, 1000, (1, n), dtype=dtype)


def running_sum_ratio(dtype: str, window: int) -> float:
    """Return doubling / difference of running sums, in variant `numpy`: above 1 the running sums win."""
    x = values(dtype)
    out = np.empty_like(x)

    def with_threshold(threshold: int) -> Callable[[], None]:
        def run() -> None:
            numpy_pieces.RUNNING_SUM_ADDITIONS = {4: threshold, 8: threshold}
            numpy_.kernel(x, out, window, (0, 1), "absolute", 1)

        return run

    return ratio(with_threshold(N), with_threshold(1))


def blocks_ratio(dtype: str, window: int) -> float:
    """Return doubling / blocks, in variant `numba`: above 1 the blocks win."""
    from headgate.transforms import numba_kernels as kernels

    x = values(dtype)
    out, weights = np.empty_like(x), np.array([0.0, 1.0])
    return ratio(
        lambda: kernels.float_absolute_doubling(x, out, window, weights, 0, N),
        lambda: kernels.float_absolute_blocks(x, out, window, weights, 0, N),
    )


def cumsum_rival(x: np.ndarray, window: int, out: np.ndarray) -> None:
    """Write what most would write: a difference of running sums. For floats it drifts, and keeps a NaN for ever."""
    sums = np.arange(x.size, dtype=x.dtype)
    np.multiply(sums, x, out=sums)
    np.cumsum(sums, dtype=x.dtype, out=sums)
    out[0] = 0
    out[1 : window + 1] = sums[:window]
    np.subtract(sums[window:-1], sums[: -window - 1], out=out[window + 1 :])


def shifted_rival(x: np.ndarray, window: int, out: np.ndarray) -> None:
    """Write w shifted additions."""
    terms = np.arange(x.size, dtype=np.float64)
    np.multiply(terms, x, out=terms)
    out[:] = 0
    for k in range(1, window + 1):
        np.add(out[k:], terms[:-k], out=out[k:])


def blocks_rival(x: np.ndarray, window: int, out: np.ndarray) -> None:
    """Write blocks of w with prefix and suffix scans by add.accumulate (van Herk 1992; Gil and Werman 1993)."""
    count = -(-x.size // window) + 1
    terms = np.zeros((count, window))
    flat = terms.reshape(-1)
    np.multiply(np.arange(x.size, dtype=np.float64), x, out=flat[: x.size])
    prefix = np.add.accumulate(terms, axis=1).reshape(-1)
    suffix = np.add.accumulate(terms[:, ::-1], axis=1)[:, ::-1].reshape(-1)
    out[0] = 0
    out[1 : window + 1] = prefix[:window]
    out[window + 1 :] = prefix[window : x.size - 1]
    # Before place n stand the elements n - w ... n - 1: where they are one whole block, its prefix is all of them.
    suffix[::window] = 0
    np.add(out[window:], suffix[: x.size - window], out=out[window:])


def rivals() -> None:
    for dtype, candidates in (("int32", (cumsum_rival,)), ("float64", (shifted_rival, blocks_rival, cumsum_rival))):
        x = values(dtype)
        for window in (10, 100):
            out, other = np.empty_like(x), np.empty(N, dtype)
            numpy_.kernel(x, out, window, (0, 1), "absolute", 1)
            for rival in candidates:
                rival(x[0], window, other)
                np.testing.assert_allclose(other, out[0], rtol=1e-6, atol=1e-3)
                share = ratio(
                    lambda x=x, out=out, window=window: numpy_.kernel(x, out, window, (0, 1), "absolute", 1),
                    lambda x=x, other=other, window=window, rival=rival: rival(x[0], window, other),
                )
                _say(f"{dtype} w={window}: numpy takes {share:.2f} times {rival.__name__}'s time")


def crossover() -> None:
    for dtype in ("int32", "int64"):
        for window in (8, 10, 32, 63, 100, 128, 255, 512, 1023, 4096, 8191, 16384, 32767, 65536):
            found = running_sum_ratio(dtype, window)
            _say(
                f"numpy {dtype} w={window}, {_additions(window)}: doubling takes {found:.2f} of the running sums' time"
            )
    for dtype in ("float64", "float32"):
        for window in (16, 31, 63, 64, 96, 127, 128, 192, 255, 256, 512, 1023, 1024):
            found = blocks_ratio(dtype, window)
            _say(f"numba {dtype} w={window}, {_additions(window)}: doubling takes {found:.2f} of the blocks' time")


def _additions(window: int) -> str:
    return f"{numpy_pieces.doubling_additions(window)} additions"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a script's output


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("crossover", "rivals"))
    {"crossover": crossover, "rivals": rivals}[parser.parse_args().what]()
