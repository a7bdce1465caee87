"""What a plan does before it is used: thousands of simulated releases, decided by the gate that decides real ones.

Each scenario says how the canary differs from stable; each seed is one release, drawn anew. The seeds are worked off in
chunks, in several processes; a chunk's chance depends on the seed given and its number alone, so the result does not
depend on how many processes there were, and what is done when one stops early is the beginning of the whole.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headgate.errors import UsageError
from headgate.gates.canary_policy import CanaryPolicy
from headgate.model import Direction
from headgate.rollout.simulate_release import simulate_release
from headgate.rollout.simulate_traffic import recorded_population, synthetic_population
from headgate.store.history_pool import in_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from headgate.gates.canary_plan import Assumption
    from headgate.gates.canary_policy import Metric
    from headgate.rollout.plan import Plan
    from headgate.rollout.simulate_release import Outcome
    from headgate.rollout.simulate_traffic import Population, Traffic

__all__ = ["DEFAULT_SEEDS", "SAMPLES", "Scenario", "Simulation", "default_scenarios", "simulate"]

DEFAULT_SEEDS = 2_000
# Releases of each scenario whose e-values are kept, to be drawn.
SAMPLES = 8
# Seeds of a chunk: about a second of work; a stop loses no more than what is being done.
_CHUNK = 50


@dataclass(frozen=True, slots=True)
class Scenario:
    """How the canary differs from stable: the ratio canary to stable by metric; of metrics left out it is 1."""

    name: str
    effects: Mapping[str, float] = field(default_factory=dict)

    def worst(self, metrics: Sequence[Metric]) -> tuple[float, float]:
        """Return how much worse the canary is: by its worst metric, over the tolerance and over the margin.

        Above 0 means beyond it; the margin itself is 0.
        """
        beyond = [
            (worse - one.tolerance, worse - one.margin)
            for one in metrics
            for worse in (_worse(one, self.effects.get(one.name, 1.0)),)
        ]
        return max(first for first, _ in beyond), max(second for _, second in beyond)

    def first_wrong(self, metrics: Sequence[Metric], stages: int) -> int | None:
        """Return the first stage that must not be passed: a metric is worse by its margin there, or by more."""
        worse = [(one, _worse(one, self.effects.get(one.name, 1.0))) for one in metrics]
        return next((at for at in range(stages) if any(found >= one.margin_at(at) for one, found in worse)), None)


@dataclass(frozen=True, slots=True)
class Simulation:
    """What was simulated: ``outcomes`` by scenario, in the order of the seeds; ``asked`` of each were due."""

    plan: Plan
    traffic: Traffic
    scenarios: tuple[Scenario, ...]
    outcomes: tuple[tuple[Outcome, ...], ...]
    asked: int
    seed: int
    source: str

    @property
    def complete(self) -> bool:
        """Whether every seed of every scenario was simulated."""
        return all(len(one) == self.asked for one in self.outcomes)


@dataclass(frozen=True, slots=True)
class _Job:
    """One chunk: everything a process needs."""

    policy: CanaryPolicy
    stable: tuple[Population, ...]
    canary: tuple[Population, ...]
    traffic: Traffic
    key: tuple[int, int, int]
    first: int
    seeds: int


def default_scenarios(plan: Plan) -> tuple[Scenario, ...]:
    """Return: no effect; each required metric worse by exactly its margin (its early ones too); each twice as bad."""
    found = [Scenario("no effect")]
    for metric in _required(plan):
        for margin in sorted(set(metric.early_margins), reverse=True):
            name = f"{metric.name} at its early margin of {100.0 * margin:.6g} %"
            found.append(Scenario(name, {metric.name: _ratio(metric, margin)}))
        found.append(Scenario(f"{metric.name} at its margin", {metric.name: _ratio(metric, metric.margin)}))
        found.append(Scenario(f"{metric.name} twice as bad", {metric.name: _ratio(metric, 1.0)}))
    return tuple(found)


def simulate(  # noqa: PLR0913 -- each keyword is a setting of its own, with a default
    plan: Plan,
    traffic: Traffic,
    given: Mapping[str, Assumption | Sequence[Any]],
    scenarios: Sequence[Scenario] = (),
    *,
    seeds: int = DEFAULT_SEEDS,
    seed: int = 0,
    workers: int = 1,
    source: str = "",
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Simulation:
    """Simulate a plan's releases.

    Parameters
    ----------
    plan
        Its required metrics, stages and levels are what the gate decides by; segments and sandbox take no part.
    traffic
        How units come, and when one looks.
    given
        Of every required metric what stable's is like: an assumption, or recorded values, one per unit.
    scenarios
        By default `default_scenarios`.
    seeds
        Releases of each scenario.
    seed
        What all chance is drawn from.
    workers
        Processes.
    source
        Where ``given`` is from, for display.
    progress
        Called with the releases done, and all there are. A KeyboardInterrupt ends the simulation with what is done.

    Raises
    ------
    UsageError
        A metric is not described, or an effect makes no sense.
    """
    if seeds < 1:
        raise UsageError(f"--seeds: {seeds} will not do: expected 1 or more")
    chosen = tuple(scenarios) or default_scenarios(plan)
    _check(plan, chosen)
    jobs = _jobs(plan, traffic, given, chosen, seeds, seed)
    found: list[list[Outcome]] = [[] for _ in chosen]
    done, total = 0, seeds * len(chosen)
    with contextlib.suppress(KeyboardInterrupt):
        for place, outcomes in enumerate(in_chunks(_work, jobs, workers)):
            found[place % len(chosen)].extend(outcomes)
            done += len(outcomes)
            progress(done, total)
    return Simulation(plan, traffic, chosen, tuple(tuple(one) for one in found), seeds, seed, source)


def _jobs(
    plan: Plan,
    traffic: Traffic,
    given: Mapping[str, Assumption | Sequence[Any]],
    chosen: Sequence[Scenario],
    seeds: int,
    seed: int,
) -> list[_Job]:
    metrics = _required(plan)
    policy = CanaryPolicy(metrics, plan.policy.stages, plan.alpha, plan.sample_ratio_alpha)
    stable = tuple(_population(metric, given, 1.0) for metric in metrics)
    arms = [
        tuple(_population(one, given, scenario.effects.get(one.name, 1.0)) for one in metrics) for scenario in chosen
    ]
    # By chunks before scenarios: what is done when one stops early is there of all of them.
    return [
        _Job(policy, stable, canary, traffic, (seed, number, first), first, min(_CHUNK, seeds - first))
        for first in range(0, seeds, _CHUNK)
        for number, canary in enumerate(arms)
    ]


def _work(job: _Job) -> list[Outcome]:
    import numpy as np

    rng = np.random.default_rng(job.key)
    return [
        simulate_release(job.policy, job.canary, job.stable, job.traffic, rng, path=number < SAMPLES)
        for number in range(job.first, job.first + job.seeds)
    ]


def _required(plan: Plan) -> tuple[Metric, ...]:
    return tuple(metric for metric in plan.policy.metrics if metric.required)


def _ratio(metric: Metric, worse: float) -> float:
    """Return the ratio canary to stable at which the metric is worse by ``worse``."""
    return 1.0 + worse if metric.direction is Direction.LOWER else 1.0 / (1.0 + worse)


def _worse(metric: Metric, ratio: float) -> float:
    worse = (ratio if metric.direction is Direction.LOWER else 1.0 / ratio) - 1.0
    # A margin is met to the last bit, or not at all.
    exact = (0.0, *metric.early_margins, metric.margin)
    return next((one for one in exact if abs(worse - one) < 1e-12), worse)


def _population(metric: Metric, given: Mapping[str, Assumption | Sequence[Any]], effect: float) -> Population:
    from headgate.gates.canary_plan import Assumption

    found = given.get(metric.name)
    if found is None:
        raise UsageError(f"metric {metric.name!r}: nothing says what stable's is like; give its value")
    if isinstance(found, Assumption):
        return synthetic_population(metric, found, effect)
    return recorded_population(metric, found, effect)


def _check(plan: Plan, scenarios: Sequence[Scenario]) -> None:
    known = {metric.name for metric in _required(plan)}
    for scenario in scenarios:
        for name, ratio in scenario.effects.items():
            if name not in known:
                raise UsageError(
                    f"effect on {name!r}: no required metric of the plan; those are: {', '.join(sorted(known))}"
                )
            if not 0.0 < ratio < math.inf:
                raise UsageError(f"effect on {name!r}: {ratio:g} times will not do: expected a finite number above 0")
