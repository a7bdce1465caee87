"""The canary gate: from counts to pass, halt, inconclusive or invalid. Pure: no I/O, no clock, no chance.

It passes on positive evidence alone: every required metric's e-value against "worse by the margin or more" has reached
1/alpha, with the stage's units and dwell. It halts once a required metric's e-value against "no worse than tolerated"
has reached 1/(its part of alpha) at any fold, unless the same evidence shows that the canary is within the margin. What
is missing is never good: it leaves the answer inconclusive; what cannot be is invalid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from headgate.gates.canary_evidence import CANARY, LIVE, STABLE, Evidence, grid_of
from headgate.gates.canary_tests import (
    counts_type,
    estimates,
    interval,
    log_e_pass,
    log_e_worse,
    strata_of,
    why_not_testable,
)
from headgate.stats.quantiles import Histogram
from headgate.stats.sample_ratio import log_e_mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headgate.gates.canary_evidence import Counts
    from headgate.gates.canary_policy import CanaryPolicy, Metric, Stage

__all__ = ["CanaryDecision", "CanaryState", "MetricRow", "decide", "fold"]


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
    if any(_problems(policy, added)):
        return added
    maxima = dict(added.maxima)
    for metric in policy.metrics:
        if metric.required:
            strata = strata_of(policy, metric, added)
            before = maxima.get(metric.name, 0.0)
            now = log_e_worse(policy, metric, strata, before)
            # The second test, as long as the first, only where it matters: mostly the present value is no new maximum.
            if now > before and log_e_pass(policy, metric, strata) < -math.log(policy.alpha):
                maxima[metric.name] = now
    return Evidence(added.stages, added.origin, maxima)


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
    problems = tuple(_problems(policy, evidence))
    if problems:
        return CanaryDecision(_latched(policy, evidence), stage, _reasons(policy, evidence) + problems, ())
    mismatch = _log_e_sample_ratio(policy, evidence)
    rows = tuple(_row(policy, metric, evidence, stage, intervals=intervals) for metric in policy.metrics)
    halted = tuple(row for row in rows if row.required and row.state is CanaryState.HALT)
    if halted:
        reasons = tuple(_why_halted(row) for row in halted)
        return CanaryDecision(CanaryState.HALT, stage, reasons, rows, (), mismatch)
    if mismatch >= -math.log(policy.sample_ratio_alpha):
        reason = "the units did not come in the shares they should have: " + _shares(policy, evidence)
        return CanaryDecision(CanaryState.INVALID, stage, (reason,), rows, (), mismatch)
    missing = (*_not_ready(present, evidence, dwell_seconds), *(_lacks(row) for row in rows if _open(row)))
    state = CanaryState.INCONCLUSIVE if missing else CanaryState.PASS
    reasons = missing or (f"every required metric is within its margin, at {1.0 - policy.alpha:.0%} confidence each",)
    return CanaryDecision(state, stage, reasons, rows, missing, mismatch)


def _problems(policy: CanaryPolicy, evidence: Evidence) -> Iterator[str]:
    """Yield what is wrong with the evidence itself."""
    if evidence.origin != LIVE:
        yield f"the evidence is of the {evidence.origin}: a release is judged on live units alone"
    known = {stage.ppm for stage in policy.stages}
    for ppm, arms in evidence.stages.items():
        if ppm not in known:
            yield f"evidence of a stage of {ppm} parts per million, which the plan does not have"
        for name, arm in arms.items():
            where = f"stage {ppm} ppm, {name}"
            if arm.units < 0:
                yield f"{where}: a count is negative (units {arm.units})"
            for metric_name, counts in arm.metrics.items():
                problem = _problem_of(policy.metric(metric_name), counts, arm.units)
                if problem:
                    yield f"{where}: metric {metric_name!r}: {problem}"
    if not all(math.isfinite(value) for value in evidence.maxima.values()):
        yield "a maximum is not a finite number"


def _problem_of(metric: Metric | None, counts: Counts, units: int) -> str:
    if metric is None:
        return "it is not in the plan"
    if not isinstance(counts, counts_type(metric)):
        return "counts of another kind than the plan's"
    if counts.problem():
        return counts.problem()
    if counts.units > units:
        return f"{counts.units} units, but only {units} came to the arm"
    cells = counts.cells if isinstance(counts, Histogram) else ()
    if cells and not 0 <= min(cells) <= max(cells) < grid_of(metric).cells:
        return "a cell that the grid does not have"
    return ""


def _latched(policy: CanaryPolicy, evidence: Evidence) -> CanaryState:
    """Return halt if an earlier fold found it (what is wrong since then does not undo it), else invalid."""
    return CanaryState.HALT if _reasons(policy, evidence) else CanaryState.INVALID


def _reasons(policy: CanaryPolicy, evidence: Evidence) -> tuple[str, ...]:
    return tuple(
        f"{metric.name} halted the release before"
        for metric in policy.metrics
        if metric.required and evidence.maxima.get(metric.name, 0.0) >= -math.log(policy.halting_level(metric))
    )


def _log_e_sample_ratio(policy: CanaryPolicy, evidence: Evidence) -> float:
    """Return the log of the mean, over the stages, of the e-values against the intended split."""
    values = []
    for stage in policy.stages:
        counts = [evidence.arm(stage.ppm, arm).units for arm in (CANARY, STABLE)]
        values.append(log_e_mismatch(counts, [stage.share, 1.0 - stage.share]) if stage.share < 1.0 else 0.0)
    most = max(values)
    return most + math.log(math.fsum(math.exp(value - most) for value in values) / len(values))


def _row(policy: CanaryPolicy, metric: Metric, evidence: Evidence, stage: int, *, intervals: bool) -> MetricRow:
    strata = strata_of(policy, metric, evidence)
    missing = why_not_testable(metric, strata)
    now, last = log_e_worse(policy, metric, strata), log_e_pass(policy, metric, strata)
    margin = metric.margin_at(stage)
    within = last if margin == metric.margin else log_e_pass(policy, metric, strata, margin)
    halt_at = -math.log(policy.halting_level(metric)) if metric.required else -math.log(policy.alpha)
    pass_at = -math.log(policy.alpha)
    # A wider margin of an early stage excuses nothing from halting: the metric's own one does, as in `fold`.
    most = max(evidence.maxima.get(metric.name, 0.0), now if last < pass_at else 0.0)
    state = CanaryState.PASS if within >= pass_at else CanaryState.INCONCLUSIVE
    if most >= halt_at:
        state = CanaryState.HALT
    if state is CanaryState.INCONCLUSIVE and not missing:
        missing = f"evidence that it is less than {margin:.3g} worse: e-value {math.exp(min(within, 700.0)):.3g}, "
        missing += f"{math.exp(pass_at):.3g} is due"
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
        yield f"{stage.dwell_seconds:g} s in this stage are due, {dwell_seconds:g} s have passed"
    if stage.share == 1.0:
        return  # no stable arm is left: what passed the stages before stands
    for arm in (CANARY, STABLE):
        units = evidence.arm(stage.ppm, arm).units
        if units < stage.minimum_units:
            yield f"{stage.minimum_units} units of {arm} are due in this stage, {units} have come"


def _shares(policy: CanaryPolicy, evidence: Evidence) -> str:
    shown = []
    for stage in policy.stages:
        ours, theirs = (evidence.arm(stage.ppm, arm).units for arm in (CANARY, STABLE))
        if ours + theirs and stage.share < 1.0:
            shown.append(f"{ours / (ours + theirs):.4%} of {ours + theirs} where {stage.share:.4%} are due")
    return "; ".join(shown)
