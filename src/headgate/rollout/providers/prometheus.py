"""A Prometheus text endpoint, or a file of it: one scrape, held against the last one that the ledger has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.rollout.providers.prometheus_counts import scrape_of
from headgate.rollout.providers.prometheus_fetch import fetch, shown
from headgate.rollout.providers.prometheus_text import parse_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headgate.rollout.providers.contract import Asked
    from headgate.rollout.providers.prometheus_counts import Scrape

__all__ = ["steps"]


def steps(given: str, asked: Asked) -> Iterator[Scrape]:
    """Yield what the counters at the address, or in the file, ``given`` stand at.

    Raises
    ------
    UsageError, InputError
        As of `headgate.rollout.providers.prometheus_fetch.fetch` and `scrape_of`.
    """
    fetched = fetch(given, "--prometheus", asked.timeout_seconds)
    scrape = scrape_of(parse_text(fetched.text, shown(given)), asked, shown(given), fetched.time)
    scrape.source = asked.source or f"prometheus {shown(given)}"
    yield scrape
