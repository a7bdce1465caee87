"""How a lazy map comes by a value that is not resident: one load a key, shared by all who ask meanwhile.

Free threading: state changes under the map's lock alone. A hit reads one node of the dictionary without it, complete
since before it was published. User code (loader, weigher, revalidate, clock, the end of an evicted value) runs outside
the lock; only a key's hash and comparison run inside it.
"""

from __future__ import annotations

import inspect
import math
import operator
import sys
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from headgate.datasets.lazy_flight import Answer, Ending, Load, following, run_inside, told, without_frames
from headgate.datasets.lazy_fork import values_survive
from headgate.datasets.lazy_table import MISSING, Missing
from headgate.datasets.lazy_table import Node as PythonNode
from headgate.datasets.lazy_values import Counts, Product, Unchanged, Versioned
from headgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable

try:
    from headgate.datasets import _lazy_table
except ImportError:  # not built: no C compiler; the same in Python
    _lazy_table = None  # type: ignore[assignment]  # a module or nothing

__all__ = ["LARGEST_WEIGHT", "Loading"]

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")

# Absences and errors weigh nothing and so need a limit of their own: a scan of keys that do not exist must not fill
# memory.
MOST_REMEMBERED = 10_000
# Expired entries nobody asks for leave with later loads, so many at a time that it costs less than any load.
SWEPT_AT_ONCE = 64
# Weights are added up in 64 bits; a thousand entries of this one still fit.
LARGEST_WEIGHT = 2**53


class Loading(Generic[K, V]):
    """The part of a lazy map behind `Table`: a subclass joins the two."""

    _node: Callable[..., PythonNode[K, V]] = PythonNode if _lazy_table is None else _lazy_table.Node

    if TYPE_CHECKING:
        _nodes: dict[K, PythonNode[K, V]]
        _clock: Callable[[], float]
        _max_weight: int | None

        def _add(self, node: PythonNode[K, V]) -> list[PythonNode[K, V]]: ...
        def _discard(self, key: K) -> PythonNode[K, V] | None: ...
        def _oldest(self) -> PythonNode[K, V] | None: ...
        def _put_off(self, load: Load[K, V], now: float) -> None: ...

    _loader: Callable[[K], V | Versioned[V] | None]
    _weigher: Callable[[K, V], int] | None
    _revalidate: Callable[[K, Any], V | Versioned[V] | Unchanged | None] | None
    _ttl: float | None
    _refresh_after: float | None
    _negative_ttl: float
    _error_ttl: float

    def begin_empty(self) -> None:
        """Make the state of loads under way, which a forked child makes anew."""
        self._lock = threading.Lock()
        self._loads: dict[K, Load[K, V]] = {}
        self._refreshes: set[Load[K, V]] = set()

    def begin_in_child(self) -> None:
        """Begin in a forked child: without loads under way, and without values that belong to the parent."""
        self.begin_empty()
        if not values_survive(self._loader):
            for key in list(self._nodes):
                self._discard(key)

    def hold(self) -> threading.Lock:
        """Take the map's lock and return it."""
        self._lock.acquire()
        return self._lock

    def _begin_counting(self) -> None:
        self._remembered: OrderedDict[K, tuple[Ending, BaseException | None, float]] = OrderedDict()
        self._counts = Counts()

    # -- a request -------------------------------------------------------------------------------------------------

    def _miss(self, key: K) -> V:
        value = self._obtain(key)
        if value is MISSING:
            raise KeyError(key)
        return value

    def _miss_or(self, key: K, default: D) -> V | D:
        value = self._obtain(key)
        return default if value is MISSING else value

    def _obtain(self, key: K) -> V | Literal[Missing.MISSING]:
        """Return the key's value, loaded by this thread or by the one that is at it; `MISSING` if there is none."""
        again = False
        while True:
            mine: Load[K, V] = Load(key, None, begun=True)
            running: Load[K, V] | None = mine
            try:
                load, run, answer = self._claim(key, mine, begin=True, again=again)
                running = load if run else None
                if load is not None:
                    with following(load):
                        answer = self._run(load) if run else load.join().result()
            finally:
                # An interrupt may come between any two steps: a load that nobody runs must not keep others waiting.
                if running is not None and not running.done:
                    self._abandon(running)
            try:
                if answer is not None and answer[0] is not Ending.ABANDONED:
                    value: V | Literal[Missing.MISSING] = told(key, answer)
                    return value
            finally:
                del answer  # as in `_run`, whose frame knows this one
            again = True

    def _claim(
        self, key: K, mine: Load[K, V], *, begin: bool, again: bool
    ) -> tuple[Load[K, V] | None, bool, Answer | None]:
        """Return the load to wait for and whether the caller is to run it, or an answer there is already.

        A load that an async task claimed and no thread has begun yet is begun by the first thread that needs it:
        threads of a pool that all wait for it can then not keep it from starting.
        """
        now = self._clock()
        dropped = None  # an expired node: it ends outside the lock
        with self._lock:
            node = self._nodes.get(key)
            fresh = node is not None and now < node.expires
            if not again:
                self._counts.late_hits += fresh
                self._counts.misses += not fresh
            if node is not None and fresh:
                return None, False, (Ending.LOADED, node.value)
            remembered = self._remembered.get(key)
            if remembered is not None and now < remembered[2]:
                return None, False, remembered[:2]
            load = self._loads.get(key)
            if load is not None:
                run = begin and not load.begun
                load.begun = load.begun or run
                load.join()
                return load, run, None
            if node is not None and (self._revalidate is None or node.version is None):
                dropped, node = self._discard(key), None
            mine.basis = node
            self._loads[key] = mine
            if not begin:
                mine.join()
        del dropped
        return mine, begin, None

    # -- a load ----------------------------------------------------------------------------------------------------

    def _run(self, load: Load[K, V], *, contained: bool = False) -> Answer:
        """Run the loader for a load that was begun, publish what it gives and tell those who wait.

        ``contained``: in a thread of ours, where what is no Exception would end nobody's program, it is a failure.
        """
        began, outside = self._clock(), sys.exception()
        try:
            product = run_inside(load, self._produce)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
            answer: Answer = (Ending.FAILED, error)
        except BaseException as error:
            if not contained:
                self._abandon(load)
                raise
            answer = (Ending.FAILED, error)
        else:
            answer = (Ending.LOADED, product) if product.value is not None else (Ending.ABSENT, None)
        if answer[0] is Ending.FAILED and self._error_ttl > 0 and not load.refreshing:
            without_frames(answer[1], outside)
        try:
            return self._publish(load, answer, began)
        finally:
            del answer, outside  # an error's traceback holds this frame: it must not hold the error

    def _produce(self, load: Load[K, V]) -> Product:
        basis = load.basis
        found: V | Versioned[V] | Unchanged | None
        if self._revalidate is not None and basis is not None and basis.version is not None:
            found = self._revalidate(load.key, basis.version)
            if isinstance(found, Unchanged):
                return Product(basis.value, basis.version, basis.weight, unchanged=True)
        else:
            found = self._loader(load.key)
        value, version = (found.value, found.version) if isinstance(found, Versioned) else (found, None)
        if value is None:
            return Product(None, None, 0)
        if inspect.iscoroutine(value):
            value.close()
            raise DatasetError(
                "the loader is async; aget() runs a plain function in a thread: give the map a function that blocks"
            )
        if isinstance(value, Unchanged):
            raise DatasetError("the loader returned Unchanged, which only revalidate may")
        weight = 1 if self._weigher is None else operator.index(self._weigher(load.key, value))
        if not 0 <= weight <= LARGEST_WEIGHT:
            raise DatasetError(f"the weigher gave {weight}; a weight is a whole number from 0 to 2**53")
        return Product(value, version, weight)

    def _publish(self, load: Load[K, V], answer: Answer, began: float) -> Answer:
        """Take the load off those under way and put its value in, in one critical section; then wake the waiters."""
        now = self._clock()
        with self._lock:
            current = self._leave(load)
            self._count(load, answer, now - began)
            dropped: list[object] = self._settle(load, answer, now) if current else []
        if answer[0] is Ending.LOADED:
            answer = (Ending.LOADED, answer[1].value)
        load.tell(answer)
        del dropped  # evicted values end here, outside the lock
        return answer

    def _abandon(self, load: Load[K, V]) -> None:
        """Leave a load unfinished: one of those who wait for it begins anew."""
        with self._lock:
            self._leave(load)
        load.tell((Ending.ABANDONED, None))

    def _leave(self, load: Load[K, V]) -> bool:
        """Take the load off those under way; False if it was off already, by invalidation or fork."""
        self._refreshes.discard(load)
        current = self._loads.get(load.key) is load
        if current:
            del self._loads[load.key]
        return current

    def _count(self, load: Load[K, V], answer: Answer, seconds: float) -> None:
        counts, (ending, payload) = self._counts, answer
        revalidated = self._revalidate is not None and load.basis is not None and load.basis.version is not None
        counts.revalidations += revalidated
        counts.loads += not revalidated
        counts.load_seconds += seconds
        counts.absent += ending is Ending.ABSENT
        counts.failures += ending is Ending.FAILED
        counts.refresh_failures += ending is Ending.FAILED and load.refreshing
        counts.unchanged += ending is Ending.LOADED and payload.unchanged

    def _settle(self, load: Load[K, V], answer: Answer, now: float) -> list[object]:
        """Change the table as the answer says; return what must end outside the lock."""
        key, (ending, payload) = load.key, answer
        if ending is Ending.FAILED:
            if load.refreshing:
                self._put_off(load, now)
                return []
            return self._remember(key, answer, now, self._error_ttl)
        if ending is Ending.ABSENT:
            return [self._discard(key), *self._remember(key, answer, now, self._negative_ttl)]
        if self._max_weight is not None and payload.weight > self._max_weight:
            self._counts.too_heavy += 1
            return [self._discard(key)]
        expires = math.inf if self._ttl is None else now + self._ttl
        due = expires if self._refresh_after is None else min(expires, now + self._refresh_after)
        replaced = self._nodes.get(key)
        evicted = self._add(self._node(key, payload.value, payload.version, payload.weight, expires, due))
        self._counts.evictions += len(evicted)
        dropped: list[object] = [replaced, *evicted]
        if self._remembered:
            dropped.append(self._remembered.pop(key, None))
        return dropped if self._ttl is None else dropped + self._sweep(now, self._ttl)

    def _remember(self, key: K, answer: Answer, now: float, ttl: float) -> list[object]:
        dropped: list[object] = [self._remembered.pop(key, None)]
        if ttl > 0:
            self._remembered[key] = (*answer, now + ttl)
        while self._remembered:
            oldest = next(iter(self._remembered))
            if len(self._remembered) <= MOST_REMEMBERED and now < self._remembered[oldest][2]:
                break
            dropped.append(self._remembered.pop(oldest))
        return dropped

    def _sweep(self, now: float, ttl: float) -> list[object]:
        """Take out what has expired and was not asked for; what could be revalidated is kept for one more ttl."""
        swept: list[object] = []
        horizon = now - ttl if self._revalidate is not None else now
        # Every publication puts its node last in line and adds the same ttl: the line is sorted by expiry.
        while len(swept) < SWEPT_AT_ONCE:
            oldest = self._oldest()
            if oldest is None or oldest.expires > horizon:
                break
            swept.append(self._discard(oldest.key))
        return swept
