"""What goes into a lazy map and comes out of it: values with versions, counts, reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from headgate.errors import LoadError

__all__ = ["Counts", "LazyStats", "Prefetched", "Product", "Unchanged", "Versioned"]

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Versioned(Generic[V]):
    """A value and the version it was read at, such as an ETag; a loader may return it instead of the bare value.

    The map gives out ``value`` and keeps ``version`` for ``revalidate(key, version)``. A version of None is none.
    """

    value: V
    version: Hashable


@dataclass(frozen=True, slots=True)
class Unchanged:
    """What ``revalidate(key, version)`` returns when the source still has that version (HTTP's 304)."""


@dataclass(frozen=True, slots=True)
class LazyStats:
    """Counts since the map was made; ``hits + misses`` is the number of requests.

    A hit was served from what was resident (a stale value included), a miss was not. ``loads`` counts calls of the
    loader, ``revalidations`` calls of ``revalidate``, refreshes included in both.
    """

    hits: int
    misses: int
    loads: int
    revalidations: int
    unchanged: int
    absent: int
    failures: int
    refresh_failures: int
    evictions: int
    too_heavy: int
    load_seconds: float
    resident: int
    weight: int
    loading: int


@dataclass(slots=True)
class Counts:
    """What `LazyStats` tells and the table does not know; changed under the map's lock."""

    late_hits: int = 0
    misses: int = 0
    loads: int = 0
    revalidations: int = 0
    unchanged: int = 0
    absent: int = 0
    failures: int = 0
    refresh_failures: int = 0
    evictions: int = 0
    too_heavy: int = 0
    load_seconds: float = 0.0


class Product(NamedTuple):
    """What loader or revalidate gave: a value with version and weight; ``value`` None is absence."""

    value: Any
    version: Hashable
    weight: int
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Prefetched(Generic[K]):
    """What became of each key of a prefetch: every key is in exactly one of the three."""

    loaded: tuple[K, ...]
    absent: tuple[K, ...]
    failed: Mapping[K, LoadError]
