"""The search for change points over every series of a tree, in several processes, and how far it is."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TextIO

    import numpy as np
    import numpy.typing as npt

    from headgate.stats.changepoint import ChangePoint
    from headgate.store.history import Series

__all__ = ["searched", "usable_cores", "watched"]

MOST_WORKERS = 8
# Values a chunk: about half a second of search.
_VALUES_A_CHUNK = 10_000


def usable_cores() -> int:
    """Return how many processes may work at once: this process's cores, at most `MOST_WORKERS`."""
    return max(1, min(MOST_WORKERS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1))


def searched(series: Sequence[Series], workers: int, progress: Callable[[int, int], None]) -> list[list[ChangePoint]]:
    """Return the change points of each of ``series``; ``progress`` is told how many are done, of how many."""
    from headgate.store.history_pool import in_chunks

    total = sum(one.values.size for one in series)
    # Chunks of about equal work; small trees are one chunk and stay in this process.
    size = max(1, len(series) * _VALUES_A_CHUNK // max(1, total))
    values = [one.values for one in series]
    jobs: list[Sequence[npt.NDArray[np.float64]]] = [values[i : i + size] for i in range(0, len(values), size)]
    found: list[list[ChangePoint]] = []
    for points in in_chunks(_search, jobs, workers):
        found += points
        progress(len(found), len(values))
    return found


def _search(chunk: Sequence[npt.NDArray[np.float64]]) -> list[list[ChangePoint]]:
    from headgate.stats.changepoint import change_points

    return [change_points(values) for values in chunk]


@contextlib.contextmanager
def watched(err: TextIO, *, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Give a function that shows how far a step is; it does nothing where no one watches."""
    if quiet or not err.isatty():
        yield lambda _step, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=err), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda step, done, total: bar.update(task, description=step, completed=done, total=total)
