"""Lazy datasets: what lies in an object store is loaded when it is first asked for.

Nothing is imported before it is used: each public name is a row of one table.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.datasets.lazy_map import LazyMap
    from headgate.datasets.lazy_values import LazyStats, Prefetched, Unchanged, Versioned
    from headgate.datasets.s3 import S3Loader
    from headgate.datasets.schema import Schema, Secret, redacted
    from headgate.datasets.spark import SparkLoader

__all__ = [
    "LazyMap",
    "LazyStats",
    "Prefetched",
    "S3Loader",
    "Schema",
    "Secret",
    "SparkLoader",
    "Unchanged",
    "Versioned",
    "redacted",
]

# Public name: the module of this package that has it.
_HOMES = {
    "LazyMap": "lazy_map",
    "LazyStats": "lazy_values",
    "Prefetched": "lazy_values",
    "S3Loader": "s3",
    "Schema": "schema",
    "SparkLoader": "spark",
    "Secret": "schema",
    "Unchanged": "lazy_values",
    "Versioned": "lazy_values",
    "redacted": "schema",
}


def __getattr__(name: str) -> object:
    """Import ``name`` from its module on first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
