"""The canary gate: from counts to pass, halt, inconclusive or invalid. Pure: no I/O, no clock, no chance.

It passes on positive evidence alone: every required metric's e-value against "worse by the margin or more" has reached
1/alpha, with the stage's units and dwell, and the present stage alone does not speak against it. It halts once a
required metric's e-value against "no worse than tolerated" has reached 1/(its part of alpha) at any fold, unless the
same evidence shows that the canary is within the margin, and so do the stages alone that say it is worse. What is
missing is never good: it leaves the answer inconclusive; what cannot be is invalid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from headgate.gates.canary_checks import (
    log_e_sample_ratio,
    metric_problems,
    problems,
    shares,
    strata_to_halt,
    strata_to_pass,
    unmeasured,
)
from headgate.gates.canary_evidence import CANARY, STABLE, Evidence
from headgate.gates.canary_tests import (
    estimates,
    interval,
    log_e_beyond,
    log_e_pass,
    log_e_worse,
    strata_of,
    why_not_testable,
    worst_start,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headgate.gates.canary_policy import CanaryPolicy, Metric, Stage
    from headgate.gates.canary_tests import Strata

__all__ = ["CanaryDecision", "CanaryState", "MetricRow", "decide", "fold"]


# An e-value of the present stage alone, against "within the margin", that keeps it from passing on the evidence of
# earlier stages. No proof, for which there is halting: a doubt, of which more units make one or nothing. Measured at
# 450 units of a second stage: of a canary like stable it is as large in 0 to 5 % of releases, by kind of metric; of one
# that turned bad in that stage 30 to 0 % still pass there (docs/decisions/0004-canary-evidence.md).
DOUBT = 1.1


class CanaryState(StrEnum):
    """What is known of a release, or of one metric."""

    PASS = "pass"
    HALT = "halt"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric's part in the decision.

    ``log_e_halt`` is the largest so far (with ``log_e_now`` the present one), to be compared with ``halt_at``;
    ``log_e_pass`` with ``pass_at``; natural logarithms. ``ratio`` is canary to stable with its interval; None where
    there is none. ``missing`` says what the metric still lacks, '' where nothing. ``margin`` is the present stage's.
    """

    name: str
    kind: str
    required: bool
    state: CanaryState
    log_e_halt: float
    log_e_now: float
    halt_at: float
    log_e_pass: float
    pass_at: float
    canary: float | None = None
    stable: float | None = None
    ratio: float | None = None
    lower: float | None = None
    upper: float | None = None
    missing: str = ""
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class CanaryDecision:
    """The decision, why, and each metric's part; ``missing`` is what stands between this and pass."""

    state: CanaryState
    stage: int
    reasons: tuple[str, ...]
    rows: tuple[MetricRow, ...]
    missing: tuple[str, ...] = ()
    log_e_sample_ratio: float = 0.0


def fold(policy: CanaryPolicy, evidence: Evidence, batch: Evidence) -> Evidence:
    """Return the evidence with a batch added, and with the halting e-values it leads to in the maxima.

    The counts do not depend on the order of the batches, the maxima do: fold them in the ledger's order. An e-value
    counts where it was looked at; that the largest of them ever reaches 1/alpha has probability alpha at most, whatever
    the order and however the batches were cut.
    """
    added = evidence.add(batch)
    if any(problems(policy, added)):
        return added
    maxima, wrong = dict(added.maxima), metric_problems(policy, added)
    for metric in policy.metrics:
        if metric.required and metric.name not in wrong:
            strata = strata_to_halt(policy, metric, added)
            before = maxima.get(metric.name, 0.0)
            now = log_e_worse(policy, metric, strata, before)
            most = _largest(policy, metric, added, before, now)
            if most > before:
                maxima[metric.name] = most
    return Evidence(added.stages, added.origin, maxima)


def _largest(policy: CanaryPolicy, metric: Metric, evidence: Evidence, before: float, now: float) -> float:
    """Return the larger of two halting e-values, the present one only where it is not excused.

    It is where the canary is shown to be within the margin, by all stages and by those alone that say it is worse: a
    long good stage does not excuse a bad one after it. To halt takes that it is worse than tolerated in any case, so
    that what is asked beside cannot make the error of halting larger.
    """
    if now <= before:  # mostly: the other tests take as long as the first
        return before
    strata = strata_to_pass(policy, metric, evidence)
    since, due = worst_start(metric, strata_to_halt(policy, metric, evidence)), -math.log(policy.alpha)
    shown = log_e_pass(policy, metric, strata) >= due
    excused = shown and (not since or log_e_pass(policy, metric, strata[since:]) >= due)
    return before if excused else now


def decide(
    policy: CanaryPolicy, evidence: Evidence, stage: int, dwell_seconds: float, *, intervals: bool = True
) -> CanaryDecision:
    """Decide whether the release may leave its present stage.

    Parameters
    ----------
    policy
        As registered before the first unit.
    evidence
        All of the release, folded by `fold`.
    stage
        Index of the present stage in ``policy.stages``.
    dwell_seconds
        How long the release has been in it, by the caller's clock.
    intervals
        Whether to work out each metric's interval, which is shown and decides nothing: it is most of the work.
    """
    present = policy.stages[stage]
    wrong = tuple(problems(policy, evidence))
    if wrong:
        return CanaryDecision(_latched(policy, evidence), stage, _reasons(policy, evidence) + wrong, ())
    mismatch, apart = log_e_sample_ratio(policy, evidence), metric_problems(policy, evidence)
    sound = [metric for metric in policy.metrics if metric.name not in apart]
    rows = tuple(_row(policy, metric, evidence, stage, intervals=intervals) for metric in sound)
    halted = tuple(row for row in rows if row.required and row.state is CanaryState.HALT)
    before = tuple(one for one in _reasons(policy, evidence) if apart and not halted)
    if halted or before:
        reasons = tuple(_why_halted(row) for row in halted) or before
        return CanaryDecision(CanaryState.HALT, stage, (*reasons, *apart.values()), rows, (), mismatch)
    if apart:
        return CanaryDecision(CanaryState.INVALID, stage, tuple(apart.values()), rows, (), mismatch)
    if mismatch >= -math.log(policy.sample_ratio_alpha):
        reason = "the units did not come in the shares they should have: " + shares(policy, evidence)
        return CanaryDecision(CanaryState.INVALID, stage, (reason,), rows, (), mismatch)
    missing = (*_not_ready(present, evidence, dwell_seconds), *(_lacks(row) for row in rows if _open(row)))
    state = CanaryState.INCONCLUSIVE if missing else CanaryState.PASS
    reasons = missing or (f"every required metric is within its margin, at {1.0 - policy.alpha:.0%} confidence each",)
    return CanaryDecision(state, stage, reasons, rows, missing, mismatch)


def _latched(policy: CanaryPolicy, evidence: Evidence) -> CanaryState:
    """Return halt if an earlier fold found it (what is wrong since then does not undo it), else invalid."""
    return CanaryState.HALT if _reasons(policy, evidence) else CanaryState.INVALID


def _reasons(policy: CanaryPolicy, evidence: Evidence) -> tuple[str, ...]:
    return tuple(
        f"{metric.name} halted the release before"
        for metric in policy.metrics
        if metric.required and evidence.maxima.get(metric.name, 0.0) >= -math.log(policy.halting_level(metric))
    )


def _row(policy: CanaryPolicy, metric: Metric, evidence: Evidence, stage: int, *, intervals: bool) -> MetricRow:
    strata, passing = strata_of(policy, metric, evidence), strata_to_pass(policy, metric, evidence)
    missing = why_not_testable(metric, strata)
    now, margin = log_e_worse(policy, metric, strata_to_halt(policy, metric, evidence)), metric.margin_at(stage)
    within = log_e_pass(policy, metric, passing, margin)
    halt_at = -math.log(policy.halting_level(metric)) if metric.required else -math.log(policy.alpha)
    pass_at = -math.log(policy.alpha)
    # A wider margin of an early stage excuses nothing from halting: the metric's own one does, as in `fold`.
    most = _largest(policy, metric, evidence, evidence.maxima.get(metric.name, 0.0), now)
    state = CanaryState.PASS if within >= pass_at else CanaryState.INCONCLUSIVE
    missing = missing or unmeasured(policy, metric, evidence, stage)
    if state is CanaryState.PASS:
        missing = missing or _doubt(policy, metric, evidence, stage)
        state = CanaryState.INCONCLUSIVE if missing else state
    if most >= halt_at:
        state = CanaryState.HALT
    if state is CanaryState.INCONCLUSIVE and not missing:
        missing = f"evidence that it is less than {margin:.3g} worse: e-value {math.exp(min(within, 700.0)):.3g}, "
        missing += f"{math.exp(pass_at):.3g} is due{_taken_for_bad(metric, strata, passing)}"
    canary, stable = estimates(metric, strata)
    lower, upper = interval(policy, metric, strata, margin) if strata and intervals else (0.0, math.inf)
    return MetricRow(
        name=metric.name,
        kind=metric.kind,
        required=metric.required,
        state=state,
        log_e_halt=most,
        log_e_now=now,
        halt_at=halt_at,
        log_e_pass=within,
        pass_at=pass_at,
        canary=_finite(canary),
        stable=_finite(stable),
        ratio=_finite(canary / stable) if stable else None,
        lower=_finite(lower),
        upper=_finite(upper),
        missing="" if state is not CanaryState.INCONCLUSIVE else missing,
        margin=margin,
    )


def _doubt(policy: CanaryPolicy, metric: Metric, evidence: Evidence, stage: int) -> str:
    """Return why the present stage alone keeps a metric from passing on earlier ones, or ''."""
    ppm = policy.stages[stage].ppm
    alone = strata_to_pass(policy, metric, Evidence({ppm: evidence.stages.get(ppm, {})}))
    if log_e_beyond(policy, metric, alone, metric.margin_at(stage)) < math.log(DOUBT):
        return ""
    ours, theirs = estimates(metric, alone)
    return f"this stage alone speaks for worse than its margin ({ours:.3g}, stable {theirs:.3g}): more units will tell"


def _taken_for_bad(metric: Metric, measured: Strata, passing: Strata) -> str:
    """Return how many of the canary's units count as bad for want of a value, and what the canary's would then be."""
    lacks = sum(after.canary.units - before.canary.units for before, after in zip(measured, passing, strict=True))
    if not lacks:
        return ""
    return f", with {lacks} units of canary that have no value taken for bad ({estimates(metric, passing)[0]:.3g})"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _open(row: MetricRow) -> bool:
    return row.required and row.state is not CanaryState.PASS


def _lacks(row: MetricRow) -> str:
    return f"{row.name}: {row.missing}"


def _why_halted(row: MetricRow) -> str:
    times = math.exp(min(row.log_e_halt, 700.0))
    shown = f", {row.ratio:.3g} times stable" if row.ratio is not None else ""
    return f"{row.name} is worse than tolerated{shown}: e-value {times:.3g}, {math.exp(row.halt_at):.3g} halts"


def _not_ready(stage: Stage, evidence: Evidence, dwell_seconds: float) -> Iterator[str]:
    if not dwell_seconds >= stage.dwell_seconds:  # a NaN has not dwelt
        # Rounded down: to the nearest tenth all of the time may seem to have passed.
        passed = math.floor(dwell_seconds * 10.0) / 10.0 if math.isfinite(dwell_seconds) else dwell_seconds
        yield f"{stage.dwell_seconds:,.12g} s in this stage are due, {passed:,.1f} s have passed"
    if stage.share == 1.0:
        return  # no stable arm is left: what passed the stages before stands
    for arm in (CANARY, STABLE):
        units = evidence.arm(stage.ppm, arm).units
        if units < stage.minimum_units:
            yield f"{stage.minimum_units} units of {arm} are due in this stage, {units} have come"
