"""A lazy map as a mapping: what is resident can be looked at, and nothing can be put in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from headgate.datasets.lazy_background import Background
from headgate.datasets.lazy_table import MISSING
from headgate.errors import ImmutableMapError

if TYPE_CHECKING:
    from collections.abc import ItemsView, KeysView, ValuesView

__all__ = ["View"]

K = TypeVar("K")
V = TypeVar("V")


class View(Background[K, V], Mapping[K, V]):
    """Views are of what is resident at the moment they are asked for: none loads, none changes afterwards."""

    if TYPE_CHECKING:
        _timed: bool

        def _find(self, key: K) -> Any: ...
        def _key(self, item: Any) -> K: ...

    def _resident(self) -> dict[K, V]:
        """Return what is resident and has not expired, as of now, oldest first."""
        now = self._clock()
        with self._lock:
            return {key: node.value for key, node in self._nodes.items() if now < node.expires}

    def __contains__(self, item: object) -> bool:
        key = self._key(item)
        return self._find(key) is not MISSING or self._obtain(key) is not MISSING

    def __len__(self) -> int:
        return len(self._resident()) if self._timed else len(self._nodes)

    def __iter__(self) -> Iterator[K]:
        return iter(self._resident())

    def __bool__(self) -> bool:
        return True  # a map with nothing loaded yet is not an empty one

    def keys(self) -> KeysView[K]:
        """Return the keys that are resident now; later loads do not change the view."""
        return self._resident().keys()

    def values(self) -> ValuesView[V]:
        """Return the values that are resident now; later loads do not change the view."""
        return self._resident().values()

    def items(self) -> ItemsView[K, V]:
        """Return the entries that are resident now; later loads do not change the view."""
        return self._resident().items()

    def __eq__(self, other: object) -> bool:
        return self is other  # what happens to be resident says nothing

    def __hash__(self) -> int:
        return id(self)

    def put(self, *_: object, **__: object) -> NoReturn:
        """Refuse: values come from the loader alone."""
        raise ImmutableMapError(
            "lazy map is immutable: its values come from its loader; invalidate(item) has one loaded again"
        )

    __setitem__ = __delitem__ = update = setdefault = pop = popitem = clear = put
