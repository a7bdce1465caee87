"""What a simulation showed: shares with intervals, times, units. Pure arithmetic on outcomes."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from headgate.rollout.simulate_release import HALTED, INVALID, PASSED, UNDECIDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.rollout.simulate import Scenario, Simulation
    from headgate.rollout.simulate_release import Outcome

__all__ = ["QUANTILES", "SCHEMA", "ScenarioSummary", "Share", "StageTime", "summaries", "to_json"]

SCHEMA = "headgate.rollout-simulation/1"
# The interval of a share found by simulation (Wilson 1927; Brown, Cai & DasGupta 2001 recommend it).
CONFIDENCE = 0.95
# Shown of times and units: one release in ten is sooner than the first, one in ten later than the last.
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with the interval of the share they come from."""

    count: int
    of: int

    @property
    def value(self) -> float:
        """The share; NaN of nothing."""
        return self.count / self.of if self.of else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval at `CONFIDENCE`; (0, 1) of nothing."""
        if not self.of:
            return 0.0, 1.0
        z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2.0)
        spread = z * z / self.of
        centre = (self.value + spread / 2.0) / (1.0 + spread)
        half = z * math.sqrt(self.value * (1.0 - self.value) / self.of + spread / (4.0 * self.of)) / (1.0 + spread)
        # At the ends the formula gives 0 and 1 but for rounding.
        return (
            0.0 if not self.count else max(0.0, centre - half),
            1.0 if self.count == self.of else min(1.0, centre + half),
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        low, high = self.interval
        return {"count": self.count, "of": self.of, "share": self.value, "lower": low, "upper": high}


@dataclass(frozen=True, slots=True)
class StageTime:
    """One stage: how many releases passed it, and the `QUANTILES` of the seconds it took them."""

    stage: int
    passed: int
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ScenarioSummary:
    """One scenario's releases.

    Attributes
    ----------
    shares
        By state: how many ended so.
    advanced
        How many ever left a stage.
    wrongly
        How many left the first stage whose margin a metric is beyond, or at: what a canary that is too bad must not do.
    error
        ``false halt`` where every metric is within its tolerance, ``wrong pass`` where one is beyond its margin or at
        it, "" between the two: there either is right.
    seconds, units, canary_units
        `QUANTILES` over the halted releases, from the start to the halt; empty where none was.
    stages
        Of those that were passed by any.
    halted_by
        How many releases each metric halted, most first.
    """

    scenario: Scenario
    shares: dict[str, Share]
    advanced: Share
    wrongly: Share
    error: str
    seconds: tuple[float, ...]
    units: tuple[float, ...]
    canary_units: tuple[float, ...]
    stages: tuple[StageTime, ...]
    halted_by: tuple[tuple[str, int], ...]

    @property
    def wrong(self) -> Share | None:
        """How often the plan erred; None where it cannot."""
        return {"false halt": self.shares[HALTED], "wrong pass": self.wrongly}.get(self.error)


def summaries(found: Simulation) -> tuple[ScenarioSummary, ...]:
    """Return a summary of each scenario, in their order."""
    metrics = [metric for metric in found.plan.policy.metrics if metric.required]
    summed = []
    for scenario, outcomes in zip(found.scenarios, found.outcomes, strict=True):
        over_tolerance, over_margin = scenario.worst(metrics)
        error = "wrong pass" if over_margin >= 0.0 else "false halt" if over_tolerance <= 0.0 else ""
        first_wrong = scenario.first_wrong(metrics, len(found.plan.stages))
        summed.append(_summary(scenario, outcomes, error, first_wrong))
    return tuple(summed)


def to_json(found: Simulation) -> dict[str, Any]:
    """Return the simulation as plain JSON values (docs/schemas/rollout-simulation-1.schema.json)."""
    return {
        "schema": SCHEMA,
        "plan": found.plan.name,
        "plan_hash": found.plan.hash,
        "traffic": asdict(found.traffic),
        "stable": found.source,
        "seeds": found.asked,
        "seed": found.seed,
        "complete": found.complete,
        "quantiles": list(QUANTILES),
        "scenarios": [_to_json(one) for one in summaries(found)],
    }


def _summary(scenario: Scenario, outcomes: Sequence[Outcome], error: str, first_wrong: int | None) -> ScenarioSummary:
    wrong_from = math.inf if first_wrong is None else first_wrong
    halted = [one for one in outcomes if one.state == HALTED]
    by: dict[str, int] = {}
    for one in halted:
        by[one.reason] = by.get(one.reason, 0) + 1
    longest = max((len(one.stage_seconds) for one in outcomes), default=0)
    stages = []
    for stage in range(longest):
        times = [one.stage_seconds[stage] for one in outcomes if len(one.stage_seconds) > stage]
        stages.append(StageTime(stage, len(times), _quantiles(times)))
    return ScenarioSummary(
        scenario,
        {
            state: Share(sum(1 for one in outcomes if one.state == state), len(outcomes))
            for state in (PASSED, HALTED, INVALID, UNDECIDED)
        },
        Share(sum(1 for one in outcomes if one.stage_seconds), len(outcomes)),
        Share(sum(1 for one in outcomes if len(one.stage_seconds) > wrong_from), len(outcomes)),
        error,
        _quantiles([one.seconds for one in halted]),
        _quantiles([float(one.units) for one in halted]),
        _quantiles([float(one.canary_units) for one in halted]),
        tuple(stages),
        tuple(sorted(by.items(), key=lambda item: (-item[1], item[0]))),
    )


def _quantiles(values: Sequence[float]) -> tuple[float, ...]:
    """Return the `QUANTILES`, each a value that occurred (the lower one between two); empty of nothing."""
    ordered = sorted(values)
    return tuple(ordered[math.floor(level * (len(ordered) - 1))] for level in QUANTILES) if ordered else ()


def _to_json(one: ScenarioSummary) -> dict[str, Any]:
    return {
        "name": one.scenario.name,
        "effects": dict(one.scenario.effects),
        "error": one.error or None,
        "wrong": None if one.wrong is None else one.wrong.to_json(),
        "shares": {state: share.to_json() for state, share in one.shares.items()},
        "advanced": one.advanced.to_json(),
        "halt": {
            "seconds": list(one.seconds),
            "units": list(one.units),
            "canary_units": list(one.canary_units),
            "by": dict(one.halted_by),
        },
        "stages": [
            {"stage": stage.stage, "passed": stage.passed, "seconds": list(stage.seconds)} for stage in one.stages
        ],
    }
