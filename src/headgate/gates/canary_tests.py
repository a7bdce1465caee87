"""One metric's two tests and its interval, whatever its kind: the table that joins the gate to `headgate.stats`.

*Worse* is turned so that more is worse: for a metric of which higher is better the arms change places.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from headgate.gates.canary_evidence import CANARY, STABLE, grid_of
from headgate.model import Direction
from headgate.stats import capped, means, quantiles, rates
from headgate.stats.capped import CappedMasses
from headgate.stats.means import Sums
from headgate.stats.mixtures import HALTING, Stratum, log_mean_of_starts, passing, swapped
from headgate.stats.quantiles import Histogram
from headgate.stats.rates import RateCounts

if TYPE_CHECKING:
    from headgate.gates.canary_evidence import Counts, Evidence
    from headgate.gates.canary_policy import CanaryPolicy, Metric
    from headgate.stats.mixtures import Ladder
    from headgate.stats.quantiles import Grid

__all__ = [
    "counts_type",
    "estimates",
    "interval",
    "log_e_beyond",
    "log_e_pass",
    "log_e_worse",
    "pooled_value",
    "strata_of",
    "why_not_testable",
    "worst_start",
]

Strata = tuple[Stratum[Any], ...]


def counts_type(metric: Metric) -> type[Counts]:
    """Return the type of the counts that a metric's evidence is made of."""
    if metric.kind == "rate":
        return RateCounts
    if metric.kind == "quantile":
        return Histogram
    return CappedMasses if metric.cap is not None else Sums


def strata_of(policy: CanaryPolicy, metric: Metric, evidence: Evidence) -> Strata:
    """Return the stages that have the metric in both arms, in order; a stage without a stable arm compares nothing."""
    strata = []
    for stage in policy.stages:
        ours = evidence.arm(stage.ppm, CANARY).metrics.get(metric.name)
        theirs = evidence.arm(stage.ppm, STABLE).metrics.get(metric.name)
        if ours is not None and theirs is not None and stage.share < 1.0:
            strata.append(Stratum(stage.share, ours, theirs))
    return tuple(strata)


def log_e_worse(policy: CanaryPolicy, metric: Metric, strata: Strata, least: float = -math.inf) -> float:
    """Return the log e-value against "the canary is worse by at most the metric's tolerance, in every stage".

    Mixed over the stage that the harm began with: a long good stage does not outweigh a bad one after it.
    ``least``: one that is not above this may come out larger, up to this (of a quantile, much sooner).
    """
    return _log_e_since(policy, metric, strata, metric.tolerance, least)


def log_e_beyond(policy: CanaryPolicy, metric: Metric, strata: Strata, margin: float | None = None) -> float:
    """Return the log e-value against "the canary is worse by at most the margin, in every stage"."""
    return _log_e_since(policy, metric, strata, metric.margin if margin is None else margin)


def worst_start(metric: Metric, strata: Strata) -> int:
    """Return the stratum from which on the strata say loudest that the canary is worse than tolerated."""
    if why_not_testable(metric, strata):
        return 0
    tails = _tails(metric, strata, metric.tolerance)
    return tails.index(max(tails))


def _log_e_since(policy: CanaryPolicy, metric: Metric, strata: Strata, worse: float, least: float = -math.inf) -> float:
    if why_not_testable(metric, strata):
        return 0.0
    if metric.kind == "quantile" and least > -math.inf:
        turned = strata if metric.direction is Direction.LOWER else swapped(strata)
        return _log_e_above(policy, metric, turned, math.log1p(worse), HALTING, least)
    return log_mean_of_starts(_tails(metric, strata, worse), len(policy.stages))


def _tails(metric: Metric, strata: Strata, worse: float) -> list[float]:
    """Return the log e-values against "worse by at most ``worse``" of the strata from each one on."""
    turned, log_ratio = strata if metric.direction is Direction.LOWER else swapped(strata), math.log1p(worse)
    if metric.kind == "rate":
        return rates.log_e_tails(turned, log_ratio, HALTING)
    if metric.kind == "quantile":
        grid = grid_of(metric)
        return quantiles.log_e_tails(turned, grid, metric.quantile or 0.0, _steps(grid, log_ratio))
    return capped.log_e_tails(turned, log_ratio) if metric.cap is not None else means.log_e_tails(turned, log_ratio)


def _steps(grid: Grid, log_ratio: float) -> int:
    return math.ceil(log_ratio / grid.log_step - 1e-9)  # upwards: the harder claim, where the grid is too coarse


def log_e_pass(policy: CanaryPolicy, metric: Metric, strata: Strata, margin: float | None = None) -> float:
    """Return the log e-value against "the canary is worse by the margin or more": the mirrored test.

    ``margin`` is the metric's own unless it is given: an early stage may hold a wider one.
    """
    if why_not_testable(metric, strata):
        return 0.0
    turned = swapped(strata) if metric.direction is Direction.LOWER else strata
    held = metric.margin if margin is None else margin
    return _log_e_above(policy, metric, turned, -math.log1p(held), passing(held))


def interval(policy: CanaryPolicy, metric: Metric, strata: Strata, margin: float | None = None) -> tuple[float, float]:
    """Return bounds on the ratio canary to stable; each at the level of the claim it decides, at all looks together.

    The bound on the side of *worse* is at alpha (what passing needs); the other at the metric's halting level, or at
    alpha for a metric that cannot halt.
    """
    halting = policy.halting_level(metric) or policy.alpha
    levels = (halting, policy.alpha) if metric.direction is Direction.LOWER else (policy.alpha, halting)
    starts = len(policy.stages)
    if metric.kind == "rate":
        ladders = (HALTING, passing(metric.margin if margin is None else margin))
        first, second = ladders if metric.direction is Direction.LOWER else ladders[::-1]
        low = rates.lower_bound(strata, levels[0], first)
        high = rates.upper_bound(strata, levels[1], second)
    elif metric.kind == "quantile":
        grid = grid_of(metric)
        low = quantiles.lower_bound(strata, grid, metric.quantile or 0.0, levels[0], starts)
        high = quantiles.upper_bound(strata, grid, metric.quantile or 0.0, levels[1], starts)
    else:
        module = capped if metric.cap is not None else means
        low, high = module.lower_bound(strata, levels[0]), module.upper_bound(strata, levels[1])
    return math.exp(low), math.exp(high) if high < math.inf else math.inf


def estimates(metric: Metric, strata: Strata) -> tuple[float, float]:
    """Return the metric of the canary and of stable, over all stages; NaN without units."""
    return pooled_value(metric, [one.canary for one in strata]), pooled_value(metric, [one.stable for one in strata])


def pooled_value(metric: Metric, counts: list[Any]) -> float:
    """Return the metric over several stages' counts together: for display, since stages differ in their shares."""
    if not counts:
        return math.nan
    total = counts[0]
    for one in counts[1:]:
        total = total + one
    if isinstance(total, Histogram):
        return quantiles.quantile_of(total, grid_of(metric), metric.quantile or 0.0)
    if isinstance(total, CappedMasses):
        return total.mean(metric.cap or 0.0)
    return float(total.value)


def why_not_testable(metric: Metric, strata: Strata) -> str:
    """Return why the metric's test has nothing to say yet, or ''."""
    if not strata:
        return "no units with this metric in both arms yet"
    if metric.kind == "rate" and not sum(one.canary.events + one.stable.events for one in strata):
        # However many units: where nothing happened the rates hardly differ, but their ratio may be anything.
        return (
            "no events in either arm yet; without any a rate never passes: for what is so rare take a mean with a cap"
        )
    return _why_no_mean(strata) if counts_type(metric) is Sums else ""


def _why_no_mean(strata: Strata) -> str:
    if all(min(one.canary.units, one.stable.units) < means.LEAST_UNITS for one in strata):
        most = max(min(one.canary.units, one.stable.units) for one in strata)
        return f"{most} units in the smaller arm; a mean is judged from {means.LEAST_UNITS}"
    if not any(one.canary.counts and one.stable.counts for one in strata):
        return "every x is 0 in an arm: nothing to divide by yet"
    # The canary's may be anything: that nothing is left of it is the worst harm, or the greatest gain.
    if any(one.stable.counts and one.stable.value <= 0.0 for one in strata):
        return "stable's value is not above 0, so no ratio to it means worse or better; choose another metric"
    if all(_still(one.canary) and _still(one.stable) for one in strata):
        return "every unit has the same value: nothing to judge chance by"
    return ""


def _still(sums: Sums) -> bool:
    return not sums.counts or sums.unit_variance == 0.0


def _log_e_above(
    policy: CanaryPolicy, metric: Metric, strata: Strata, log_ratio: float, ladder: Ladder, least: float = -math.inf
) -> float:
    if metric.kind == "rate":
        return rates.log_e_above(strata, log_ratio, ladder)
    if metric.kind == "quantile":
        grid = grid_of(metric)
        steps = _steps(grid, log_ratio)
        return quantiles.log_e_above(strata, grid, metric.quantile or 0.0, steps, len(policy.stages), least=least)
    module = capped if metric.cap is not None else means
    value: float = module.log_e_above(strata, log_ratio)
    return value
