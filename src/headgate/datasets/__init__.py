"""Lazy datasets: what lies in an object store is loaded when it is first asked for.

Nothing is imported before it is used: each public name is a row of one table.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.datasets.lazy_map import LazyMap
    from headgate.datasets.lazy_values import LazyStats, Prefetched, Unchanged, Versioned
    from headgate.datasets.quality import ColumnRules, QualityReport, QualityRules, check_quality, profile_dataset
    from headgate.datasets.s3 import S3Loader
    from headgate.datasets.schema import Schema, Secret, redacted
    from headgate.datasets.spark import SparkLoader

__all__ = [
    "ColumnRules",
    "LazyMap",
    "LazyStats",
    "Prefetched",
    "QualityReport",
    "QualityRules",
    "S3Loader",
    "Schema",
    "Secret",
    "SparkLoader",
    "Unchanged",
    "Versioned",
    "check_quality",
    "profile_dataset",
    "redacted",
]

# Public name: the module of this package that has it.
_HOMES = {
    "ColumnRules": "quality",
    "LazyMap": "lazy_map",
    "LazyStats": "lazy_values",
    "Prefetched": "lazy_values",
    "QualityReport": "quality",
    "QualityRules": "quality",
    "S3Loader": "s3",
    "Schema": "schema",
    "Secret": "schema",
    "SparkLoader": "spark",
    "Unchanged": "lazy_values",
    "Versioned": "lazy_values",
    "check_quality": "quality",
    "profile_dataset": "quality",
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
