"""What is measured: one function per table, each giving plain rows for the JSON."""

from __future__ import annotations

import itertools
import os
import statistics
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.errors import VariantUnavailableError
from headgate.transforms import _native, sliding_polynomial
from headgate.transforms.registry import load

from . import contenders
from .correctness import reference, verdict
from .timing import interleaved, ratio

if TYPE_CHECKING:
    from collections.abc import Callable

FORMS = ("recursion", "scan", "map")
ENGINES = {"Python": "{}", "numba": "numba_{}", "Cython": "cython_{}"}


@dataclass(frozen=True)
class Plan:
    """How much: sizes, windows, rounds, and seconds a cell may take."""

    sizes: tuple[int, ...]
    windows: tuple[int, ...]
    peer_sizes: tuple[int, ...]
    peer_dtypes: tuple[str, ...]
    peer_windows: tuple[int, ...]
    form_sizes: tuple[int, ...]
    rounds: int
    seconds: float


QUICK = Plan((10, 1_000, 100_000, 9_000_000), (10, 4096), (9_000_000,), ("int32", "float64"), (10,), (10, 90), 11, 0.8)
FULL = Plan(
    (10, 100, 1_000, 10_000, 100_000, 1_000_000, 4_000_000, 9_000_000),
    (2, 10, 100, 1024, 4096),
    (1_000_000, 9_000_000),
    ("int32", "int64", "float32", "float64"),
    (10, 4096),
    (10, 90, 1_000_000),
    41,
    3.0,
)
DTYPES = ("int32", "int64", "float32", "float64")


def _row(n: int, dtype: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    values = rng.standard_normal(n) if np.dtype(dtype).kind == "f" else rng.integers(-1000, 1000, n)
    return values.astype(dtype)


def _median_ns(samples: list[float], n: int) -> float:
    return statistics.median(samples) * 1e9 / n


def against_copies(plan: Plan, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Compare the kernel with copies of the same bytes, `out` given and touched, one thread: all windows in one run."""
    rows = []
    for dtype in DTYPES:
        for n in plan.sizes:
            x = _row(n, dtype, rng)
            out = np.zeros_like(x)
            calls = contenders.copies(x, out)
            windows = [w for w in plan.windows if w <= max(n, 10)]
            calls |= {f"w={w}": contenders.kernel(x, w, out) for w in windows}
            calls |= {f"fresh w={w}": contenders.kernel(x, w, None) for w in windows}
            samples = interleaved(calls, rounds=plan.rounds, seconds=plan.seconds, rng=rng)
            common = {name: _median_ns(samples[name], n) for name in ("memcpy", "streaming copy")}
            for w in windows:
                row = {"dtype": dtype, "n": n, "window": w, "ns": _median_ns(samples[f"w={w}"], n), **common}
                row["fresh"] = _median_ns(samples[f"fresh w={w}"], n)
                row["of_copy"] = ratio(samples["streaming copy"], samples[f"w={w}"], rng)
                row["of_memcpy"] = ratio(samples["memcpy"], samples[f"w={w}"], rng)
                if w != 10 and 10 in windows:
                    row["over_window_10"] = ratio(samples[f"w={w}"], samples["w=10"], rng)
                rows.append(row)
    return rows


def against_peers(plan: Plan, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Compare with other packages' results, freshly allocated by everyone; each is checked against the oracle."""
    running_sum = contenders.numba_running_sum()
    rows = []
    cells = itertools.product(plan.peer_dtypes, plan.peer_sizes, (True, False), plan.peer_windows)
    for dtype, n, weighted, w in cells:
        x = _row(n, dtype, rng)
        calls: dict[str, Callable[[], Any]] = {"headgate": contenders.kernel(x, w, None, weighted=weighted)}
        calls |= contenders.variants(x, w, weighted=weighted)
        calls |= contenders.peers(x, w, running_sum, weighted=weighted)
        right = reference(x, w, weighted=weighted, rng=rng)
        checks = {name: verdict(call(), right) for name, call in calls.items()}
        samples = interleaved(calls, rounds=plan.rounds, seconds=plan.seconds, rng=rng)
        for name, times in samples.items():
            row = {"dtype": dtype, "n": n, "window": w, "weighted": weighted, "name": name}
            row |= {"ms": statistics.median(times) * 1e3, **checks[name]}
            rows.append(row | {"times_slower": ratio(times, samples["headgate"], rng)})
    return rows


def small_calls(plan: Plan, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Time whole calls on 10 elements, where the call is the cost."""
    rows = []
    running_sum = contenders.numba_running_sum()
    fast, empty = _native.fast, np.empty
    for dtype in ("int32", "float64"):
        x = _row(10, dtype, rng)
        out = np.empty_like(x)
        calls: dict[str, Callable[[], Any]] = {
            "nothing": lambda: None,
            "np.empty(10)": lambda: empty(10),
            "native, fresh result": lambda x=x: fast(x, 3),
            "native, out given": lambda x=x, out=out: fast(x, 3, out),
            "sliding_polynomial": lambda x=x: sliding_polynomial(x, 3),
            "np.cumsum": lambda x=x: np.cumsum(x),
        }
        wanted = ("bottleneck.move_sum", contenders.NUMBA)
        calls |= {k: v for k, v in contenders.peers(x, 3, running_sum, weighted=False).items() if k in wanted}
        samples = interleaved(calls, rounds=3 * plan.rounds, seconds=plan.seconds, rng=rng)
        # What the timing loop and the lambda cost is taken off everyone.
        net = {k: [max(t - s, 1e-10) for t, s in zip(v, samples["nothing"], strict=True)] for k, v in samples.items()}
        for name in list(calls)[1:]:
            row = {"dtype": dtype, "name": name, "ns": statistics.median(net[name]) * 1e9}
            rows.append(row | {"over_empty": ratio(net[name], net["np.empty(10)"], rng)})
    return rows


def forms_and_engines(plan: Plan, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Time the article's three forms in each engine; int32, window 10."""
    rows = []
    for n in plan.form_sizes:
        x = _row(n, "int32", rng)[np.newaxis]
        out = np.zeros_like(x)
        for engine, pattern in ENGINES.items():
            try:
                kernels = {form: load(pattern.format(form)) for form in FORMS}
            except VariantUnavailableError:
                continue
            calls = {form: partial(kernel, x, out, 10, (0, 1), "absolute", 1) for form, kernel in kernels.items()}
            for call in calls.values():
                call()  # compiles
            samples = interleaved(calls, rounds=plan.rounds, seconds=plan.seconds, rng=rng)
            for form in FORMS:
                row = {"n": n, "engine": engine, "form": form, "seconds": statistics.median(samples[form])}
                rows.append(row | {"over_map": ratio(samples[form], samples["map"], rng)})
    return rows


def thread_scaling(plan: Plan, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Time the kernel on 1, 2, 4 ... all usable cores; `out` given and touched, window 10."""
    cores = len(os.sched_getaffinity(0))
    counts = sorted({1, cores, *(2**k for k in range(1, 10) if 2**k < cores)})
    rows = []
    for dtype in ("int32", "float64"):
        n = plan.sizes[-1]
        x = _row(n, dtype, rng)
        out = np.zeros_like(x)
        calls = {str(t): contenders.kernel(x, 10, out, threads=t) for t in counts}
        samples = interleaved(calls, rounds=plan.rounds, seconds=plan.seconds, rng=rng)
        for t in counts:
            row = {"dtype": dtype, "n": n, "threads": t, "ns": _median_ns(samples[str(t)], n)}
            rows.append(row | {"speedup": ratio(samples["1"], samples[str(t)], rng)})
    return rows


SECTIONS: dict[str, Callable[[Plan, np.random.Generator], list[dict[str, Any]]]] = {
    "copies": against_copies,
    "peers": against_peers,
    "small": small_calls,
    "forms": forms_and_engines,
    "threads": thread_scaling,
}
