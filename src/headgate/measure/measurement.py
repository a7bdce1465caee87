"""What a measurement gives, and who is told of it while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from headgate.model import BenchmarkId, Round, Side

__all__ = ["Failure", "Measurement", "Observer"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a benchmark gave no evidence; ``side`` is None where both failed."""

    side: Side | None
    reason: str


class Observer:
    """Told of progress as it happens; override what is wanted."""

    def calibrated(self, benchmark: BenchmarkId, number: int, sample_seconds: float) -> None:
        """Hear that loops per sample were found."""

    def round_started(self, index: int, live: Collection[BenchmarkId]) -> None:
        """Hear that a round begins with these benchmarks."""

    def measured(self, benchmark: BenchmarkId, measured: Round) -> None:
        """Hear that a benchmark was measured in the current round."""

    def failed(self, benchmark: BenchmarkId, failure: Failure) -> None:
        """Hear that a benchmark failed and leaves."""

    def skipped(self, benchmark: BenchmarkId, reason: str) -> None:
        """Hear that the suite skips a benchmark; it leaves."""

    def decided(self, benchmarks: Collection[BenchmarkId]) -> None:
        """Hear that these need no more rounds."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """All that was measured.

    ``wall_seconds`` is the whole call, calibration (``calibration_seconds``) included; ``inside_seconds`` the part of
    it spent in counted samples of benchmarked code, both sides; ``rounds_run`` the rounds of this call alone, and
    ``calibrated`` the benchmarks that were made ready for them before the budget ended. Rounds
    that a benchmark gave before it failed are kept in ``rounds``, for inspection and not for a verdict.
    """

    rounds: dict[BenchmarkId, tuple[Round, ...]]
    failures: dict[BenchmarkId, Failure]
    skipped: dict[BenchmarkId, str]
    wall_seconds: float
    inside_seconds: float
    rounds_run: int
    interrupted: bool
    calibration_seconds: float = 0.0
    calibrated: int = 0
