"""What a plan needs before it is used: units and time of each stage, and whether it can pass in time. Pure.

The units of one stage on its own are `headgate.gates.canary_plan`'s; here they become the stages of a release. What a
stage has shown the later ones keep: they need no more than their minimum of units and their dwell, unless their margin
is narrower. What an earlier stage has shown of that is left out, so the needs are rather too large.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

from headgate.errors import UsageError
from headgate.gates.canary_plan import (
    DEFAULT_WORSE,
    MOST_UNITS,
    Assumption,
    Assumptions,
    PlanReport,
    minimum_units,
    plan_report,
    proves,
)
from headgate.gates.canary_policy import CanaryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from headgate.gates.canary_plan import PlanRow
    from headgate.gates.canary_policy import Metric
    from headgate.rollout.plan import Plan

__all__ = ["NEEDS_SCHEMA", "PlanNeeds", "StageNeeds", "assumed", "needs_to_json", "plan_needs"]

NEEDS_SCHEMA = "headgate.rollout-needs/1"


@dataclass(frozen=True, slots=True)
class StageNeeds:
    """What one stage needs.

    Attributes
    ----------
    index, ppm
        Which, and its share of all units.
    minimum
        Live units, of both arms, at which the smaller arm has its minimum.
    dwell_seconds
        As the plan has it.
    rows
        Of each metric on its own: units to pass and to halt; empty where nothing is assumed, or nothing compared.
    units
        Live units after which nine releases of ten leave the stage, if the canary is like stable; None where no number
        would do, or where nothing is assumed.
    seconds
        The time that takes, dwell included; None where the traffic is not known.
    """

    index: int
    ppm: int
    minimum: int
    dwell_seconds: float
    rows: tuple[PlanRow, ...] = ()
    units: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class PlanNeeds:
    """A plan's needs; ``refusals`` say why it cannot pass, if it cannot; ``seconds`` are of all stages together.

    ``warnings`` say where a stage may pass too soon to see harm that only begins in it.
    """

    plan: Plan
    assumptions: Mapping[str, Assumption]
    source: str
    units_per_second: float | None
    horizon_seconds: float | None
    stages: tuple[StageNeeds, ...]
    seconds: float | None
    refusals: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def assumed(metric: Metric, values: Sequence[Any]) -> Assumption:
    """Return what a metric is like where these values were recorded, one per unit.

    Raises
    ------
    UsageError
        They do not describe it: none, all alike, or not above 0.
    """
    pairs = [one if metric.kind == "ratio" else (one, 1.0) for one in values]
    if not pairs or not math.fsum(x for _, x in pairs):
        raise UsageError(f"metric {metric.name!r}: nothing was recorded that describes it; give its value instead")
    if metric.kind == "quantile":
        # What never came back is infinite: it has its place in the order, and none in the scatter.
        ordered = sorted(float(y) for y, _ in pairs if y > 0.0)
        place = min(len(ordered) - 1, math.floor((metric.quantile or 0.5) * len(ordered)))
        if not ordered or not math.isfinite(ordered[place]):
            raise UsageError(f"metric {metric.name!r}: no quantile above 0 was recorded; give its value instead")
        return _checked(metric, Assumption(ordered[place], pstdev(math.log(one) for one in ordered if one < math.inf)))
    value = math.fsum(y for y, _ in pairs) / math.fsum(x for _, x in pairs)
    if metric.kind == "rate":
        return _checked(metric, Assumption(value))
    # Of a ratio the deviation is that of y - value x, over the mean x: the delta method.
    spread = pstdev(y - value * x for y, x in pairs) / fmean(x for _, x in pairs)
    return _checked(metric, Assumption(value, spread / value if value > 0.0 else 1.0))


def plan_needs(
    plan: Plan,
    assumptions: Mapping[str, Assumption],
    *,
    worse: tuple[float, ...] = DEFAULT_WORSE,
    units_per_second: float | None = None,
    horizon_seconds: float | None = None,
    source: str = "",
) -> PlanNeeds:
    """Return what a plan needs, and why it cannot pass, if it cannot.

    Parameters
    ----------
    plan
        The plan.
    assumptions
        Of every required metric what stable's is like; informative ones may be left out; empty: needs are not known.
    worse
        Slow-downs for which the units to halt are wanted, as 0.5 for half as bad again.
    units_per_second
        Live units (stable and canary together) that come anew; None if it is not known.
    horizon_seconds
        The time there is for the whole release; takes ``units_per_second``.
    source
        Where the assumptions are from, for display.

    Raises
    ------
    UsageError
        An assumption is missing, of no metric, or out of range.
    """
    unknown = sorted(set(assumptions) - {metric.name for metric in plan.metrics})
    if unknown:
        raise UsageError(f"{unknown[0]!r} is no metric of the plan; it has: {_names(plan)}")
    report = PlanReport(())
    if assumptions:
        kept = tuple(one for one in plan.metrics if one.required or one.name in assumptions)
        policy = CanaryPolicy(kept, plan.policy.stages, plan.alpha, plan.sample_ratio_alpha)
        most = 0 if horizon_seconds is None or units_per_second is None else int(horizon_seconds * units_per_second)
        units = (min(most, MOST_UNITS),) * len(plan.stages) if most else ()
        report = plan_report(policy, Assumptions(assumptions, worse, units))
    stages = tuple(_stage(plan, index, report, units_per_second) for index in range(len(plan.stages)))
    times = [one.seconds for one in stages]
    total = None if any(one is None for one in times) else math.fsum(one or 0.0 for one in times)
    return PlanNeeds(
        plan,
        dict(assumptions),
        source,
        units_per_second,
        horizon_seconds,
        stages,
        total,
        (*report.refusals, *_refusals(plan, assumptions, stages, total, horizon_seconds)),
        tuple(_warnings(plan, stages, units_per_second)),
    )


def needs_to_json(needs: PlanNeeds) -> dict[str, Any]:
    """Return the needs as plain JSON values (docs/schemas/rollout-needs-1.schema.json)."""
    return {
        "schema": NEEDS_SCHEMA,
        "plan": needs.plan.name,
        "plan_hash": needs.plan.hash,
        "assumptions": {name: asdict(one) for name, one in sorted(needs.assumptions.items())},
        "source": needs.source,
        "units_per_second": needs.units_per_second,
        "horizon_seconds": needs.horizon_seconds,
        "stages": [_stage_to_json(one) for one in needs.stages],
        "seconds": needs.seconds,
        "can_pass": not needs.refusals,
        "refusals": list(needs.refusals),
        "warnings": list(needs.warnings),
    }


def _stage(plan: Plan, index: int, report: PlanReport, units_per_second: float | None) -> StageNeeds:
    given, live = plan.stages[index], plan.policy.stages[index]
    minimum = minimum_units(live)
    rows = tuple(row for row in report.rows if row.ppm == live.ppm)
    required = {metric.name: metric for metric in plan.metrics if metric.required}
    proving = {name for name, one in required.items() if live.share < 1.0 and proves(one, index)}
    needs = [row.to_pass for row in rows if row.metric in proving]
    known = len(needs) == len(proving) and None not in needs
    units = max(minimum, *(one or 0 for one in needs), 0) if known else None
    seconds = None
    if units is not None and units_per_second is not None:
        seconds = max(given.dwell_seconds, units / units_per_second)
    return StageNeeds(index, given.ppm, minimum, given.dwell_seconds, rows, units, seconds)


def _refusals(
    plan: Plan,
    assumptions: Mapping[str, Assumption],
    stages: Sequence[StageNeeds],
    total: float | None,
    horizon: float | None,
) -> list[str]:
    found = []
    required = {metric.name: metric for metric in plan.metrics if metric.required}
    if assumptions and horizon is None:
        found += [
            f"{row.metric}: no number of units would do in stage {stage.index + 1}; a larger margin would, or another "
            "metric"
            for stage in stages
            for row in stage.rows
            if row.metric in required and row.to_pass is None and proves(required[row.metric], stage.index)
        ]
    if total is not None and horizon is not None and total > horizon:
        found.append(f"all stages together take about {_hours(total)}, there are {_hours(horizon)}")
    return found


def _warnings(plan: Plan, stages: Sequence[StageNeeds], pace: float | None) -> Iterator[str]:
    """Yield, by stage, what it may pass on the word of earlier stages before it could show it itself.

    Also where its margin is narrower than theirs: they may have gone on for longer than theirs takes, and shown it too.
    """
    required = {metric.name for metric in plan.metrics if metric.required}
    for stage in stages[1:]:
        rows = [row for row in stage.rows if row.metric in required]
        # The dwell brings units, too: where the traffic is not known, nobody knows how many.
        least = max(stage.minimum, math.floor(stage.dwell_seconds * (pace or 0.0)))
        soon = (
            f"stage {stage.index + 1} may pass after {_three(least)} units, on what earlier stages showed; by itself "
        )
        never = next((row.metric for row in rows if row.to_pass is None), None)
        if never is not None:
            yield (
                f"{soon}no number of units shows that {never} is within its margin: harm that begins there may pass "
                "unseen; give it a wider margin, a share nearer to half, or another metric"
            )
            continue
        alone, name = max(((row.to_pass or 0, row.metric) for row in rows), default=(0, ""))
        if alone > least:
            share = plan.policy.stages[stage.index].share
            arm = math.ceil(alone * min(share, 1.0 - share))
            yield (
                f"{soon}it shows that {name} is within its margin after {_three(alone)}: harm that begins there may "
                f"pass unseen; give it minimum_units = {arm}, or a dwell that brings as many"
            )


def _three(units: int) -> str:
    return f"{float(f'{units:.3g}'):,.0f}"


def _hours(seconds: float) -> str:
    return f"{float(f'{seconds / 3600.0:.3g}'):,g} h"


def _names(plan: Plan) -> str:
    return ", ".join(metric.name for metric in plan.metrics)


def _checked(metric: Metric, found: Assumption) -> Assumption:
    if not (found.value > 0.0 and (metric.kind == "rate" or found.scatter > 0.0)):
        raise UsageError(
            f"metric {metric.name!r}: what was recorded has a value of {found.value:g} and a scatter of "
            f"{found.scatter:g}; give its value instead, as {metric.name}=0.4,scatter=0.5"
        )
    return found


def _stage_to_json(one: StageNeeds) -> dict[str, Any]:
    return {
        "stage": one.index,
        "ppm": one.ppm,
        "minimum_units": one.minimum,
        "dwell_seconds": one.dwell_seconds,
        "units": one.units,
        "seconds": one.seconds,
        "metrics": [
            {
                "name": row.metric,
                "margin": row.margin,
                "to_pass": row.to_pass,
                "to_halt": [{"worse": worse, "units": units} for worse, units in row.to_halt],
            }
            for row in one.rows
        ],
    }
