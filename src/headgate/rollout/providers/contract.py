"""What a provider is given and what it gives: evidence in steps, each of which is recorded whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from headgate.rollout.batches import RecordBatch
    from headgate.rollout.fold import ReleaseState
    from headgate.rollout.plan import Plan
    from headgate.rollout.providers.prometheus_counts import Scrape

__all__ = [
    "MAX_AGE_SECONDS",
    "SKEW_SECONDS",
    "TIMEOUT_SECONDS",
    "Asked",
    "Counters",
    "Provider",
    "RecordStep",
    "Refused",
]

# What clocks of two machines may differ by: what is later than now by more has a wrong time.
SKEW_SECONDS = 60.0
# For one HTTP request in all, as of the webhook's.
TIMEOUT_SECONDS = 5.0
# How old a counter's value may be: two of Prometheus's usual scrape intervals (1 minute), and its look-back (5 minutes)
# is longer, so that what a dead target once said is not taken for what it says.
MAX_AGE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Counters:
    """How Prometheus's series are the plan's metrics.

    Attributes
    ----------
    requests
        Selector of the counter of requests, as ``http_requests_total{job="shop"}``.
    metrics
        By the plan's name: of a rate the counter of its events, of a quantile the histogram.
    label
        The label that has the version.
    arms
        That label's values, by arm; what is not named is its own value.
    """

    requests: str = ""
    metrics: Mapping[str, str] = field(default_factory=dict)
    label: str = "version"
    arms: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """What evidence is asked for: of which release, as it stands, and how it is to be read.

    ``routed_elsewhere`` says that another router than `headgate.rollout.router.Router` split the units, in the stages'
    shares: then no record can be held to its place. ``endpoint`` is an S3 server's. ``progress`` is told what is done,
    of how many. ``again`` asks anew: what is read for long outlives the state and the time that it began with.
    """

    plan: Plan
    release: str
    state: ReleaseState
    now: float
    source: str = ""
    routed_elsewhere: bool = False
    endpoint: str | None = None
    timeout_seconds: float = TIMEOUT_SECONDS
    max_age_seconds: float = MAX_AGE_SECONDS
    counters: Counters = field(default_factory=Counters)
    progress: Callable[[str, int, int], None] = lambda _step, _done, _total: None
    again: Callable[[], Asked] | None = None


class Refused(NamedTuple):
    """A record that was left out: where it stood, by which rule (a key of `RecordBatch.faults`), and in words."""

    where: str
    rule: str
    message: str


class RecordStep(NamedTuple):
    """A batch of records, and the first of those that were left out of it; of how many in all tell its ``faults``."""

    batch: RecordBatch
    refused: tuple[Refused, ...] = ()


class Provider(Protocol):
    """A provider's module."""

    def steps(self, given: str, asked: Asked) -> Iterator[RecordStep | Scrape]:
        """Yield what ``given`` (a file, an address) holds, in steps.

        Raises
        ------
        HeadgateError
            It cannot be read, or holds nothing that could be evidence; steps yielded before stand.
        """
