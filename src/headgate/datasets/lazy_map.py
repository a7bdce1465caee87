"""A mapping that loads a value when it is first asked for, once, however many ask."""

from __future__ import annotations

import dataclasses
import time
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from headgate.datasets import lazy_fork, lazy_loading
from headgate.datasets.lazy_prefetch import prefetch
from headgate.datasets.lazy_settings import check_settings
from headgate.datasets.lazy_table import MISSING
from headgate.datasets.lazy_table import Table as PythonTable
from headgate.datasets.lazy_values import LazyStats, Prefetched, Unchanged, Versioned
from headgate.datasets.lazy_view import View
from headgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from typing_extensions import TypeVar as TypeVarWithDefault

    Table = PythonTable
else:
    Table = PythonTable if lazy_loading._lazy_table is None else lazy_loading._lazy_table.Table  # noqa: SLF001 - one import decides for both

__all__ = ["LazyMap"]

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")
if TYPE_CHECKING:
    I = TypeVarWithDefault("I", default=K)  # noqa: E741 - an item, as K is a key
else:
    I = TypeVar("I")  # noqa: E741

# As many connections as boto3's pool holds by default: more threads would wait for one another.
PREFETCH_WORKERS = 10


class LazyMethods(View[K, V], Generic[K, V, I]):
    """The public methods but those of the hit path, which `Table` has."""

    if TYPE_CHECKING:
        _hits: int
        _weight: int
        _to_key: Callable[[I], K] | None
        _timed: bool

        def _find(self, key: K) -> Any: ...

    def _set_up(self, table: type[Any], loader: Callable[[K], Any], settings: Mapping[str, Any]) -> None:
        check_settings(loader, settings)
        ttl, refresh_after = settings["ttl"], settings["refresh_after"]
        timed = ttl is not None or refresh_after is not None
        table.__init__(self, settings["to_key"], settings["clock"], timed, settings["max_weight"])
        self._loader = loader
        self._settings = dict(settings)
        self._weigher = settings["weigher"]
        self._revalidate = settings["revalidate"]
        self._ttl = ttl
        self._refresh_after = refresh_after
        self._negative_ttl = settings["negative_ttl"]
        self._error_ttl = settings["error_ttl"]
        self._begin_counting()
        self.begin_empty()
        lazy_fork.guard(self)

    async def aget(self, item: I) -> V:
        """Return the value for ``item`` to an async task; the loader runs in the loop's default executor.

        A task that is cancelled leaves the load to the others that wait for it.

        Raises
        ------
        KeyError, LoadError, CircularLoadError
            As ``m[item]`` does.
        """
        key = self._key(item)
        value = self._find(key)
        if value is MISSING:
            value = await self._obtain_async(key)
        if value is MISSING:
            raise KeyError(key)
        return cast("V", value)

    def peek(self, item: I, default: D | None = None) -> V | D | None:
        """Return the value if it is resident and has not expired, else ``default``; nothing is loaded or counted."""
        node = self._nodes.get(self._key(item))
        return default if node is None or self._clock() >= node.expires else node.value

    def is_loaded(self, item: I) -> bool:
        """Whether the value is resident and has not expired; nothing is loaded or counted."""
        return self.peek(item, MISSING) is not MISSING

    def prefetch(
        self, items: Iterable[I], *, workers: int = PREFETCH_WORKERS, progress: bool | None = None
    ) -> Prefetched[K]:
        """Load what of ``items`` is not resident, ``workers`` at a time, and return when all have ended.

        A key that fails stops no other and raises nothing here: the result names it with its error. ``progress`` shows
        a bar on standard error; by default only if that is a terminal.
        """
        if workers < 1:
            raise UsageError(f"prefetch: workers is {workers}; it must be at least 1")
        keys = list(dict.fromkeys(self._key(item) for item in items))
        return prefetch(keys, self._obtain, workers=workers, progress=progress)

    def invalidate(self, item: I) -> None:
        """Forget value, absence or error of ``item``; a load under way then serves only those who wait for it now."""
        key = self._key(item)
        with self._lock:
            self._loads.pop(key, None)
            dropped = self._discard(key), self._remembered.pop(key, None)
        del dropped

    def invalidate_all(self) -> None:
        """Forget everything, as `invalidate` does for one item."""
        with self._lock:
            self._loads.clear()
            dropped = [self._discard(key) for key in list(self._nodes)], list(self._remembered.values())
            self._remembered.clear()
        del dropped

    def stats(self) -> LazyStats:
        """Return the counts so far."""
        now = self._clock()
        with self._lock:
            counts = dataclasses.asdict(self._counts)
            hits = self._hits + counts.pop("late_hits")
            resident = sum(now < node.expires for node in self._nodes.values())
            return LazyStats(hits=hits, resident=resident, weight=self._weight, loading=len(self._loads), **counts)

    def _key(self, item: I) -> K:
        return cast("K", item) if self._to_key is None else self._to_key(item)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self._loader, self._settings)

    def __repr__(self) -> str:
        loader = type(self._loader).__name__
        return f"<{type(self).__name__} by {loader}: {len(self)} resident, {len(self._loads)} loading>"


class LazyMap(Table[K, V], LazyMethods[K, V, I]):
    """A mapping whose values are loaded on first request, each once, and never put in.

    ``m[item]`` asks for the key ``to_key(item)`` and calls ``loader(key)`` if it is not resident, outside every lock.
    Threads and tasks that ask meanwhile wait for that one call; other keys do not. A value is anything but None, which
    means there is none: KeyError. It is handed out as it is: whether it can be changed is the loader's business.

    Parameters
    ----------
    loader : callable
        ``loader(key)`` returns the value, `Versioned` with value and version (such as an ETag), or None. It may ask
        maps for other keys.
    to_key : callable, optional
        ``to_key(item)`` gives the hashable key; without it the item is the key.
    max_weight : int, optional
        What the resident values may weigh together, at any moment; SIEVE chooses what goes. A value heavier than that
        is returned and not kept. Without it nothing is evicted.
    weigher : callable, optional
        ``weigher(key, value)`` is a whole number from 0; without it each entry weighs 1.
    ttl : float, optional
        Seconds from the end of its load after which a value is served no more.
    refresh_after : float, optional
        Seconds after which the first hit starts a reload in a thread; the stale value is served until that ends, and
        further if it fails: it is then tried again after 1 s, 2 s, 4 s … 60 s, until ``ttl``.
    revalidate : callable, optional
        ``revalidate(key, version)`` is called instead of the loader for a versioned value that is due. It returns
        `Unchanged`, or what a loader may return.
    negative_ttl, error_ttl : float
        Seconds for which an absence, or a failure, is remembered: by default not at all.
    clock : callable
        Gives the time in seconds.

    Raises
    ------
    LoadError
        From a request, when the loader raised: one for each who waited, ``key`` and ``__cause__`` set.
    CircularLoadError
        When loading a key needs, by way of others, that key itself, in whatever thread, task or map.
    ImmutableMapError
        From any attempt to put something in.
    UsageError
        A setting is wrong.
    """

    # A loader gives values or versioned values: told apart here, or no checker could infer V.
    @overload
    def __init__(
        self,
        loader: Callable[[K], Versioned[V] | None],
        *,
        to_key: Callable[[I], K] | None = None,
        max_weight: int | None = None,
        weigher: Callable[[K, V], int] | None = None,
        ttl: float | None = None,
        refresh_after: float | None = None,
        revalidate: Callable[[K, Any], Versioned[V] | Unchanged | None] | None = None,
        negative_ttl: float = 0.0,
        error_ttl: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None: ...
    @overload
    def __init__(
        self,
        loader: Callable[[K], V | None],
        *,
        to_key: Callable[[I], K] | None = None,
        max_weight: int | None = None,
        weigher: Callable[[K, V], int] | None = None,
        ttl: float | None = None,
        refresh_after: float | None = None,
        negative_ttl: float = 0.0,
        error_ttl: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None: ...
    def __init__(  # noqa: PLR0913 - settings, by name only
        self,
        loader: Callable[[K], Any],
        *,
        to_key: Callable[[I], K] | None = None,
        max_weight: int | None = None,
        weigher: Callable[[K, V], int] | None = None,
        ttl: float | None = None,
        refresh_after: float | None = None,
        revalidate: Callable[[K, Any], Any] | None = None,
        negative_ttl: float = 0.0,
        error_ttl: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        settings = {
            "to_key": to_key,
            "max_weight": max_weight,
            "weigher": weigher,
            "ttl": ttl,
            "refresh_after": refresh_after,
            "revalidate": revalidate,
            "negative_ttl": negative_ttl,
            "error_ttl": error_ttl,
            "clock": clock,
        }
        self._set_up(Table, loader, settings)

    if TYPE_CHECKING:

        def __getitem__(self, item: I) -> V: ...  # type: ignore[override]  # an item, of which to_key makes the key
        @overload  # type: ignore[override]  # likewise
        def get(self, item: I) -> V | None: ...
        @overload
        def get(self, item: I, default: V | D) -> V | D: ...
        def get(self, item: I, default: Any = None) -> Any: ...  # noqa: D102 - Table's
    else:
        # The item's type has a default (the key's) that Generic learns of in Python 3.13 only.
        __class_getitem__ = classmethod(GenericAlias)


def _restored(kind: type[Any], loader: Any, settings: dict[str, Any]) -> Any:
    return kind(loader, **settings)
