"""What a fork does to lazy maps: the child has their values, and no loads that only other threads would have ended.

A loader whose values belong to one process says so by ``values_survive_fork = False``: the child then has none of them.

Every map's lock is taken before a fork, so that a child finds no state half changed.
"""

from __future__ import annotations

import functools
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

from headgate.datasets import lazy_flight

if TYPE_CHECKING:
    from headgate.datasets.lazy_loading import Loading

__all__ = ["guard", "values_survive"]

_maps: weakref.WeakSet[Loading[Any, Any]] = weakref.WeakSet()
_maps_lock = threading.Lock()
_held: list[threading.Lock] = []


def guard(one: Loading[Any, Any]) -> None:
    """Have forks take care of a map, as long as there is one."""
    with _maps_lock:
        _maps.add(one)


def values_survive(loader: Any) -> bool:
    """Say whether a child may have what ``loader`` loaded; of a function around a loader nothing is known."""
    while isinstance(loader, functools.partial):
        loader = loader.func
    return bool(getattr(getattr(loader, "__self__", loader), "values_survive_fork", True))


def _before() -> None:
    _maps_lock.acquire()  # first: it also keeps two forks apart
    lazy_flight.graph_lock().acquire()
    _held.extend(one.hold() for one in sorted(_maps, key=id))


def _after_in_parent() -> None:
    while _held:
        _held.pop().release()
    lazy_flight.graph_lock().release()
    _maps_lock.release()


def _after_in_child() -> None:
    global _maps_lock  # noqa: PLW0603 - its owner is the thread that forked, and a new one is sure to be free
    _held.clear()
    _maps_lock = threading.Lock()
    for one in _maps:
        one.begin_in_child()
    lazy_flight.reset_after_fork()


if hasattr(os, "register_at_fork"):  # Windows has no fork to take care of
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
