"""Loading many keys of a lazy map at once, in a bounded number of threads, with a progress bar on a terminal."""

from __future__ import annotations

import contextlib
import contextvars
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Literal, TypeVar

from headgate.datasets.lazy_table import MISSING, Missing
from headgate.datasets.lazy_values import Prefetched
from headgate.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["prefetch"]

K = TypeVar("K")
V = TypeVar("V")


def prefetch(
    keys: Sequence[K], obtain: Callable[[K], V | Literal[Missing.MISSING]], *, workers: int, progress: bool | None
) -> Prefetched[K]:
    """Call ``obtain`` for each key in ``workers`` threads, and tell what became of each; the keys are distinct."""
    if not keys:
        return Prefetched((), (), {})
    loaded: dict[K, None] = {}
    absent: dict[K, None] = {}
    failed: dict[K, LoadError] = {}
    with _bar(len(keys), progress) as advance, _threads(min(workers, len(keys))) as pool:
        # Each has a context of its own: a loader that prefetches is known to be inside its load there too.
        asked = {pool.submit(contextvars.copy_context().run, obtain, key): key for key in keys}
        for future in as_completed(asked):
            key = asked[future]
            try:
                (absent if future.result() is MISSING else loaded)[key] = None
            except LoadError as error:
                failed[key] = error
            advance(len(failed))
    return Prefetched(
        tuple(key for key in keys if key in loaded),
        tuple(key for key in keys if key in absent),
        {key: failed[key] for key in keys if key in failed},
    )


@contextlib.contextmanager
def _threads(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Give a pool whose threads are waited for, unless we are interrupted: then nothing new is begun."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="headgate-prefetch")
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


@contextlib.contextmanager
def _bar(total: int, progress: bool | None) -> Iterator[Callable[[int], None]]:
    """Give a function that notes one more key done; it shows counts alone, on standard error."""
    if not (sys.stderr.isatty() if progress is None else progress):
        yield lambda _failed: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("loading"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    console = Console(stderr=True)
    # On a terminal the bar goes when it is done; elsewhere its last state is all that is ever written.
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda failed: bar.update(task, advance=1, description=f"{failed} failed" if failed else "")
