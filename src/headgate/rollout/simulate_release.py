"""One simulated release: units come, the gate looks, the stages pass or the release is halted. No clock, no I/O."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from headgate.gates.canary import CanaryState, decide
from headgate.gates.canary_evidence import CANARY, STABLE, ArmEvidence, Evidence
from headgate.gates.canary_tests import log_e_pass, log_e_worse, strata_of
from headgate.rollout.simulate_screen import QuantileScreen
from headgate.rollout.simulate_traffic import looks
from headgate.stats.mixtures import Stratum
from headgate.stats.sample_ratio import log_e_mismatch

if TYPE_CHECKING:
    import numpy.typing as npt

    from headgate.gates.canary_policy import CanaryPolicy, Metric, Stage
    from headgate.rollout.simulate_traffic import Population, Traffic

    FloatArray = npt.NDArray[np.float64]

__all__ = ["HALTED", "INVALID", "PASSED", "UNDECIDED", "Outcome", "PathPoint", "simulate_release"]

PASSED, HALTED, INVALID, UNDECIDED = "passed", "halted", "invalid", "undecided"
# What rounding may take from a screened value: a look this close is left to the gate.
SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class PathPoint:
    """One look: seconds since the start, the stage, and each required metric's log e-values (halting, passing)."""

    seconds: float
    stage: int
    log_e: dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a simulated release ended.

    Attributes
    ----------
    state
        ``passed`` (its last stage, too), ``halted``, ``invalid``, or ``undecided`` when the time was over.
    seconds, units, canary_units
        Since the start, until it ended; ``units`` are of both arms.
    stage_seconds
        How long each stage took that was passed.
    reason
        The metric that halted it, or what is invalid; "" otherwise.
    path
        Every look, where it was asked for.
    """

    state: str
    seconds: float
    units: int
    canary_units: int
    stage_seconds: tuple[float, ...]
    reason: str = ""
    path: tuple[PathPoint, ...] = ()


@dataclass(slots=True)
class _Arm:
    """One arm of the present stage."""

    populations: tuple[Population, ...]
    units: int = 0
    vectors: list[FloatArray] = field(default_factory=list)

    def begin(self) -> None:
        self.units, self.vectors = 0, [np.zeros(one.width) for one in self.populations]

    def add(self, rng: np.random.Generator, units: int) -> None:
        self.units += units
        for place, population in enumerate(self.populations):
            self.vectors[place] += population.draw(rng, units)

    def evidence(self) -> ArmEvidence:
        metrics = {
            one.metric.name: one.counts(self.units, vector)
            for one, vector in zip(self.populations, self.vectors, strict=True)
        }
        return ArmEvidence(self.units, metrics)


class _Release:
    """The state of one release while it is simulated."""

    def __init__(self, policy: CanaryPolicy, canary: tuple[Population, ...], stable: tuple[Population, ...]) -> None:
        self.policy = policy
        self.arms = {CANARY: _Arm(canary), STABLE: _Arm(stable)}
        self.metrics: tuple[Metric, ...] = tuple(one.metric for one in canary)
        starts = len(policy.stages)
        self.screens = {one.name: QuantileScreen(one, starts) for one in self.metrics if one.kind == "quantile"}
        self.ended = Evidence()
        self.stage = 0
        self.units = self.canary_units = 0

    def begin(self, index: int) -> None:
        self.stage = index
        for arm in self.arms.values():
            arm.begin()

    def end(self, stage: Stage) -> None:
        """Keep the stage's evidence: it will not change."""
        self.ended = self.evidence(stage)
        for place, metric in enumerate(self.metrics):
            if metric.name in self.screens and stage.share < 1.0:
                self.screens[metric.name].end_stage(self.arms[CANARY].vectors[place], self.arms[STABLE].vectors[place])

    def add(self, rng: np.random.Generator, stage: Stage, expected: float) -> None:
        """Let units come, ``expected`` of them on average; a stage of all units compares nothing, and is not drawn."""
        units = int(rng.poisson(expected))
        ours = int(rng.binomial(units, stage.share))
        self.units += units
        self.canary_units += ours
        if stage.share < 1.0:
            self.arms[CANARY].add(rng, ours)
            self.arms[STABLE].add(rng, units - ours)

    def evidence(self, stage: Stage) -> Evidence:
        if stage.share == 1.0:
            return self.ended
        arms = {name: arm.evidence() for name, arm in self.arms.items()}
        return Evidence({**self.ended.stages, stage.ppm: arms})

    def may_change(self, stage: Stage, dwelt: float) -> bool:
        """Whether this look could halt, pass or invalidate: never False where the gate would."""
        if stage.share == 1.0:
            return dwelt >= stage.dwell_seconds
        counts = [self.arms[name].units for name in (CANARY, STABLE)]
        shares = [stage.share, 1.0 - stage.share]
        # The gate takes the mean over the stages: the stage's own part can make it large only if it is itself.
        if log_e_mismatch(counts, shares) >= -math.log(self.policy.sample_ratio_alpha) - SLACK:
            return True
        for place, metric in enumerate(self.metrics):
            if self.bound(place, metric, stage, halting=True) >= -math.log(self.policy.halting_level(metric)) - SLACK:
                return True
        if dwelt < stage.dwell_seconds or min(counts) < stage.minimum_units:
            return False
        due = -math.log(self.policy.alpha) - SLACK
        return all(self.bound(place, metric, stage, halting=False) >= due for place, metric in enumerate(self.metrics))

    def bound(self, place: int, metric: Metric, stage: Stage, *, halting: bool) -> float:
        """Return the metric's log e-value, or something above it."""
        ours, theirs = self.arms[CANARY], self.arms[STABLE]
        screen = self.screens.get(metric.name)
        if screen is not None:
            test = screen.worse if halting else screen.within
            return test(ours.vectors[place], theirs.vectors[place])
        before = strata_of(self.policy, metric, self.ended)
        counts = [arm.populations[place].counts(arm.units, arm.vectors[place]) for arm in (ours, theirs)]
        present = Stratum(stage.share, counts[0], counts[1])
        if halting:
            return log_e_worse(self.policy, metric, (*before, present))
        return log_e_pass(self.policy, metric, (*before, present), metric.margin_at(self.stage))

    def point(self, stage: Stage, index: int, seconds: float) -> PathPoint:
        evidence = self.evidence(stage)
        values = {}
        for metric in self.metrics:
            strata = strata_of(self.policy, metric, evidence)
            values[metric.name] = (
                log_e_worse(self.policy, metric, strata),
                log_e_pass(self.policy, metric, strata, metric.margin_at(index)),
            )
        return PathPoint(seconds, index, values)


def simulate_release(
    policy: CanaryPolicy,
    canary: tuple[Population, ...],
    stable: tuple[Population, ...],
    traffic: Traffic,
    rng: np.random.Generator,
    *,
    path: bool = False,
) -> Outcome:
    """Simulate one release.

    Parameters
    ----------
    policy
        What decides.
    canary, stable
        Each arm's required metrics, in one order.
    traffic
        How units come, and when one looks.
    rng
        All chance comes from here.
    path
        Whether every look's e-values are kept.
    """
    release = _Release(policy, canary, stable)
    points: list[PathPoint] = []
    spent: list[float] = []
    for index, stage in enumerate(policy.stages):
        release.begin(index)
        state, seconds, reason = _stage(release, index, traffic, rng, sum(spent), points if path else None)
        if state is not CanaryState.PASS:
            name = {CanaryState.HALT: HALTED, CanaryState.INVALID: INVALID}.get(state, UNDECIDED)
            total = sum(spent) + seconds
            return Outcome(name, total, release.units, release.canary_units, tuple(spent), reason, tuple(points))
        spent.append(seconds)
        release.end(stage)
    return Outcome(PASSED, sum(spent), release.units, release.canary_units, tuple(spent), "", tuple(points))


def _stage(
    release: _Release,
    index: int,
    traffic: Traffic,
    rng: np.random.Generator,
    before: float,
    points: list[PathPoint] | None,
) -> tuple[CanaryState, float, str]:
    """Run one stage until the gate decides or the time is over; return its answer, the seconds it took, and why."""
    stage, then = release.policy.stages[index], 0.0
    for now in looks(traffic, stage.dwell_seconds):
        if before + now > traffic.most_seconds:
            return CanaryState.INCONCLUSIVE, traffic.most_seconds - before, ""
        release.add(rng, stage, traffic.units_per_second * (now - then))
        then = now
        if points is not None:
            points.append(release.point(stage, index, before + now))
        if not release.may_change(stage, now):
            continue
        decision = decide(release.policy, release.evidence(stage), index, now, intervals=False)
        if decision.state is CanaryState.HALT:
            names = [row.name for row in decision.rows if row.required and row.state is CanaryState.HALT]
            return decision.state, now, ", ".join(names)
        if decision.state is not CanaryState.INCONCLUSIVE:
            return decision.state, now, decision.reasons[0] if decision.state is CanaryState.INVALID else ""
    raise AssertionError("looks never end")  # pragma: no cover
