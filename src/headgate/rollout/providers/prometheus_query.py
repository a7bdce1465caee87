"""An answer of Prometheus's query interface (``/api/v1/query``), from its address or a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.rollout.providers.prometheus_counts import scrape_of
from headgate.rollout.providers.prometheus_fetch import fetch, shown
from headgate.rollout.providers.prometheus_text import parse_query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headgate.rollout.providers.contract import Asked
    from headgate.rollout.providers.prometheus_counts import Scrape

__all__ = ["steps"]


def steps(given: str, asked: Asked) -> Iterator[Scrape]:
    """Yield what the counters in the answer stand at; the query asks for them by name, all in one.

    Raises
    ------
    UsageError, InputError
        As of `headgate.rollout.providers.prometheus_fetch.fetch` and `scrape_of`.
    """
    fetched = fetch(given, "--prometheus-query", asked.timeout_seconds)
    scrape = scrape_of(parse_query(fetched.text, shown(given)), asked, shown(given), fetched.time)
    scrape.source = asked.source or f"prometheus {shown(given)}"
    yield scrape
