"""The policy of the canary gate: what is compared, what is tolerated, and in which stages traffic moves.

Values only, checked when they are made; what a user writes is parsed by the rollout's plan. A stage's share is an exact
integer, parts per million, so that the router and the statistics mean the same split.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from headgate.errors import UsageError
from headgate.model import Direction

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "DEFAULT_ALPHA",
    "DEFAULT_SAMPLE_RATIO_ALPHA",
    "KINDS",
    "MILLION",
    "CanaryPolicy",
    "Metric",
    "Stage",
    "canary_policy_from_json",
]

MILLION = 1_000_000
KINDS = ("rate", "quantile", "mean", "ratio")
# Probability that a canary no worse than stable is ever halted, and of a pass at the margin: the usual 5 %. A false
# halt costs a look, not an outage; the commit gate, which runs on every change, takes 1 %.
DEFAULT_ALPHA = 0.05
# Kohavi, Tang & Xu 2020, Trustworthy Online Controlled Experiments, ch. 21: a split is mistrusted at p < 0.001.
DEFAULT_SAMPLE_RATIO_ALPHA = 0.001
# Units per arm below which a stage may not pass. 100 is also what the asymptotic tests of means start at.
DEFAULT_MINIMUM_UNITS = 100
# Cells of a quantile's histogram per margin: what is lost to the grid is an eighth of the margin.
DEFAULT_RESOLUTION = 8
# A histogram is state that travels with every batch: more cells than this is a range or a margin mistyped.
# Which of its metrics a unit was counted in is kept in the bits of one of SQLite's whole numbers (64, one is the sign).
MOST_METRICS = 62
# Values beyond are no measurements (`headgate.rollout.metrics`).
MOST_CAP = 1e100
# A weight says how many times the others' part of alpha a metric gets; beyond this nothing is left for the others.
MOST_WEIGHT = 1e6
MOST_CELLS = 20_000


@dataclass(frozen=True, slots=True)
class Metric:
    """One number compared between the arms, counted once per randomisation unit.

    Attributes
    ----------
    name
        As the evidence names it.
    kind
        ``rate`` (share of units with the event), ``quantile`` (of a positive number), ``mean``, ``ratio`` (two sums).
    margin
        How much worse, relatively, is tolerated: 0.1 is 10 %. Passing takes evidence that it is less than that.
    direction
        Whether lower or higher is better. *Worse by w* is a ratio, canary to stable, of 1 + w, or of 1 / (1 + w).
    required
        Whether it can halt the release and must pass; otherwise it is reported and decides nothing.
    tolerance
        Halt on evidence that the canary is worse by more than this, relatively; below the margin. 0: worse at all.
    quantile
        Which, in (0, 1); for that kind alone.
    low, high
        Range of the values the quantile's grid covers, in ``unit``; outside it they count as below or above.
    resolution
        Cells of the quantile's grid per margin.
    weight
        Share of alpha its halting test gets, relative to the other required metrics'.
    cap
        Mean only: values are counted as at most this (and must not be negative); the test is then non-asymptotic.
    unit
        For display.
    early_margins
        Wider margins of the first stages, in their order, none wider than the one before; later stages hold ``margin``.
        Passing an early stage lets the release move on, no more: the last stage that compares decides at ``margin``.
    """

    name: str
    kind: str
    margin: float
    direction: Direction = Direction.LOWER
    required: bool = True
    tolerance: float = 0.0
    quantile: float | None = None
    low: float | None = None
    high: float | None = None
    resolution: int = DEFAULT_RESOLUTION
    weight: float = 1.0
    cap: float | None = None
    unit: str = ""
    early_margins: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check every key.

        Raises
        ------
        UsageError
            Names the metric and the key, says what is wrong and what is allowed.
        """
        if not isinstance(self.name, str) or not self.name:
            raise UsageError(f"metrics: name: {self.name!r} will not do: give each metric a name")
        if self.kind not in KINDS:
            raise self._bad("kind", "expected " + ", ".join(KINDS))
        if self.direction not in tuple(Direction):
            raise self._bad("direction", 'expected "lower" or "higher" (which is better)')
        object.__setattr__(self, "direction", Direction(self.direction))
        if not _within(self.margin, 0.0, 10.0) or self.margin >= 10.0:
            raise self._bad(
                "margin", 'a margin of 0 cannot be passed by any evidence; give what you tolerate, as "10%"'
            )
        if not (self.tolerance == 0.0 or _within(self.tolerance, 0.0, self.margin)) or self.tolerance >= self.margin:
            raise self._bad("tolerance", f"expected 0 or more, and less than the margin ({self.margin:g})")
        if not _within(self.weight, 0.0, MOST_WEIGHT) or self.weight < 1.0 / MOST_WEIGHT:
            raise self._bad("weight", f"expected a number from {1.0 / MOST_WEIGHT:g} to {MOST_WEIGHT:g}")
        self._check_early_margins()
        self._check_quantile()
        if self.cap is not None and (self.kind != "mean" or not _within(self.cap, 0.0, MOST_CAP)):
            raise self._bad("cap", f"a cap is a number above 0, at most {MOST_CAP:g}, for kind mean alone")

    def margin_at(self, stage: int) -> float:
        """Return the margin that a stage holds, counted from 0."""
        return self.early_margins[stage] if stage < len(self.early_margins) else self.margin

    def _check_early_margins(self) -> None:
        object.__setattr__(self, "early_margins", tuple(self.early_margins))
        held = (*self.early_margins, self.margin)
        if not all(_within(one, 0.0, 10.0) and one < 10.0 for one in held) or any(b > a for a, b in pairwise(held)):
            raise self._bad("early_margins", f"expected margins that never grow, down to the margin ({self.margin:g})")

    def _check_quantile(self) -> None:
        given = {"quantile": self.quantile, "low": self.low, "high": self.high}
        if self.kind != "quantile":
            extra = next((key for key, value in given.items() if value is not None), None)
            if extra is not None:
                raise self._bad(extra, f"only for kind quantile, and this is a {self.kind}")
            return
        if self.quantile is None or not 0.0 < self.quantile < 1.0:
            raise self._bad("quantile", "expected more than 0 and less than 1, as 0.99")
        if self.low is None or not _within(self.low, 0.0, math.inf):
            raise self._bad("low", "expected the least value worth telling apart, above 0")
        if self.high is None or not _within(self.high, self.low, math.inf):
            raise self._bad("high", f"expected the greatest value worth telling apart, above low ({self.low:g})")
        if isinstance(self.resolution, bool) or not isinstance(self.resolution, int) or not 2 <= self.resolution <= 64:
            raise self._bad("resolution", "expected a whole number from 2 to 64: cells per margin")
        cells = math.log(self.high / self.low) / math.log1p(self.margin) * self.resolution
        if cells > MOST_CELLS:
            raise self._bad(
                "high", f"low to high takes {cells:.0f} cells at this margin, at most {MOST_CELLS} are kept"
            )

    def _bad(self, key: str, allowed: str) -> UsageError:
        return UsageError(f"metric {self.name!r}: {key}: {getattr(self, key)!r} will not do: {allowed}")


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the release: ``ppm`` parts per million of the units, at least so many units per arm and seconds."""

    ppm: int
    minimum_units: int = DEFAULT_MINIMUM_UNITS
    dwell_seconds: float = 0.0

    def __post_init__(self) -> None:
        """Check every key; raises UsageError."""
        for key, least, most in (("ppm", 1, MILLION), ("minimum_units", 1, None)):
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int) or value < least or (most and value > most):
                upto = f" to {most}" if most else " or more"
                raise UsageError(f"stages: {key}: {value!r} will not do: expected a whole number, {least}{upto}")
        if not (_number(self.dwell_seconds) and 0.0 <= self.dwell_seconds < math.inf):
            raise UsageError(f"stages: dwell_seconds: {self.dwell_seconds!r} will not do: expected seconds, 0 or more")

    @property
    def share(self) -> float:
        """The canary's share of the units, in (0, 1]."""
        return self.ppm / MILLION


@dataclass(frozen=True, slots=True)
class CanaryPolicy:
    """The policy of a release.

    Attributes
    ----------
    metrics
        What is compared; at least one is required. Names are unique.
    stages
        In order, shares strictly rising. A stage of all units has no stable arm: it rests on the stages before it.
    alpha
        Probability that a canary no worse than stable is ever halted, over all metrics, stages and looks together; and
        of passing, for each metric, a canary that is worse by its margin.
    sample_ratio_alpha
        Probability of ever calling a correct split of the units incorrect.
    """

    metrics: tuple[Metric, ...]
    stages: tuple[Stage, ...]
    alpha: float = DEFAULT_ALPHA
    sample_ratio_alpha: float = DEFAULT_SAMPLE_RATIO_ALPHA

    def __post_init__(self) -> None:
        """Check what only the whole can show; raises UsageError."""
        for key in ("metrics", "stages"):
            object.__setattr__(self, key, tuple(getattr(self, key)))
            if not getattr(self, key):
                raise UsageError(f"{key}: none given; a release needs at least one")
        if len(self.metrics) > MOST_METRICS:
            raise UsageError(f"metrics: {len(self.metrics)} are more than {MOST_METRICS}; judge a release by fewer")
        names = [metric.name for metric in self.metrics]
        double = next((name for name in names if names.count(name) > 1), None)
        if double is not None:
            raise UsageError(f"metrics: name: {double!r} is given twice; names must differ")
        if not any(metric.required for metric in self.metrics):
            raise UsageError("metrics: required: no metric is required, so nothing could be passed on evidence")
        shares = [stage.ppm for stage in self.stages]
        if any(later <= earlier for earlier, later in pairwise(shares)):
            raise UsageError(f"stages: ppm: {shares} will not do: each stage must be larger than the one before")
        if shares[0] == MILLION:
            raise UsageError("stages: ppm: the first stage takes all units, so there is nothing to compare with")
        self._check_early_margins()
        for key in ("alpha", "sample_ratio_alpha"):
            value = getattr(self, key)
            if not (_number(value) and 0.0 < value < 0.5):
                raise UsageError(f"{key}: {value!r} will not do: expected more than 0 and less than 0.5, as 0.05")

    def _check_early_margins(self) -> None:
        comparing = sum(1 for stage in self.stages if stage.ppm < MILLION)
        for metric in self.metrics:
            if len(metric.early_margins) >= comparing:
                raise UsageError(
                    f"metric {metric.name!r}: early_margins: {len(metric.early_margins)} given; of the {comparing} "
                    "stages that compare with stable the last one holds the margin itself"
                )

    def metric(self, name: str) -> Metric | None:
        """Return the metric of that name, or None."""
        return next((metric for metric in self.metrics if metric.name == name), None)

    def halting_level(self, metric: Metric) -> float:
        """Return the metric's part of alpha: by its weight among the required ones (Bonferroni); 0 if not required."""
        if not metric.required:
            return 0.0
        return self.alpha * metric.weight / sum(one.weight for one in self.metrics if one.required)

    def to_json(self) -> dict[str, Any]:
        """Return the policy as plain JSON values; `canary_policy_from_json` reads it back."""
        return {
            "metrics": [_metric_to_json(metric) for metric in self.metrics],
            "stages": [asdict(stage) for stage in self.stages],
            "alpha": self.alpha,
            "sample_ratio_alpha": self.sample_ratio_alpha,
        }


def _metric_to_json(metric: Metric) -> dict[str, Any]:
    written = asdict(metric) | {"direction": metric.direction.value}
    early = list(written.pop("early_margins"))
    return written | ({"early_margins": early} if early else {})  # a plan without them keeps the hash that it had


def canary_policy_from_json(data: Mapping[str, Any], source: str) -> CanaryPolicy:
    """Return the policy written by `CanaryPolicy.to_json`; ``source`` is the file, for messages.

    Raises
    ------
    UsageError
        A key is unknown, missing or wrong.
    """
    try:
        values = dict(data)
        metrics = tuple(Metric(**one) for one in values.pop("metrics"))
        stages = tuple(Stage(**one) for one in values.pop("stages"))
        return CanaryPolicy(metrics, stages, **values)
    except (KeyError, TypeError) as error:
        raise UsageError(f"{source}: not a canary policy as headgate writes them: {error}") from error
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from None


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _within(value: object, above: float, below: float) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and above < value <= below and value < math.inf
    )
