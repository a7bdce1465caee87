"""The lazy map without its compiled part, beside the one with it: the same tests run on both."""

from __future__ import annotations

import inspect
import threading
from typing import TYPE_CHECKING, Any

from headgate.datasets.lazy_map import LazyMap, LazyMethods
from headgate.datasets.lazy_table import Node, Table

if TYPE_CHECKING:
    from collections.abc import Callable

# Long enough for a loaded machine; a test that waits this long has failed.
PATIENCE = 30.0
DEFAULTS = {name: one.default for name, one in inspect.signature(LazyMap).parameters.items() if name != "loader"}


class PythonLazyMap(Table[Any, Any], LazyMethods[Any, Any, Any]):
    _node = Node

    def __init__(self, loader: Callable[[Any], Any], **settings: Any) -> None:
        self._set_up(Table, loader, {**DEFAULTS, **settings})


KINDS = (LazyMap, PythonLazyMap)


class Clock:
    """A time that only a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def in_threads(count: int, work: Callable[[int], object]) -> list[object]:
    """Call ``work(i)`` in ``count`` threads that start together; return what each returned or raised."""
    barrier = threading.Barrier(count)
    results: list[object] = [None] * count

    def run(i: int) -> None:
        barrier.wait(PATIENCE)
        try:
            results[i] = work(i)
        except BaseException as error:  # noqa: BLE001 - the caller looks at it
            results[i] = error

    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    return results


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    import time

    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.001)
