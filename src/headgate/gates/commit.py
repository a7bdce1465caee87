"""The commit gate: from rounds to comparisons. Pure: no I/O, no clock; the same evidence always gives the same answer.

One benchmark passes when the upper bound of its slowdown is below the margin, has regressed when the lower bound is
above it, and is inconclusive otherwise. ``regressed`` holds family-wise over all comparisons of the run (Holm),
``pass`` for each comparison; both at the confidence of the policy, however often the evidence is looked at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.gates.policy import policy_for
from headgate.model import BenchmarkId, BenchmarkSpec, Change, Comparison, Direction, Round, State
from headgate.stats.family import holm
from headgate.stats.paired import log_ratio, lower_ratio, ratio_of, side_median, upper_ratio
from headgate.stats.sequential import Bounds, Plan, bounds, looks_taken, rounds_needed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headgate.gates.policy import BenchmarkPolicy, Policy
    from headgate.stats.boundaries import Look

__all__ = ["decide", "plan_for", "undecided"]

# Beyond this factor "more budget would decide it" is no help: the change sits on the margin itself.
MOST_HELPFUL_FACTOR = 100.0


@dataclass(frozen=True, slots=True)
class _Case:
    """One benchmark's evidence, made ready: a log ratio per round, and the looks it has had."""

    spec: BenchmarkSpec
    policy: BenchmarkPolicy
    rounds: tuple[Round, ...]
    values: tuple[float, ...]
    looks: tuple[Look, ...]
    failure: str

    @property
    def log_margin(self) -> float:
        return math.log1p(self.policy.margin)


def plan_for(policy: Policy) -> Plan:
    """Return the plan of a run under ``policy``; made before sampling, recorded with the result."""
    return Plan(alpha=1.0 - policy.confidence, budget_seconds=policy.budget)


def decide(
    evidence: Mapping[BenchmarkId, Sequence[Round]],
    specs: Sequence[BenchmarkSpec],
    failures: Mapping[BenchmarkId, str],
    policy: Policy,
    plan: Plan,
    *,
    final: bool = True,
) -> tuple[Comparison, ...]:
    """Compare every benchmark of ``specs``.

    Parameters
    ----------
    evidence
        Rounds in the order they were taken; a benchmark may be missing (nothing was measured: ``failed``).
    specs
        Every benchmark both sides have; its size is the family over which ``regressed`` is controlled.
    failures
        Why a benchmark gave no (or no more) evidence.
    policy, plan
        Policy and the plan made from it before sampling.
    final
        Whether sampling has ended: only then is a benchmark without rounds failed rather than not measured yet.
    """
    cases = [_case(spec, evidence, failures, policy, plan, final=final) for spec in specs]
    regressed, next_level = _regressed(cases, plan)
    comparisons = []
    for index, case in enumerate(cases):
        # A rejected claim is shown at the level that rejected it, every other at the level it would have needed.
        level = _rejecting_level(case, cases, plan) if index in regressed else next_level
        comparisons.append(_comparison(case, plan, level, regressed=index in regressed))
    return tuple(comparisons)


def undecided(comparisons: Sequence[Comparison]) -> frozenset[BenchmarkId]:
    """Return the benchmarks worth another round, given the comparisons so far (``decide(..., final=False)``)."""
    return frozenset(one.benchmark for one in comparisons if one.state is State.INCONCLUSIVE)


def _case(
    spec: BenchmarkSpec,
    evidence: Mapping[BenchmarkId, Sequence[Round]],
    failures: Mapping[BenchmarkId, str],
    policy: Policy,
    plan: Plan,
    *,
    final: bool,
) -> _Case:
    own = policy_for(policy, spec.id)
    rounds = tuple(evidence.get(spec.id, ()))
    values = tuple(log_ratio(round_, own.direction or spec.direction) for round_ in rounds)
    failure = failures.get(spec.id, "")
    if not failure and not rounds and final:
        failure = "no round of it was completed"
    if not failure and not all(math.isfinite(value) for value in values):
        failure = "a ratio does not exist: " + _first_bad(rounds, values)
    looks = looks_taken([round_.elapsed for round_ in rounds], plan, final=final)
    return _Case(spec, own, rounds, values, looks, failure)


def _first_bad(rounds: tuple[Round, ...], values: tuple[float, ...]) -> str:
    round_ = next(r for r, value in zip(rounds, values, strict=True) if not math.isfinite(value))
    return f"baseline {min(round_.baseline):g}, candidate {min(round_.candidate):g} in round {round_.index}"


def _claims_regressed(case: _Case, level: float, plan: Plan) -> bool:
    if case.failure:
        return False
    found = bounds(case.values, case.looks, level, plan.alpha, plan)
    return found.lower > case.log_margin and not found.conflict


def _regressed(cases: Sequence[_Case], plan: Plan) -> tuple[frozenset[int], float]:
    return holm(lambda i, level: _claims_regressed(cases[i], level, plan), len(cases), plan.alpha)


def _rejecting_level(case: _Case, cases: Sequence[_Case], plan: Plan) -> float:
    """Return the strictest of Holm's levels at which ``case`` is rejected."""
    for remaining in range(len(cases), 1, -1):
        if _claims_regressed(case, plan.alpha / remaining, plan):
            return plan.alpha / remaining
    return plan.alpha


def _comparison(case: _Case, plan: Plan, level: float, *, regressed: bool) -> Comparison:
    if case.failure:
        return Comparison(
            benchmark=case.spec.id,
            unit=case.spec.unit,
            state=State.FAILED,
            margin=case.policy.margin,
            rounds=len(case.rounds),
            pairs=sum(len(round_.baseline) for round_ in case.rounds),
            required=case.policy.required,
            reason=case.failure,
        )
    found = bounds(case.values, case.looks, level, plan.alpha, plan)
    state = _state(found, case.log_margin, regressed=regressed)
    return Comparison(
        benchmark=case.spec.id,
        unit=case.spec.unit,
        state=state,
        margin=case.policy.margin,
        change=_change(found, case.log_margin),
        ratio=ratio_of(found.estimate) if case.values else None,
        lower=lower_ratio(found.lower),
        upper=upper_ratio(found.upper),
        rounds=found.rounds,
        pairs=sum(len(round_.baseline) for round_ in case.rounds),
        baseline_median=side_median(case.rounds, candidate=False) if case.rounds else None,
        candidate_median=side_median(case.rounds, candidate=True) if case.rounds else None,
        required=case.policy.required,
        reason=_why_inconclusive(found, case, plan) if state is State.INCONCLUSIVE else "",
        warnings=_warnings(case, found),
    )


def _state(found: Bounds, log_margin: float, *, regressed: bool) -> State:
    if found.conflict:
        return State.INCONCLUSIVE
    if regressed:
        return State.REGRESSED
    return State.PASS if found.upper < log_margin else State.INCONCLUSIVE


def _change(found: Bounds, log_margin: float) -> Change:
    if found.conflict:
        return Change.UNKNOWN
    if found.lower > 0.0:
        return Change.SLOWER
    if found.upper < 0.0:
        return Change.FASTER
    inside = found.lower >= math.log1p(-math.expm1(log_margin)) and found.upper <= log_margin
    return Change.SAME if inside else Change.UNKNOWN


def _why_inconclusive(found: Bounds, case: _Case, plan: Plan) -> str:
    least = rounds_needed(plan.alpha)
    if found.conflict:
        return "the rounds contradict each other: the machine changed while measuring; run again"
    if found.rounds < least:
        return f"{found.rounds} rounds; no claim at this confidence is possible before {least}"
    distance = abs(found.estimate - case.log_margin)
    bound = found.upper if found.estimate < case.log_margin else found.lower
    if not math.isfinite(bound):
        return f"too few rounds ({found.rounds}) for a claim at this confidence over this many benchmarks"
    # The half-width shrinks with the square root of the rounds.
    factor = (abs(bound - found.estimate) / distance) ** 2 if distance > 0.0 else math.inf
    if factor > MOST_HELPFUL_FACTOR:
        return f"after {found.rounds} rounds the interval still contains the margin: the change is at the margin itself"
    needed = math.ceil(factor * found.rounds)
    return f"after {found.rounds} rounds the interval contains the margin; about {needed} would do"


def _warnings(case: _Case, found: Bounds) -> tuple[str, ...]:
    warnings = []
    if found.conflict:
        warnings.append("its rounds contradict each other; run again when the machine is quiet")
    if case.spec.kind == "track" and case.policy.direction is None and case.spec.direction is Direction.LOWER:
        warnings.append("lower is taken as better; set direction in the policy if it is not")
    return tuple(warnings)
