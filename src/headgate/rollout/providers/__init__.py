"""Where a release's evidence comes from: one file for each kind, one table of them.

Each gives steps (`headgate.rollout.providers.contract.Provider`) that `headgate.rollout.providers.store.record_steps`
puts into the ledger. Records from Python go through `headgate.rollout.providers.store.record`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from headgate.rollout.providers.contract import Provider

__all__ = ["PROVIDERS", "Given", "provider"]


class Given(NamedTuple):
    """A row of the table: the provider's module in this package, what it is given, and a line on it."""

    module: str
    metavar: str
    summary: str


# By name, which is its option's too (`headgate rollout record`).
PROVIDERS = {
    "jsonl": Given("jsonl", "FILE", "requests as JSON Lines, one object each; - for standard input"),
    "parquet": Given(
        "parquet", "PATH", "requests as Parquet: a file, a directory, s3://bucket/key or s3://bucket/path/"
    ),
    "prometheus": Given("prometheus", "URL|FILE", "counters as Prometheus's text, held against the last time"),
    "prometheus-query": Given("prometheus_query", "URL|FILE", "the same, as an answer of /api/v1/query"),
}


def provider(name: str) -> Provider:
    """Return a provider's module."""
    return cast("Provider", importlib.import_module(f"{__name__}.{PROVIDERS[name].module}"))
