"""What a canary plan will need, before the first unit: units to pass, and to halt at given slow-downs. Pure arithmetic.

For a stage on its own the counts are set to what they would be if the canary were like stable (or worse by so much),
less what chance takes from them in one release of ten; the units at which the e-value then reaches its threshold are
what the stage needs. The gate's own tests are evaluated, so the plan cannot promise what the gate does not keep.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from headgate.errors import UsageError
from headgate.gates.canary_evidence import grid_of
from headgate.gates.canary_tests import log_e_pass, log_e_worse
from headgate.model import Direction
from headgate.stats.capped import CappedMasses, factor_to, masses_of
from headgate.stats.means import Sums
from headgate.stats.mixtures import Stratum
from headgate.stats.quantiles import Histogram
from headgate.stats.rates import RateCounts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.gates.canary_evidence import Counts
    from headgate.gates.canary_policy import CanaryPolicy, Metric, Stage

__all__ = ["Assumption", "Assumptions", "PlanReport", "PlanRow", "minimum_units", "plan_report", "proves"]

# The needs shown are met in nine releases of ten: counts are taken this many standard deviations on the wrong side.
SURE = NormalDist().inv_cdf(0.9)
# Slow-downs shown unless others are asked for: half as bad again, twice, three times.
DEFAULT_WORSE = (0.5, 1.0, 2.0)
# Units beyond which nothing is looked for.
MOST_UNITS = 10**13
# Points that stand for a distribution where a histogram of it is needed.
POINTS = 2_000


@dataclass(frozen=True, slots=True)
class Assumption:
    """What stable's metric is like.

    ``value``: of a rate, events per unit; else the metric itself. ``scatter``: of a quantile, the standard deviation of
    the values' logarithms; of a mean or ratio, one unit's standard deviation over the mean; a rate has none.
    """

    value: float
    scatter: float = 1.0


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a plan is reckoned with: each metric's assumption, slow-downs to show, and the units each stage will see.

    ``units`` counts both arms and has one number per stage (the last may be that of all units, which compares nothing);
    empty where it is not known: then nothing is refused.
    """

    metrics: Mapping[str, Assumption]
    worse: tuple[float, ...] = DEFAULT_WORSE
    units: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One metric in one stage on its own: units (both arms) to pass if like stable, and to halt at each slow-down.

    None where no number of units would do. ``margin`` is the stage's.
    """

    ppm: int
    metric: str
    margin: float
    to_pass: int | None
    to_halt: tuple[tuple[float, int | None], ...]


@dataclass(frozen=True, slots=True)
class PlanReport:
    """The rows, the units each stage needs for its minimum per arm, and why the plan cannot pass, if it cannot."""

    rows: tuple[PlanRow, ...]
    minimum: tuple[tuple[int, int], ...] = ()
    refusals: tuple[str, ...] = field(default=())

    @property
    def can_pass(self) -> bool:
        """Whether nothing was found that keeps the plan from passing."""
        return not self.refusals


def plan_report(policy: CanaryPolicy, assumptions: Assumptions) -> PlanReport:
    """Return what each stage needs, and whether the units expected are enough for the plan ever to pass.

    Raises
    ------
    UsageError
        An assumption is missing or out of range, or the units are not one number per stage.
    """
    _check(policy, assumptions)
    rows = tuple(
        _row(policy, metric, index, assumptions)
        for index, stage in enumerate(policy.stages)
        if stage.share < 1.0
        for metric in policy.metrics
    )
    minimum = tuple((one.ppm, minimum_units(one)) for one in policy.stages)
    return PlanReport(rows, minimum, _refusals(policy, assumptions, rows))


def _row(policy: CanaryPolicy, metric: Metric, index: int, assumptions: Assumptions) -> PlanRow:
    given, stage = assumptions.metrics[metric.name], policy.stages[index]
    to_pass = _units(policy, metric, index, given, None)
    to_halt = tuple((worse, _units(policy, metric, index, given, worse)) for worse in assumptions.worse)
    return PlanRow(stage.ppm, metric.name, metric.margin_at(index), to_pass, to_halt)


def _units(policy: CanaryPolicy, metric: Metric, index: int, given: Assumption, worse: float | None) -> int | None:
    """Return the least units at which the metric passes (``worse`` None: like stable) or halts, alone in the stage."""
    stage, margin = policy.stages[index], metric.margin_at(index)
    level = policy.alpha if worse is None else policy.halting_level(metric) or policy.alpha

    def enough(units: int) -> bool:
        strata = (_expected(metric, stage.share, given, worse, units),)
        if worse is None:
            return log_e_pass(policy, metric, strata, margin) >= -math.log(level)
        return log_e_worse(policy, metric, strata) >= -math.log(level)

    high = 64
    while not enough(high):
        high *= 2
        if high > MOST_UNITS:
            return None
    low = high // 2
    while high - low > max(1, low // 200):  # to half a percent
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _expected(metric: Metric, share: float, given: Assumption, worse: float | None, units: int) -> Stratum[Counts]:
    """Return the counts at a slow-down (None: none), with chance against the claim that is to be made."""
    ratio = 1.0 + (worse or 0.0)
    up = metric.direction is Direction.LOWER
    ratio = ratio if up else 1.0 / ratio
    # Chance goes against the claim: a worse canary looks better, one like stable looks worse.
    against = SURE if (worse is None) == up else -SURE
    ours, theirs = max(1, round(units * share)), max(1, round(units * (1.0 - share)))
    if metric.kind == "rate":
        return _expected_rates(given.value, ratio, ours, theirs, against)
    if metric.kind == "quantile":
        return _expected_histograms(metric, given, ratio, (ours, theirs), against)
    if metric.cap is not None and is_all_or_nothing(metric, given):
        return _expected_successes(metric.cap, given.value, given.value * ratio, (ours, theirs), against, share)
    deviation = given.value * given.scatter
    shifted = given.value * ratio + against * deviation * math.sqrt(ratio * ratio / ours + 1.0 / theirs)
    if metric.cap is not None:
        canary = _lognormal_masses(shifted, given.scatter, metric.cap, ours)
        return Stratum(share, canary, _lognormal_masses(given.value, given.scatter, metric.cap, theirs))
    return Stratum(share, _sums(shifted, deviation * ratio, ours), _sums(given.value, deviation, theirs))


def _expected_rates(rate: float, ratio: float, ours: int, theirs: int, against: float) -> Stratum[Counts]:
    share = ours / (ours + theirs)
    events = ours * min(1.0, rate * ratio) + theirs * rate
    split = share * ratio / (share * ratio + 1.0 - share)
    canary = events * split + against * math.sqrt(events * split * (1.0 - split))
    mine = min(max(0, round(canary)), ours)
    return Stratum(share, RateCounts(ours, mine), RateCounts(theirs, min(max(0, round(events - canary)), theirs)))


def _expected_histograms(
    metric: Metric, given: Assumption, ratio: float, units: tuple[int, int], against: float
) -> Stratum[Counts]:
    normal = NormalDist()
    centre = math.log(given.value) - given.scatter * normal.inv_cdf(metric.quantile or 0.5)
    edges = [math.log(edge) for edge in grid_of(metric).thresholds().tolist()]
    # Chance is shared by the arms: each takes its part of one deviation of their difference.
    arms = []
    for count, shift, sign in ((units[0], math.log(ratio), -1.0), (units[1], 0.0, 1.0)):
        below, cells = 0, {}
        for cell, edge in enumerate(edges):
            part = normal.cdf((edge - centre - shift) / given.scatter)
            noisy = count * part + sign * against * math.sqrt(0.5 * count * part * (1.0 - part))
            upto = min(max(below, round(noisy)), count)
            if upto > below:
                cells[cell] = upto - below
            below = upto
        if below < count:
            cells[len(edges)] = count - below
        arms.append(Histogram(count, cells))
    return Stratum(units[0] / sum(units), arms[0], arms[1])


def _sums(mean: float, deviation: float, units: int) -> Sums:
    y = mean * units
    return Sums(units, y, units * (mean * mean + deviation * deviation), float(units), float(units), y)


def is_all_or_nothing(metric: Metric, given: Assumption) -> bool:
    """Whether a mean below a cap is a success rate: units at 0 or the cap.

    It is where the scatter is the largest that numbers from 0 to the cap can have around that mean, or larger still, as
    the scatter that is assumed where none is given is for any mean above half the cap.
    """
    cap = metric.cap
    if cap is None or given.value > cap:
        return False
    return given.scatter**2 >= (cap / given.value - 1.0) * (
        1.0 - 1e-9
    )  # a recorded one is the largest but for rounding


def _expected_successes(
    cap: float, stable: float, canary: float, units: tuple[int, int], against: float, share: float
) -> Stratum[Counts]:
    variances = [max(0.0, mean * (cap - mean)) / count for mean, count in zip((canary, stable), units, strict=True)]
    shifted = canary + against * math.sqrt(sum(variances))
    arms = []
    for mean, count in zip((shifted, stable), units, strict=True):
        part = min(max(mean / cap, 0.0), 1.0)
        nothing = masses_of((), cap).masses
        arms.append(CappedMasses(count, ((1.0 - part) * count, *nothing[1:-1], part * count)))
    return Stratum(share, arms[0], arms[1])


def _lognormal_masses(mean: float, scatter: float, cap: float, units: int) -> CappedMasses:
    width = math.sqrt(math.log1p(scatter * scatter))
    centre = math.log(max(mean, cap * 1e-9)) - 0.5 * width * width
    normal = NormalDist(centre, width or 1e-9)
    values = np.exp([normal.inv_cdf((i + 0.5) / POINTS) for i in range(POINTS)])
    # The metric is the mean of what is counted, so that is what a slow-down multiplies; it ends short of the cap.
    counted = min(max(mean, cap * 1e-9), cap * (1.0 - 1e-6))
    points = masses_of(values * factor_to(values, np.full(POINTS, 1.0 / POINTS), cap, counted), cap)
    return CappedMasses(units, tuple(mass * units / POINTS for mass in points.masses))


def minimum_units(stage: Stage) -> int:
    """Return the units of both arms at which the smaller arm has its minimum; 0 where there is one arm alone."""
    share = stage.share
    return 0 if share == 1.0 else math.ceil(stage.minimum_units / min(share, 1.0 - share))


def _refusals(policy: CanaryPolicy, assumptions: Assumptions, rows: tuple[PlanRow, ...]) -> tuple[str, ...]:
    if not assumptions.units:
        return ()
    expected = {stage.ppm: units for stage, units in zip(policy.stages, assumptions.units, strict=True)}
    found = [
        f"stage {stage.ppm / 10_000:g} %: {least} units are needed for {stage.minimum_units} in each arm, "
        f"{expected[stage.ppm]} are expected"
        for stage in policy.stages
        for least in (minimum_units(stage),)
        if expected[stage.ppm] < least
    ]
    required = {metric.name: metric for metric in policy.metrics if metric.required}
    for index, stage in enumerate(policy.stages):
        for row in rows:
            if row.ppm != stage.ppm or row.metric not in required or not proves(required[row.metric], index):
                continue
            if row.to_pass is None or row.to_pass > expected[row.ppm]:
                due = f"about {row.to_pass:,} units are needed to pass"
                due = "no number of units would do" if row.to_pass is None else due
                found.append(
                    f"{row.metric}: {due} in stage {index + 1}, {expected[row.ppm]:,} are expected; a larger margin, "
                    "or a larger or longer stage, would do"
                )
    return tuple(found)


def proves(metric: Metric, stage: int) -> bool:
    """Whether the stage has to show something new: it is the first one, or its margin is narrower than the last's."""
    return stage == 0 or metric.margin_at(stage) < metric.margin_at(stage - 1)


def _check(policy: CanaryPolicy, assumptions: Assumptions) -> None:
    for metric in policy.metrics:
        given = assumptions.metrics.get(metric.name)
        if given is None:
            raise UsageError(f"metric {metric.name!r}: no assumption of what stable's is like; give its value")
        if not (math.isfinite(given.value) and given.value > 0.0) or (metric.kind == "rate" and given.value > 1.0):
            upto = ", at most 1" if metric.kind == "rate" else ""
            raise UsageError(
                f"metric {metric.name!r}: value {given.value:g} will not do: expected a number above 0{upto}"
            )
        if metric.kind != "rate" and not 0.0 < given.scatter < math.inf:
            raise UsageError(f"metric {metric.name!r}: scatter {given.scatter:g} will not do: expected more than 0")
    if assumptions.units and len(assumptions.units) != len(policy.stages):
        raise UsageError(f"units: {len(assumptions.units)} given for {len(policy.stages)} stages; one number each")
    if not all(worse > 0.0 and math.isfinite(worse) for worse in assumptions.worse):
        raise UsageError(f"worse: {assumptions.worse} will not do: expected slow-downs above 0, as 0.5 for half again")
