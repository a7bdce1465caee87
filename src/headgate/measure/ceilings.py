"""The machine's ceilings: how fast it copies, reads and calls, which no benchmark on it can beat.

Bandwidth is payload bytes per second: a copy of n bytes counts n, though it moves each of them in and out of the core.
Buffers are touched before, so page faults are not in it. Every repetition takes all ceilings in a fresh random order,
so that a disturbance falls on all of them; what is kept is the spread of the repetitions.
"""

from __future__ import annotations

import itertools
import random
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from headgate.errors import MeasurementError, UsageError
from headgate.model import Ceiling

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    import numpy as np

__all__ = ["FULL", "QUICK", "CeilingPlan", "copy_bandwidth", "measure_ceilings", "streaming_isa"]

ALIGNMENT = 4096  # a page: buffers start alike on every run
BATCH_SECONDS = 2e-3  # one timing: 10^5 times the clock's own cost, short beside a scheduler's slice
THREADS_START_NS = 200_000  # threads agree to start this much later: longer than waking them takes
MEMORY_SHARE = 0.25  # buffers take at most this share of the memory that is available
CALL_LOOPS = 2000  # calls in one timing of a call: 50 µs and more


@dataclass(frozen=True, slots=True)
class CeilingPlan:
    """What to measure: payloads in bytes, at most so many repetitions, in at most about so many seconds."""

    sizes: tuple[int, ...]
    repetitions: int
    seconds: float


# The payloads are arrays of 100,000, 1,000,000, 4,000,000 and 9,000,000 elements of 4 and 8 bytes, and one that fits
# the first two cache levels.
FULL = CeilingPlan(
    (65_536, 400_000, 800_000, 4_000_000, 8_000_000, 16_000_000, 32_000_000, 36_000_000, 72_000_000), 25, 15.0
)
QUICK = CeilingPlan((400_000, 4_000_000, 36_000_000), 15, 2.5)


@dataclass(frozen=True, slots=True)
class _Cell:
    """One ceiling to be sampled: ``sample()`` returns one value in ``unit``."""

    kind: str
    unit: str
    sample: Callable[[], float]
    nbytes: int | None = None
    threads: int = 1
    method: str = ""


def measure_ceilings(
    plan: CeilingPlan = FULL,
    *,
    threads: int = 1,
    memory_available: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[Ceiling, ...]:
    """Measure copy and read bandwidth per payload, on one thread and on ``threads``, and the cost of calls.

    Parameters
    ----------
    plan
        `FULL` (at most about 20 s) or `QUICK` (at most about 4 s).
    threads
        The cores this process may use; 1 leaves the many-thread ceilings out.
    memory_available
        Bytes; payloads whose two buffers would take more than a quarter of it are left out.
    progress
        Called with the share done, 0 to 1, after each repetition.

    Returns
    -------
    tuple of Ceiling
        ``copy`` (memcpy), ``copy_streaming`` (left out where the processor has no such stores), ``read``, and
        ``call_empty_array``, ``call_function``, ``call_clock`` in seconds per call.

    Raises
    ------
    MeasurementError
        The native kernels are not built, or no payload fits in memory.
    """
    started = time.perf_counter()
    fits = float("inf") if memory_available is None else memory_available * MEMORY_SHARE / 2
    sizes = [size for size in plan.sizes if size <= fits]
    if not sizes:
        raise MeasurementError(
            f"no ceiling can be measured: {memory_available} bytes of memory are available; free some, or use "
            "--no-ceilings"
        )
    with _Team(max(sizes), threads) as team:
        cells = [*_bandwidth_cells(team, sizes), *_call_cells()]
        samples = _repeat(cells, plan, started, progress or (lambda _share: None))
    return tuple(_summarise(cell, values) for cell, values in zip(cells, samples, strict=True))


def copy_bandwidth(nbytes: int, *, streaming: bool = True, threads: int = 1, repeats: int = 9) -> float:
    """Return the machine's copy bandwidth for ``nbytes`` of payload, in bytes per second, measured now.

    What a benchmark divides its own speed by. The median of ``repeats`` timings of about 2 ms; ``streaming`` asks for
    non-temporal stores, which are memcpy where the processor has none (see `streaming_isa`).

    Raises
    ------
    UsageError
        An argument is below 1.
    MeasurementError
        The native kernels are not built.
    """
    for name, value in (("nbytes", nbytes), ("threads", threads), ("repeats", repeats)):
        if value < 1:
            raise UsageError(f"copy_bandwidth: {name} must be 1 or more, got {value}")
    with _Team(nbytes, threads) as team:
        sample = team.bandwidth("copy_streaming" if streaming else "copy", nbytes, threads)
        return statistics.median(sample() for _ in range(repeats))


def streaming_isa() -> str:
    """Name the instructions the streaming copy uses here; "none" where there are none and it is memcpy."""
    return str(_kernels().streaming_isa())


class _Team:
    """Two touched buffers and the threads that work on them."""

    def __init__(self, nbytes: int, threads: int) -> None:
        self.kernels = _kernels()
        self.threads = threads
        self._source, self._target = _aligned(nbytes), _aligned(nbytes)
        self._pool = ThreadPoolExecutor(max_workers=max(1, threads - 1), thread_name_prefix="ceilings")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        # A kernel call lasts milliseconds, so after Ctrl-C this waits no longer than that.
        self._pool.shutdown(wait=True, cancel_futures=True)

    def bandwidth(self, kind: str, nbytes: int, threads: int) -> Callable[[], float]:
        """Return a function that takes one sample in bytes per second; the first, here, chooses the batch."""
        threads = min(threads, nbytes)
        bounds = [nbytes * part // threads for part in range(threads + 1)]
        shares = [slice(low, high) for low, high in itertools.pairwise(bounds)]
        self._time(kind, shares, 1)  # warms the caches
        number = max(1, round(BATCH_SECONDS * 1e9 / max(1, self._time(kind, shares, 1))))

        def sample() -> float:
            if number > 1:  # small enough for a cache, which another ceiling's data may fill by now
                self._time(kind, shares, 1)
            return nbytes * number * 1e9 / max(1, self._time(kind, shares, number))

        return sample

    def _time(self, kind: str, shares: list[slice], number: int) -> int:
        """Return the nanoseconds from the first thread's start to the last one's end."""
        begin = self.kernels.clock_ns() + THREADS_START_NS if len(shares) > 1 else 0

        def work(share: slice) -> tuple[int, int]:
            source = self._source[share]
            if kind == "read":
                times: tuple[int, int] = self.kernels.read(source, number, begin)
            else:
                streaming = kind == "copy_streaming"
                times = self.kernels.copy(self._target[share], source, streaming, number, begin)
            return times

        others = [self._pool.submit(work, share) for share in shares[1:]]
        times = [work(shares[0]), *(other.result() for other in others)]
        return max(stop for _, stop in times) - min(start for start, _ in times)


def _bandwidth_cells(team: _Team, sizes: list[int]) -> list[_Cell]:
    streaming = team.kernels.streaming_isa()
    methods = {"copy": "memcpy of the C library", "read": f"{team.kernels.read_isa()} loads"}
    if streaming != "none":
        methods["copy_streaming"] = f"{streaming} non-temporal stores"
    return [
        _Cell(kind, "B/s", team.bandwidth(kind, nbytes, threads), nbytes, threads, method)
        for kind, method in sorted(methods.items())
        for threads in sorted({1, team.threads})
        for nbytes in sizes
    ]


def _call_cells() -> list[_Cell]:
    import numpy as np

    calls: dict[str, tuple[str, Callable[..., object], str]] = {
        "call_empty_array": ("f(10)", np.empty, "numpy.empty(10)"),
        "call_function": ("f()", lambda: None, "a Python function without arguments or body"),
        "call_clock": ("f()", time.perf_counter, "time.perf_counter()"),
    }
    return [
        _Cell(kind, "s", _call_cost(statement, function), method=f"{what}, empty loop subtracted")
        for kind, (statement, function, what) in calls.items()
    ]


def _call_cost(statement: str, function: Callable[..., object]) -> Callable[[], float]:
    """Return a function that takes one sample: seconds per call, less an empty loop timed beside it."""
    import timeit

    call, loop = timeit.Timer(statement, globals={"f": function}), timeit.Timer("pass")
    return lambda: max(0.0, call.timeit(CALL_LOOPS) - loop.timeit(CALL_LOOPS)) / CALL_LOOPS


def _repeat(
    cells: list[_Cell], plan: CeilingPlan, started: float, progress: Callable[[float], None]
) -> list[list[float]]:
    """Sample every cell once per repetition, in random order, until the plan's repetitions or its time are up."""
    samples: list[list[float]] = [[] for _ in cells]
    order = list(range(len(cells)))
    shuffle = random.Random(0).shuffle  # noqa: S311 - an order of measurement, no secret
    for done in range(1, plan.repetitions + 1):
        shuffle(order)
        for position in order:
            samples[position].append(cells[position].sample())
        share = (time.perf_counter() - started) / plan.seconds
        progress(min(1.0, max(done / plan.repetitions, share)))
        if share * (done + 1) / done > 1:  # one more like these would not fit
            break
    return samples


def _summarise(cell: _Cell, values: list[float]) -> Ceiling:
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return Ceiling(
        kind=cell.kind,
        unit=cell.unit,
        n=len(values),
        minimum=min(values),
        lower_quartile=lower,
        median=median,
        upper_quartile=upper,
        maximum=max(values),
        nbytes=cell.nbytes,
        threads=cell.threads,
        method=cell.method,
    )


def _aligned(nbytes: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return ``nbytes`` on a page boundary, every page touched."""
    import numpy as np

    raw = np.ones(nbytes + ALIGNMENT, dtype=np.uint8)
    offset = -raw.ctypes.data % ALIGNMENT
    return raw[offset : offset + nbytes]


def _kernels() -> ModuleType:
    try:
        from headgate.measure import _ceilings
    except ImportError as error:
        raise MeasurementError(
            "headgate's native kernels are not built, so no ceiling can be measured: reinstall it (pip install .), "
            "or use --no-ceilings"
        ) from error
    return _ceilings
