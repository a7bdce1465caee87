"""One load under way, who waits for it, and whether waiting could ever end.

Loads are the nodes of a graph and "my loader asked for" its edges. A request from inside a loader adds an edge, unless
that would close a circle: then it raises. Inside which loader code runs is kept in a context variable, so that it is
known in async tasks and in the threads they start too. The graph is one for all maps, because circles can run through
several; its lock is taken by requests from inside a loader alone, and held for the walk, never for a wait or a load.
"""

from __future__ import annotations

import threading
import traceback
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from headgate.datasets.lazy_table import MISSING
from headgate.errors import CircularLoadError, HeadgateError, LoadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headgate.datasets.lazy_table import Node

__all__ = [
    "Answer",
    "Ending",
    "Load",
    "following",
    "graph_lock",
    "load_error",
    "reset_after_fork",
    "run_inside",
    "running_load",
    "told",
    "without_frames",
]

K = TypeVar("K")
V = TypeVar("V")
P = TypeVar("P")


# Begins the note that stands for a traceback.
_RAISED_AT = "raised at:\n"


class Ending(Enum):
    """How a load ended; ABANDONED: its owner died of something like KeyboardInterrupt, and another should load."""

    LOADED = "loaded"
    ABSENT = "absent"
    FAILED = "failed"
    ABANDONED = "abandoned"


Answer = tuple[Ending, Any]
"""An ending with the value loaded, or what the loader raised, or None."""


class Load(Generic[K, V]):
    """One key being loaded. What waits for it waits on ``future``, made when the first does.

    ``basis`` is the expired or stale node whose version may be revalidated. All but ``waits`` (under the graph's lock)
    changes under the map's lock, while the load is among those under way.
    """

    __slots__ = ("asked_by", "basis", "begun", "done", "future", "key", "refreshing", "waits")

    def __init__(self, key: K, basis: Node[K, V] | None, *, begun: bool, refreshing: bool = False) -> None:
        self.key = key
        self.basis = basis
        self.begun = begun
        self.refreshing = refreshing
        self.done = False
        self.future: Future[Answer] | None = None
        self.asked_by: Load[Any, Any] | None = None
        self.waits: list[Load[Any, Any]] = []

    def join(self) -> Future[Answer]:
        """Return the future to wait on; first under the map's lock, so that the owner sees it."""
        if self.future is None:
            self.future = Future()
        return self.future

    def tell(self, answer: Answer) -> None:
        """Wake those who wait; outside every lock, when nobody can join any more."""
        if self.future is not None and not self.future.done():
            self.future.set_result(answer)
        self.done = True


_inside: ContextVar[Load[Any, Any] | None] = ContextVar("headgate_lazy_load", default=None)
_graph_lock = threading.Lock()


def running_load() -> Load[Any, Any] | None:
    """Return the load inside whose loader this code runs, if that load is still under way."""
    load = _inside.get()
    return None if load is None or load.done else load


def run_inside(load: Load[Any, Any], produce: Callable[[Load[Any, Any]], P]) -> P:
    """Return ``produce(load)``, the loader's code, run as part of ``load``."""
    load.asked_by = running_load()
    token = _inside.set(load)
    try:
        return produce(load)
    finally:
        _inside.reset(token)


@contextmanager
def following(load: Load[Any, Any]) -> Iterator[None]:
    """Note that the load this code is inside of now waits for ``load``; raise CircularLoadError if it waits for us."""
    asking = running_load()
    if asking is None:
        yield
        return
    with _graph_lock:
        path = _path(load, asking)
        if path is None:
            asking.waits.append(load)
    if path is not None:
        keys = " → ".join(repr(one.key) for one in [asking, *path])
        raise CircularLoadError(
            f"loading {asking.key!r} needs {load.key!r}, and that waits for it: {keys}; a loader may ask for other "
            "keys, but not in a circle",
            load.key,
        )
    try:
        yield
    finally:
        with _graph_lock:
            asking.waits.remove(load)


def _path(start: Load[Any, Any], goal: Load[Any, Any]) -> list[Load[Any, Any]] | None:
    """Return the loads from ``start`` along what each waits for to ``goal``, both included; None if there is no way."""
    came_from: dict[Load[Any, Any], Load[Any, Any] | None] = {start: None}
    ahead = [start]
    while ahead:
        load = ahead.pop()
        if load is goal:
            path = []
            step: Load[Any, Any] | None = load
            while step is not None:
                path.append(step)
                step = came_from[step]
            return path[::-1]
        for following_load in load.waits:
            if following_load not in came_from:
                came_from[following_load] = load
                ahead.append(following_load)
    return None


def load_error(key: object, cause: BaseException) -> LoadError:
    """Return a new error for one requester of a load that failed of ``cause``; raise it ``from cause``.

    The text of a foreign exception may hold a secret (a signed address, a connection string): only its type is named.
    """
    if isinstance(cause, CircularLoadError):
        return CircularLoadError(f"cannot load {key!r}: {cause}", key)
    why = str(cause) if isinstance(cause, HeadgateError) else f"the loader raised {type(cause).__name__}"
    return LoadError(f"cannot load {key!r}: {why}", key)


def told(key: object, answer: Answer) -> Any:
    """Return a finished load's value, or `MISSING`; raise what its requester is told of a failure."""
    ending, payload = answer
    if ending is Ending.FAILED:
        raise load_error(key, payload) from payload
    return MISSING if ending is Ending.ABSENT else payload


def without_frames(error: BaseException, outside: BaseException | None) -> None:
    """Take from an error that will be remembered what it holds on to: what the loader had read, and who asked.

    A traceback's frames have their variables, and lead to those of every caller. Where it was raised stays, as a note.
    Python's own errors also carry what they are about; what a library's carry is theirs, and stays.
    ``outside`` is what was being handled when the load began: it is somebody else's, and is let go of as it is.
    """
    ahead, seen = [error], {id(error)}
    while ahead:
        one = ahead.pop()
        if one.__traceback__ is not None and not _says_where(one):
            one.add_note("".join([_RAISED_AT, *traceback.format_tb(one.__traceback__)]).rstrip())
        one.__traceback__ = None
        _let_go_of_data(one)
        if outside is not None and one.__context__ is outside:
            one.__context__ = None
        if outside is not None and one.__cause__ is outside:
            one.__cause__ = None
        linked = [one.__cause__, one.__context__, *(one.exceptions if isinstance(one, BaseExceptionGroup) else ())]
        fresh = [other for other in linked if other is not None and id(other) not in seen]
        seen.update(map(id, fresh))
        ahead += fresh


def _says_where(error: BaseException) -> bool:
    notes = getattr(error, "__notes__", ())
    return not isinstance(notes, list | tuple) or any(str(note).startswith(_RAISED_AT) for note in notes)


def _let_go_of_data(error: BaseException) -> None:
    """Empty what Python's own errors carry: the text that is no JSON or TOML, that cannot be decoded, the object."""
    if isinstance(error, UnicodeDecodeError | UnicodeEncodeError | UnicodeTranslateError):
        whole, empty = error.object, error.object[:0]
        error.object = empty
        error.args = tuple(empty if one is whole else one for one in error.args)
    elif isinstance(error, AttributeError):
        error.obj = None
    elif isinstance(error, ValueError) and isinstance(vars(error).get("doc"), str):
        vars(error)["doc"] = ""


def graph_lock() -> threading.Lock:
    """Return the lock of the graph, to be held across a fork."""
    return _graph_lock


def reset_after_fork() -> None:
    """In a forked child: those who waited are gone, with whatever locks they held; what this thread loads goes on."""
    global _graph_lock  # noqa: PLW0603 - the parent's may be held by a thread that is not here
    _graph_lock = threading.Lock()
    load = running_load()
    while load is not None:
        load.future = None
        load = load.asked_by
