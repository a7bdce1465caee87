"""What a plan says it needs is what the gate then takes; what cannot pass is refused beforehand."""

import dataclasses

import numpy as np
import pytest

from headgate.errors import UsageError
from headgate.gates.canary import CanaryState, decide, fold
from headgate.gates.canary_evidence import ArmEvidence, Evidence, counts_of
from headgate.gates.canary_plan import Assumption, Assumptions, plan_report
from headgate.gates.canary_policy import CanaryPolicy, Metric, Stage
from headgate.model import Direction

METRICS = (
    Metric("errors", "rate", 0.5),
    Metric("p90", "quantile", 0.2, quantile=0.9, low=0.2, high=20.0),
    Metric("mean", "mean", 0.2),
    Metric("capped", "mean", 0.2, cap=6.0),
    Metric("served", "ratio", 0.2, Direction.HIGHER),
    Metric("success", "mean", 0.05, Direction.HIGHER, cap=1.0),
)
GIVEN = {
    "errors": Assumption(0.05),
    "p90": Assumption(1.9, 0.5),
    "mean": Assumption(1.13, 0.53),
    "capped": Assumption(1.13, 0.53),
    "served": Assumption(1.0, 0.5),
    "success": Assumption(0.98),  # no scatter: all or nothing
}
POLICY = CanaryPolicy(METRICS, (Stage(100_000), Stage(500_000), Stage(1_000_000)))


def released(metric: Metric, share: float, units: int, factor: float, rng: np.random.Generator) -> CanaryState:
    """One release of one metric, of as many units in one stage, the canary's numbers multiplied by ``factor``."""
    policy = CanaryPolicy((metric,), (Stage(round(share * 1e6)),))
    arms = {}
    for arm, count, times in (("canary", round(units * share), factor), ("stable", round(units * (1 - share)), 1.0)):
        if metric.kind == "rate":
            values = (rng.random(count) < 0.05 * times).tolist()
        elif metric.name == "success":
            values = (rng.random(count) < 0.98 * times).astype(float).tolist()
        else:
            values = (times * rng.lognormal(0.0, 0.5, count)).tolist()
            values = [(value, 1.13) for value in values] if metric.kind == "ratio" else values
        arms[arm] = ArmEvidence(count, {metric.name: counts_of(metric, values)})
    return decide(policy, fold(policy, Evidence(), Evidence({policy.stages[0].ppm: arms})), 0, 0.0).state


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_with_the_units_planned_about_nine_releases_of_ten_pass_and_bad_ones_halt(metric: Metric, share: float) -> None:
    policy = CanaryPolicy((metric,), (Stage(round(share * 1e6)),))
    row = plan_report(policy, Assumptions({metric.name: GIVEN[metric.name]}, worse=(1.0,))).rows[0]
    rng = np.random.default_rng(1)
    assert row.to_pass is not None
    to_halt = row.to_halt[0][1]
    assert to_halt is not None
    twice = 2.0 if metric.direction is Direction.LOWER else 0.5
    passed = sum(released(metric, share, row.to_pass, 1.0, rng) is CanaryState.PASS for _ in range(25))
    halted = sum(released(metric, share, to_halt, twice, rng) is CanaryState.HALT for _ in range(25))
    assert passed >= 18  # 0.2 % of 25 releases at 90 % have fewer
    assert halted >= 18


def test_a_larger_slow_down_a_larger_share_and_a_larger_margin_need_fewer_units() -> None:
    report = plan_report(POLICY, Assumptions(GIVEN))
    by_stage = {(row.ppm, row.metric): row for row in report.rows}
    assert len(by_stage) == 2 * len(METRICS)  # the stage of all units compares nothing
    for metric in METRICS:
        early, late = by_stage[100_000, metric.name], by_stage[500_000, metric.name]
        halts = [units or 0 for _, units in early.to_halt]
        assert halts == sorted(halts, reverse=True)
        assert 0 < (late.to_pass or 0) < (early.to_pass or 0)
    wider = CanaryPolicy((dataclasses.replace(METRICS[0], margin=1.0),), POLICY.stages)
    needs = plan_report(wider, Assumptions(GIVEN)).rows[0].to_pass
    assert needs is not None
    assert needs < (by_stage[100_000, "errors"].to_pass or 0)


@pytest.mark.slow
def test_a_horizon_that_cannot_pass_is_refused_and_says_what_would_do() -> None:
    report = plan_report(POLICY, Assumptions(GIVEN, units=(900, 10_000, 10_000)))
    assert not report.can_pass
    assert any("errors: about" in text and "larger margin" in text for text in report.refusals)
    assert any("1000 units are needed for 100 in each arm" in text for text in report.refusals)
    assert plan_report(POLICY, Assumptions(GIVEN, units=(10**7, 10**7, 1))).can_pass
    assert plan_report(POLICY, Assumptions(GIVEN)).can_pass  # nothing is known of the units, so nothing is refused


@pytest.mark.parametrize(
    ("assumptions", "says"),
    [
        (Assumptions({}), "no assumption"),
        (Assumptions(GIVEN | {"errors": Assumption(1.5)}), "value 1.5"),
        (Assumptions(GIVEN | {"mean": Assumption(-1.0)}), "value -1"),
        (Assumptions(GIVEN | {"mean": Assumption(1.0, 0.0)}), "scatter 0"),
        (Assumptions(GIVEN, units=(5,)), "one number each"),
        (Assumptions(GIVEN, worse=(0.0,)), "slow-downs above 0"),
    ],
)
def test_an_assumption_that_will_not_do_is_named(assumptions: Assumptions, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        plan_report(POLICY, assumptions)
