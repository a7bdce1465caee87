"""What a plan needs: units become stages and times; what cannot pass is refused; what was recorded describes stable."""

import math
import random

import numpy as np
import pytest
from rollout_releases import release_plan, valid

from headgate.errors import UsageError
from headgate.gates.canary import CanaryState, decide, fold
from headgate.gates.canary_evidence import ArmEvidence, Evidence
from headgate.gates.canary_plan import Assumption
from headgate.gates.canary_policy import Metric
from headgate.rollout.plan_needs import assumed, needs_to_json, plan_needs
from headgate.stats.rates import RateCounts

ONE_RATE = {"name": "errors", "kind": "rate", "margin": "50%"}
GIVEN = {"errors": Assumption(0.1), "seconds": Assumption(0.4, 0.5)}


def test_the_first_stage_proves_and_the_later_ones_keep_what_it_proved() -> None:
    needs = plan_needs(release_plan(dwell="10m"), GIVEN, units_per_second=10.0)
    first, second, last = needs.stages
    slowest = max(row.to_pass or 0 for row in first.rows)
    assert first.units == max(slowest, 1_000)
    assert (first.minimum, second.minimum, last.minimum) == (1_000, 400, 0)
    assert (second.units, last.units) == (400, 0)
    assert first.seconds == max(600.0, slowest / 10.0)
    assert (second.seconds, last.seconds) == (600.0, 600.0)
    assert needs.seconds == math.fsum(one.seconds or 0.0 for one in needs.stages)
    assert not needs.refusals


def test_a_horizon_that_is_too_short_is_refused_by_stage_and_as_a_whole() -> None:
    short = plan_needs(release_plan(), GIVEN, units_per_second=0.01, horizon_seconds=3_600.0)
    assert any(text.startswith("errors: about") for text in short.refusals)
    slow = plan_needs(release_plan(dwell="10m"), GIVEN, units_per_second=100.0, horizon_seconds=1_200.0)
    assert slow.refusals == ("all stages together take about 0.5 h, there are 0.333 h",)
    assert not plan_needs(release_plan(), GIVEN, units_per_second=100.0, horizon_seconds=1e6).refusals


def test_a_metric_that_no_number_of_units_passes_is_refused_without_a_horizon() -> None:
    needs = plan_needs(release_plan(), GIVEN | {"errors": Assumption(1e-13)})
    assert needs.stages[0].units is None
    assert len(needs.refusals) == 1
    assert needs.refusals[0].startswith("errors: no number of units would do in stage 1")


def test_a_stage_that_may_pass_before_it_could_show_anything_is_warned_of_with_what_would() -> None:
    needs = plan_needs(release_plan(), GIVEN)
    alone = max(row.to_pass or 0 for row in needs.stages[1].rows)
    assert alone > needs.stages[1].minimum == 400
    (text,) = needs.warnings
    assert text.startswith(
        "stage 2 may pass after 400 units, on what earlier stages showed; by itself it shows that errors"
    )
    assert f"give it minimum_units = {math.ceil(alone * 0.5)}, or a dwell" in text
    assert not needs.refusals
    stages = [20, {"percent": 50, "minimum_units": math.ceil(alone * 0.5)}, 100]
    assert not plan_needs(release_plan(stages=stages), GIVEN).warnings


def test_a_dwell_that_brings_the_units_is_no_reason_to_warn() -> None:
    alone = max(row.to_pass or 0 for row in plan_needs(release_plan(), GIVEN).stages[1].rows)
    plan = release_plan(dwell="10m")
    assert not plan_needs(plan, GIVEN, units_per_second=alone / 600.0 + 0.1).warnings
    assert plan_needs(plan, GIVEN, units_per_second=alone / 600.0 - 0.1).warnings
    assert plan_needs(plan, GIVEN).warnings
    assert not plan_needs(plan, {}).warnings


def test_a_stage_whose_narrower_margin_the_stage_before_may_show_is_warned_of_too() -> None:
    """A first stage of 500,000 units shows the second's 50 % beside its own 100 %, and the second may pass on that."""
    stages = [{"percent": 20, "minimum_units": 100_000}, {"percent": 50, "minimum_units": 200}, 100]
    plan = release_plan(stages=stages, metrics=[ONE_RATE | {"margins": {"20": "100%"}}])
    needs = plan_needs(plan, {"errors": Assumption(0.02)})
    alone = needs.stages[1].rows[0].to_pass
    assert needs.stages[1].units == alone
    (text,) = needs.warnings
    assert text.startswith("stage 2 may pass after 400 units, on what earlier stages showed; by itself it shows that")
    assert f"minimum_units = {math.ceil((alone or 0) * 0.5)}, or" in text


def test_a_stage_that_no_number_of_units_would_let_pass_by_itself_is_warned_of() -> None:
    plan = release_plan(stages=[50, {"percent": 99.9, "minimum_units": 10}, 100], metrics=[ONE_RATE])
    needs = plan_needs(plan, {"errors": Assumption(5e-9)})
    assert [stage.rows[0].to_pass is None for stage in needs.stages[:2]] == [False, True]
    assert not needs.refusals
    (text,) = needs.warnings
    assert text.startswith("stage 2 may pass after 10,000 units, on what earlier stages showed; by itself no number of")
    assert "errors is within its margin: harm that begins there may pass unseen; give it a wider margin" in text


def passed_in_a_second_stage(units: int, *, worse: float, releases: int = 40) -> int:
    """How many releases pass their second stage after so many units, at each of 20 looks not halted before."""
    policy, found = release_plan(metrics=[ONE_RATE]).policy, 0
    for seed in range(releases):
        rng, evidence = np.random.default_rng((seed, 5)), Evidence()
        for stage, count, looks, times in ((0, 400_000, 1, 1.0), (1, units, 20, worse)):
            for _ in range(looks):
                ours = int(rng.binomial(count // looks, policy.stages[stage].share))
                sizes = {"canary": (ours, 0.02 * times), "stable": (count // looks - ours, 0.02)}
                counted = {
                    arm: ArmEvidence(size, {"errors": RateCounts(size, int(rng.binomial(size, often)))})
                    for arm, (size, often) in sizes.items()
                }
                evidence = fold(policy, evidence, Evidence({policy.stages[stage].ppm: counted}))
                halted = decide(policy, evidence, stage, 0.0, intervals=False).state is CanaryState.HALT
                if halted:
                    break
        found += not halted and decide(policy, evidence, 1, 0.0, intervals=False).state is CanaryState.PASS
    return found


@pytest.mark.slow
def test_with_the_units_that_the_warning_names_a_stage_sees_harm_that_begins_there() -> None:
    plan = release_plan(metrics=[ONE_RATE])
    needs = plan_needs(plan, {"errors": Assumption(0.02)})
    assert len(needs.warnings) == 1
    named = 2 * int(needs.warnings[0].partition("minimum_units = ")[2].partition(",")[0])
    # Twice stable's errors, of a margin of half as many again.
    least = needs.stages[1].minimum + 50  # so that the smaller arm has its minimum, too
    assert passed_in_a_second_stage(least, worse=2.0) > 10
    assert passed_in_a_second_stage(named, worse=2.0) == 0
    assert passed_in_a_second_stage(named, worse=1.0) > 30


def test_without_an_assumption_nothing_is_known_and_nothing_refused() -> None:
    needs = plan_needs(release_plan(), {}, units_per_second=1.0, horizon_seconds=1.0)
    assert [one.units for one in needs.stages] == [None, 400, 0]
    assert (needs.seconds, needs.refusals) == (None, ())


def test_an_assumption_of_no_metric_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="'erors' is no metric of the plan; it has: errors, seconds"):
        plan_needs(release_plan(), GIVEN | {"erors": Assumption(0.1)})


def test_an_informative_metric_may_be_left_out_and_refuses_nothing() -> None:
    metrics = [
        {"name": "errors", "kind": "rate", "margin": "100%"},
        {"name": "items", "kind": "mean", "margin": "1%", "required": False},
    ]
    plan = release_plan(metrics=metrics)
    assert {row.metric for one in plan_needs(plan, {"errors": Assumption(0.1)}).stages for row in one.rows} == {
        "errors"
    }
    both = {"errors": Assumption(0.1), "items": Assumption(3.0, 30.0)}
    shown = plan_needs(plan, both, units_per_second=10.0, horizon_seconds=86_400.0)
    assert {row.metric for row in shown.stages[0].rows} == {"errors", "items"}
    assert not shown.refusals


@pytest.mark.parametrize("given", [{}, GIVEN])
def test_its_json_is_what_its_schema_says(given: dict[str, Assumption]) -> None:
    written = valid(needs_to_json(plan_needs(release_plan(), given, units_per_second=1.0, horizon_seconds=60.0)))
    assert written["plan_hash"] == release_plan().hash
    assert written["can_pass"] is (not given)
    assert "warnings" in written
    valid({key: value for key, value in written.items() if key != "warnings"})  # as it was first written


def test_what_was_recorded_describes_stable() -> None:
    chance = random.Random(1)
    logs = [chance.gauss(-1.0, 0.5) for _ in range(20_000)]
    values = [math.exp(one) for one in logs]
    assert assumed(Metric("e", "rate", 0.1), [True, False, False, False]).value == 0.25
    p90 = assumed(Metric("p", "quantile", 0.1, quantile=0.9, low=0.01, high=10.0), values)
    assert p90.value == pytest.approx(math.exp(-1.0 + 0.5 * 1.2816), rel=0.03)
    assert p90.scatter == pytest.approx(0.5, rel=0.03)
    mean = assumed(Metric("m", "mean", 0.1), values)
    assert mean.value == pytest.approx(math.exp(-1.0 + 0.125), rel=0.02)
    assert mean.scatter == pytest.approx(math.sqrt(math.expm1(0.25)), rel=0.05)
    ratio = assumed(Metric("r", "ratio", 0.1), [(2.0 * value, value) for value in values[:100]] + [(3.0, 1.0)])
    assert ratio.value == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        (Metric("m", "mean", 0.1), []),
        (Metric("m", "mean", 0.1), [1.0, 1.0]),
        (Metric("m", "mean", 0.1), [-1.0, -2.0]),
        (Metric("m", "rate", 0.1), [False, False]),
        (Metric("m", "ratio", 0.1), [(1.0, 0.0)]),
        (Metric("m", "quantile", 0.1, quantile=0.5, low=0.1, high=1.0), [-1.0, math.inf]),
    ],
)
def test_what_describes_nothing_is_refused_by_name(metric: Metric, values: list[object]) -> None:
    with pytest.raises(UsageError, match=r"metric 'm': .*give its value instead"):
        assumed(metric, values)
