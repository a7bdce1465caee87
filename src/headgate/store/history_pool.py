"""Chunks of work over a few processes, in order; a single process where that is all there is."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

__all__ = ["in_chunks"]

Job = TypeVar("Job")
Result = TypeVar("Result")
# Chunks handed out ahead of the one awaited, per process: results wait in memory no further than this.
AHEAD = 2
# Starting a process costs about as much as these chunks save.
WORTHWHILE = 6


def in_chunks(function: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    """Yield ``function(job)`` for each job, in order. ``function`` must be a module's own, its results picklable.

    An interrupt reaches the caller alone: what is running ends with its chunk, the rest is not begun.
    """
    if workers < 2 or len(jobs) < WORTHWHILE:
        yield from map(function, jobs)
        return
    context = multiprocessing.get_context("spawn")  # safe whatever threads the caller has
    pool = ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context, initializer=_serve)
    try:
        waiting = iter(jobs)
        running: deque[Future[Result]] = deque(pool.submit(function, job) for job in islice(waiting, workers * AHEAD))
        while running:
            result = running.popleft().result()
            running.extend(pool.submit(function, job) for job in islice(waiting, 1))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _serve() -> None:
    """Leave interrupts to the caller, and end when it is gone: killed, it could not say so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_caller, daemon=True).start()


def _end_with_caller() -> None:
    caller = multiprocessing.parent_process()
    if caller is not None:
        caller.join()
        os._exit(1)
