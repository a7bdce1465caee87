"""Which settings a lazy map can be made with."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from headgate.datasets.lazy_loading import LARGEST_WEIGHT
from headgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_settings"]


def check_settings(loader: object, settings: Mapping[str, Any]) -> None:
    """Raise UsageError for what no map can be made with."""
    for name, function in {"loader": loader, **{name: settings[name] for name in FUNCTIONS}}.items():
        if not callable(function) and (function is not None or name in {"loader", "clock"}):
            raise UsageError(f"LazyMap: {name} must be callable; it is of type {type(function).__name__}")
    for name in ("negative_ttl", "error_ttl"):
        if not settings[name] >= 0:
            raise UsageError(f"LazyMap: {name} is {settings[name]}; it must be at least 0 seconds")
    _check_ages(settings["ttl"], settings["refresh_after"], revalidates=settings["revalidate"] is not None)
    max_weight = settings["max_weight"]
    if max_weight is not None and not 0 <= operator.index(max_weight) <= LARGEST_WEIGHT:
        raise UsageError(f"LazyMap: max_weight is {max_weight}; it must be from 0 to 2**53")


FUNCTIONS = ("clock", "to_key", "weigher", "revalidate")


def _check_ages(ttl: float | None, refresh_after: float | None, *, revalidates: bool) -> None:
    for name, seconds in (("ttl", ttl), ("refresh_after", refresh_after)):
        if seconds is not None and not seconds > 0:
            raise UsageError(f"LazyMap: {name} is {seconds}; it must be more than 0 seconds, or None")
    if ttl is not None and refresh_after is not None and refresh_after >= ttl:
        raise UsageError(
            f"LazyMap: refresh_after ({refresh_after}) must be less than ttl ({ttl}): nothing would refresh"
        )
    if revalidates and ttl is None and refresh_after is None:
        raise UsageError("LazyMap: revalidate needs ttl or refresh_after: without them no value grows old")
