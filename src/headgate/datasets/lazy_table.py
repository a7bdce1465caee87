"""What is resident in a lazy map, and which entry goes when it is full: SIEVE, in Python.

``ext/_lazy_table.pyx`` is the same, compiled; a lazy map uses it where it has been built. SIEVE (Zhang et al., "SIEVE
is Simpler than LRU", NSDI 2024) keeps entries in order of arrival. A hit sets a bit and moves nothing, so it needs no
lock. A hand goes from the oldest towards the newest: it clears the bit of an entry that was used, and evicts one that
was not.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MISSING", "Missing", "Node", "Table"]

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")


class Missing(Enum):
    """The type of `MISSING`: no value, where None might be one."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


class Node(Generic[K, V]):
    """One entry. What a hit reads without a lock (value, ``due``) is set before the entry is published.

    ``expires`` and ``due`` are times of the map's clock: from ``due`` on a hit looks closer, for the entry has expired
    or a refresh is wanted. Only ``due`` and the bit ``visited`` change later, each in one store.
    """

    __slots__ = ("attempts", "due", "expires", "key", "newer", "older", "value", "version", "visited", "weight")

    def __init__(self, key: K, value: V, version: object, weight: int, expires: float, due: float) -> None:
        self.key = key
        self.value = value
        self.version = version
        self.weight = weight
        self.expires = expires
        self.due = due
        self.attempts = 0
        self.visited = False
        self.newer: Node[K, V] | None = None
        self.older: Node[K, V] | None = None


class Table(Generic[K, V]):
    """Entries by key, and the hit path. `_add`, `_discard` and `_oldest` are called under the map's lock, hits are not.

    A subclass has ``_miss(key)``, what a request for an absent key gives, ``_miss_or(key, default)``, and
    ``_overdue(node, now)``, the value of an entry that is due, or `MISSING`.
    """

    if TYPE_CHECKING:

        def _miss(self, key: K) -> V: ...
        def _miss_or(self, key: K, default: D) -> V | D: ...
        def _overdue(self, node: Node[K, V], now: float) -> V | Literal[Missing.MISSING]: ...

    def __init__(
        self, to_key: Callable[[Any], K] | None, clock: Callable[[], float], timed: bool, max_weight: int | None
    ) -> None:
        self._nodes: dict[K, Node[K, V]] = {}
        self._to_key = to_key
        self._clock = clock
        self._timed = timed
        self._max_weight = max_weight
        self._weight = 0
        self._hits = 0
        self._newest: Node[K, V] | None = None
        self._last: Node[K, V] | None = None
        self._hand: Node[K, V] | None = None

    def __getitem__(self, item: Any) -> V:
        key = item if self._to_key is None else self._to_key(item)
        value = self._find(key)
        return self._miss(key) if value is MISSING else value

    def get(self, item: Any, default: Any = None) -> Any:
        """Return the value for ``item``, loading it if need be; ``default`` if there is none."""
        key = item if self._to_key is None else self._to_key(item)
        value = self._find(key)
        return self._miss_or(key, default) if value is MISSING else value

    def _find(self, key: K) -> V | Literal[Missing.MISSING]:
        """Return the resident value and count the hit, or `MISSING`."""
        node = self._nodes.get(key)
        if node is None:
            return MISSING
        value: V | Literal[Missing.MISSING] = node.value
        if self._timed:
            now = self._clock()
            if now >= node.due:
                value = self._overdue(node, now)
        if value is not MISSING:
            node.visited = True
            self._hits += 1
        return value

    def _add(self, node: Node[K, V]) -> list[Node[K, V]]:
        """Put a node no heavier than the limit in, in place of its key's older one; return what was evicted for it.

        Room is made first: the weight never exceeds the limit, not for a moment.
        """
        before = self._discard(node.key)
        if before is not None:
            node.visited = before.visited
        evicted = []
        if self._max_weight is not None:
            while self._weight + node.weight > self._max_weight:
                evicted.append(self._evict())
        node.older = self._newest
        if self._newest is None:
            self._last = node
        else:
            self._newest.newer = node
        self._newest = node
        self._nodes[node.key] = node
        self._weight += node.weight
        return evicted

    def _discard(self, key: K) -> Node[K, V] | None:
        """Take the key's node out and return it, if there is one."""
        node = self._nodes.pop(key, None)
        if node is not None:
            self._unlink(node)
        return node

    def _oldest(self) -> Node[K, V] | None:
        """Return the node that arrived first."""
        return self._last

    def _evict(self) -> Node[K, V]:
        node = self._hand or self._last
        # Hits may set bits as fast as the hand clears them: once around is enough, then one must go.
        for _ in range(len(self._nodes)):
            if node is None or not node.visited:
                break
            node.visited = False
            node = node.newer or self._last
        if node is None:
            raise KeyError("nothing to evict")
        self._hand = node
        del self._nodes[node.key]
        self._unlink(node)
        return node

    def _unlink(self, node: Node[K, V]) -> None:
        if self._hand is node:
            self._hand = node.newer
        if node.newer is None:
            self._newest = node.older
        else:
            node.newer.older = node.older
        if node.older is None:
            self._last = node.newer
        else:
            node.older.newer = node.newer
        node.newer = node.older = None
        self._weight -= node.weight
