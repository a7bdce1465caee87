"""What is wrong with a release's evidence, or missing from it, before any test is asked. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from headgate.gates.canary_evidence import CANARY, LIVE, MOST_COUNTED, STABLE, Evidence, grid_of
from headgate.gates.canary_tests import counts_type, pooled_value, strata_of
from headgate.model import Direction
from headgate.stats.capped import LEVELS, CappedMasses
from headgate.stats.means import Sums
from headgate.stats.mixtures import Stratum
from headgate.stats.quantiles import Histogram
from headgate.stats.rates import RateCounts
from headgate.stats.sample_ratio import log_e_mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headgate.gates.canary_evidence import ArmEvidence, Counts
    from headgate.gates.canary_policy import CanaryPolicy, Metric, Stage
    from headgate.gates.canary_tests import Strata

__all__ = [
    "LEAST_MEASURED",
    "log_e_sample_ratio",
    "metric_problems",
    "misfit",
    "problems",
    "shares",
    "strata_to_halt",
    "strata_to_pass",
    "unmeasured",
]

# Part of an arm's units that must have a value of a metric whose test rests on how all units were split. What is
# missing in more than the hundredth part may be all that failed; records that were refused are held to the same
# (`headgate.rollout.controller_track.MOST_REFUSED`).
LEAST_MEASURED = 0.99
_NOT_GOOD = "what is not measured is not good"
_PASSES_NOTHING = "till then it passes nothing"


def problems(policy: CanaryPolicy, evidence: Evidence) -> Iterator[str]:
    """Yield what is wrong with the evidence as a whole: then no test of it means anything."""
    if evidence.origin != LIVE:
        yield f"the evidence is of the {evidence.origin}: a release is judged on live units alone"
    known = {stage.ppm for stage in policy.stages}
    for ppm, arms in evidence.stages.items():
        if ppm not in known:
            yield f"evidence of a stage of {ppm} parts per million, which the plan does not have"
        for name, arm in arms.items():
            if arm.units < 0:
                yield f"stage {ppm} ppm, {name}: a count is negative (units {arm.units})"
    if not all(math.isfinite(value) for value in evidence.maxima.values()):
        yield "a maximum is not a finite number"


def metric_problems(policy: CanaryPolicy, evidence: Evidence) -> dict[str, str]:
    """Return by metric what is wrong with its counts, the first of it: the other metrics are tested all the same."""
    found: dict[str, str] = {}
    for ppm, arms in evidence.stages.items():
        for name, arm in arms.items():
            for metric_name, counts in arm.metrics.items():
                problem = _problem_of(policy.metric(metric_name), counts, arm.units)
                if problem:
                    found.setdefault(metric_name, f"stage {ppm} ppm, {name}: metric {metric_name!r}: {problem}")
    return found


def _problem_of(metric: Metric | None, counts: Counts, units: int) -> str:
    if metric is None:
        return "it is not in the plan"
    if not isinstance(counts, counts_type(metric)):
        return "counts of another kind than the plan's"
    if counts.problem():
        return counts.problem()
    if counts.units > units:
        return f"{counts.units} units, but only {units} came to the arm"
    return "a cell that the grid does not have" if _beyond_grid(metric, counts) else ""


def misfit(policy: CanaryPolicy, batch: Evidence) -> str:
    """Return why a batch of counts cannot be added to a release's, or ''; a correction's counts may be negative."""
    known = {stage.ppm for stage in policy.stages}
    for ppm, arms in batch.stages.items():
        if ppm not in known:
            return f"a stage of {ppm} parts per million, which the plan does not have"
        for name, arm in arms.items():
            if abs(arm.units) > MOST_COUNTED:
                return f"stage {ppm} ppm, {name}: {arm.units:.3g} units are more than can be counted"
            for metric_name, counts in arm.metrics.items():
                problem = _misfit_of(policy.metric(metric_name), counts)
                if problem:
                    return f"stage {ppm} ppm, {name}: metric {metric_name!r}: {problem}"
    return ""


def _misfit_of(metric: Metric | None, counts: Counts) -> str:
    if metric is None or not isinstance(counts, counts_type(metric)):
        return "it is not in the plan" if metric is None else "counts of another kind than the plan's"
    cells = counts.cells if isinstance(counts, Histogram) else {}
    numbers = [counts.units, *cells.values(), *([counts.events] if isinstance(counts, RateCounts) else [])]
    if any(abs(one) > MOST_COUNTED for one in numbers):
        return "more than can be counted"
    if isinstance(counts, CappedMasses) and len(counts.masses) != LEVELS:
        return f"{len(counts.masses)} masses where {LEVELS} are due"
    return "a cell that the grid does not have" if _beyond_grid(metric, counts) else ""


def _beyond_grid(metric: Metric, counts: Counts) -> bool:
    cells = counts.cells if isinstance(counts, Histogram) else ()
    return bool(cells) and not 0 <= min(cells) <= max(cells) < grid_of(metric).cells


def unmeasured(policy: CanaryPolicy, metric: Metric, evidence: Evidence, stage: int) -> str:
    """Return where too few units have the metric for its evidence to pass anything, or ''.

    The tests of rates and of capped means rest on how *all* units were split: a unit without a value would count as a
    good one. The others compare the values that there are: of those the canary must not have fewer than its share, for
    what is missing may be what is worst. And a stage in which a metric was not measured does not pass on earlier ones.
    """
    for place, one in enumerate(policy.stages[: stage + 1]):
        arms = {name: evidence.arm(one.ppm, name) for name in (CANARY, STABLE)}
        if one.share == 1.0 or not all(arm.units for arm in arms.values()):
            continue
        found = {name: _measured(arm, metric) for name, arm in arms.items()}
        few = _few_of_all(arms, found) if _rests_on_all(metric) else _few_of_canary(policy, one, found)
        if few:
            hidden = _hidden(one.share, arms, metric) if _rests_on_all(metric) else ""
            return f"{'cannot be judged: ' if hidden else ''}in stage {place + 1} {few}{hidden}"
        if place == stage and not all(found.values()):
            return "no value of it in both arms in this stage yet"
    return ""


def strata_to_halt(policy: CanaryPolicy, metric: Metric, evidence: Evidence) -> Strata:
    """Return the strata that the halting test is asked of: what stable alone lacks is in them, as bad as it can be.

    Where the test rests on how all units were split, values that only stable lacks would make a canary like it look
    worse. What both arms lack alike speaks against neither, so that a bad canary is still halted.
    """
    if not _rests_on_all(metric):
        return strata_of(policy, metric, evidence)
    found = []
    for one, arms in _with_arms(policy, metric, evidence):
        lacks = _stable_alone_lacks(one.share, arms, metric)
        found.append(Stratum(one.share, one.canary, _with_worst(metric, one.stable, lacks)) if lacks else one)
    return tuple(found)


def strata_to_pass(policy: CanaryPolicy, metric: Metric, evidence: Evidence) -> Strata:
    """Return the strata that the passing test is asked of: what the canary lacks is in them, as bad as it can be.

    The hundredth part that may be missing may be all that failed, which of what hardly ever fails is the most.
    """
    if not _rests_on_all(metric):
        return strata_of(policy, metric, evidence)
    found = []
    for one, arms in _with_arms(policy, metric, evidence):
        lacks = _lacking(arms[CANARY], metric)
        found.append(Stratum(one.share, _with_worst(metric, one.canary, lacks), one.stable) if lacks else one)
    return tuple(found)


def _with_arms(
    policy: CanaryPolicy, metric: Metric, evidence: Evidence
) -> Iterator[tuple[Stratum[Any], dict[str, ArmEvidence]]]:
    ppms = {stage.share: stage.ppm for stage in policy.stages}
    for one in strata_of(policy, metric, evidence):
        yield one, {name: evidence.arm(ppms[one.share], name) for name in (CANARY, STABLE)}


def _with_worst(metric: Metric, counts: Counts, units: int) -> Counts:
    """Return the counts with so many units more, of the worst value there is."""
    lower = metric.direction is Direction.LOWER
    if isinstance(counts, RateCounts):
        return RateCounts(counts.units + units, counts.events + units * lower)
    if isinstance(counts, CappedMasses):
        none = (0.0,) * (LEVELS - 1)
        return counts + CappedMasses(units, (*none, float(units)) if lower else (float(units), *none))
    return counts


def _rests_on_all(metric: Metric) -> bool:
    return metric.kind == "rate" or metric.cap is not None


def _stable_alone_lacks(share: float, arms: dict[str, ArmEvidence], metric: Metric) -> int:
    """Return how many of stable's units have no value beyond the part that the canary's lack too; 0 if few.

    And 0 where what is missing came in the arms' shares, as far as can be seen: of a small canary chance alone makes
    that part smaller than stable's, and would put hundreds of units there that nobody lost.
    """
    ours, theirs = _lacking(arms[CANARY], metric), _lacking(arms[STABLE], metric)
    if arms[STABLE].units - theirs >= LEAST_MEASURED * arms[STABLE].units:
        return 0
    if log_e_mismatch([ours, theirs], [share, 1.0 - share]) < 0.0:  # more likely by chance than not
        return 0
    alike = arms[STABLE].units * ours / arms[CANARY].units if arms[CANARY].units else 0.0
    return max(0, math.ceil(theirs - alike))


def _lacking(arm: ArmEvidence, metric: Metric) -> int:
    return arm.units - _measured(arm, metric)


def _measured(arm: ArmEvidence, metric: Metric) -> int:
    counts = arm.metrics.get(metric.name)
    if isinstance(counts, Sums) and counts.x <= 0.0:
        return 0  # of a ratio: nothing was there to be divided by
    return 0 if counts is None else counts.units


def _few_of_all(arms: dict[str, ArmEvidence], found: dict[str, int]) -> str:
    for name, arm in arms.items():
        if found[name] < LEAST_MEASURED * arm.units:
            few = f"only {found[name]} of {arm.units} units of {name} have a value ({LEAST_MEASURED:.0%} are due); "
            # The canary comes first: here stable alone has too few.
            return few + (_PASSES_NOTHING if name == STABLE else _NOT_GOOD)
    return ""


def _hidden(share: float, arms: dict[str, ArmEvidence], metric: Metric) -> str:
    """Return how bad a canary is not halted for what stable alone lacks, or ''."""
    counts, lacks = arms[STABLE].metrics.get(metric.name), _stable_alone_lacks(share, arms, metric)
    if counts is None or not lacks:
        return ""
    shown, worst = (pooled_value(metric, [one]) for one in (counts, _with_worst(metric, counts, lacks)))
    to = "up" if metric.direction is Direction.LOWER else "down"
    times = f", {worst / shown:.3g} times stable's {shown:.3g}" if shown > 0.0 else ""
    return f", and does not halt a canary {to} to {worst:.3g}{times}: what stable lacks may be as bad"


def _few_of_canary(policy: CanaryPolicy, stage: Stage, found: dict[str, int]) -> str:
    ours, theirs = found[CANARY], found[STABLE]
    if ours >= stage.share * (ours + theirs):
        return ""
    if log_e_mismatch([ours, theirs], [stage.share, 1.0 - stage.share]) < -math.log(policy.sample_ratio_alpha):
        return ""
    few = f"only {ours} of the {ours + theirs} units with a value are the canary's ({stage.share:.4%} are due); "
    return few + _NOT_GOOD


def log_e_sample_ratio(policy: CanaryPolicy, evidence: Evidence) -> float:
    """Return the log of the mean, over the stages, of the e-values against the intended split."""
    values = []
    for stage in policy.stages:
        counts = [evidence.arm(stage.ppm, arm).units for arm in (CANARY, STABLE)]
        values.append(log_e_mismatch(counts, [stage.share, 1.0 - stage.share]) if stage.share < 1.0 else 0.0)
    most = max(values)
    return most + math.log(math.fsum(math.exp(value - most) for value in values) / len(values))


def shares(policy: CanaryPolicy, evidence: Evidence) -> str:
    """Return how the units came, and how they should have, by stage."""
    shown = []
    for stage in policy.stages:
        ours, theirs = (evidence.arm(stage.ppm, arm).units for arm in (CANARY, STABLE))
        if ours + theirs and stage.share < 1.0:
            shown.append(f"{ours / (ours + theirs):.4%} of {ours + theirs} where {stage.share:.4%} are due")
    return "; ".join(shown)
