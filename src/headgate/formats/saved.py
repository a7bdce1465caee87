"""What every reader returns: one run, as its tool saved it, judged no further than measured, failed or skipped."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.model import BenchmarkId, Direction

__all__ = ["Outcome", "SavedResult", "SavedRun"]


class Outcome(StrEnum):
    """What became of one benchmark in one run."""

    MEASURED = "measured"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class SavedResult:
    """One benchmark with one choice of parameters.

    ``value`` is the median in ``unit`` (asv's ``track`` benchmarks: the number), None unless measured; ``samples`` may
    be empty when the tool kept none; ``lower`` and ``upper`` bound the tool's interval of ``confidence``, or are None.
    ``groups`` are the samples by the process that took them, in the tool's order, where it says which did: samples of
    one process are not independent, so one group is one draw of what differs between processes. Empty means that the
    tool does not say. ``stddev`` (of single samples, in ``unit``) and ``count`` (of samples) are the tool's own
    summary, or None; where samples are kept, they are theirs. ``direction`` is which is better, None where the
    file does not say.
    """

    benchmark: BenchmarkId
    outcome: Outcome
    value: float | None = None
    samples: tuple[float, ...] = ()
    lower: float | None = None
    upper: float | None = None
    confidence: float | None = None
    number: int | None = None
    unit: str = ""
    kind: str = ""
    version: str | None = None
    started_at: float | None = None  # seconds since the epoch
    groups: tuple[tuple[float, ...], ...] = ()
    stddev: float | None = None
    count: int | None = None
    direction: Direction | None = None


@dataclass(frozen=True, slots=True)
class SavedRun:
    """One commit in one environment on one machine. Times are seconds since the epoch, durations seconds.

    ``machine`` goes by asv's names, as far as the tool knows: ``machine`` (its name), ``arch``, ``cpu``, ``num_cpu``,
    ``os`` and ``ram``. ``tool`` is "asv", "pytest-benchmark", "pyperf" or "headgate". ``dirty``: the tool says that the
    code had uncommitted changes, so ``commit`` does not name it.
    """

    source: str
    tool: str
    commit: str | None
    commit_date: float | None
    environment: str
    results: tuple[SavedResult, ...]
    env_vars: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    requirements: Mapping[str, str] = field(default_factory=dict)
    durations: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    dirty: bool = False

    @property
    def started_at(self) -> float | None:
        """When the last benchmark of the run began."""
        return max((item.started_at for item in self.results if item.started_at is not None), default=None)
