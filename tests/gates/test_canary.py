"""The canary gate passes on positive evidence alone, halts once and for good, and calls the impossible invalid."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from headgate.gates import canary, canary_tests
from headgate.gates.canary import CanaryState, decide, fold
from headgate.gates.canary_evidence import SANDBOX, ArmEvidence, Evidence, counts_of
from headgate.gates.canary_policy import CanaryPolicy, Metric, Stage
from headgate.model import Direction
from headgate.stats.capped import CappedMasses
from headgate.stats.means import Sums
from headgate.stats.quantiles import Histogram
from headgate.stats.rates import RateCounts

ERRORS = Metric("errors", "rate", 0.2)
STAGES = (Stage(50_000, 100, 60.0), Stage(500_000), Stage(1_000_000))
POLICY = CanaryPolicy((ERRORS,), STAGES)
FIRST = STAGES[0].ppm


def rates(ours: tuple[int, int], theirs: tuple[int, int], ppm: int = FIRST) -> Evidence:
    """Evidence of one rate: (units, events) of the canary and of stable."""
    arms = {"canary": ours, "stable": theirs}
    return Evidence(
        {ppm: {arm: ArmEvidence(units, {"errors": RateCounts(units, events)}) for arm, (units, events) in arms.items()}}
    )


LIKE_STABLE = rates((50_000, 1_000), (950_000, 19_000))
BAD = rates((1_000, 60), (19_000, 380))


def state(evidence: Evidence, stage: int = 0, dwell: float = 60.0, policy: CanaryPolicy = POLICY) -> CanaryState:
    return decide(policy, fold(policy, Evidence(origin=evidence.origin), evidence), stage, dwell).state


def test_enough_evidence_of_a_canary_like_stable_passes() -> None:
    decision = decide(POLICY, fold(POLICY, Evidence(), LIKE_STABLE), 0, 60.0)
    assert decision.state is CanaryState.PASS
    (row,) = decision.rows
    assert row.log_e_pass >= row.pass_at == pytest.approx(-math.log(0.05))
    assert row.ratio == pytest.approx(1.0)
    assert row.lower is not None
    assert row.upper is not None
    assert row.lower < 1.0 < row.upper < 1.2
    assert decision.missing == ()


def test_a_dwell_is_told_in_seconds_that_can_be_read() -> None:
    policy = CanaryPolicy((ERRORS,), (Stage(50_000, 100, 604_800.0), Stage(500_000)))
    assert decide(policy, Evidence(), 0, 0.466134).reasons[0] == "604,800 s in this stage are due, 0.4 s have passed"
    # Never more than have passed: that all are due and all have passed is no reason to wait.
    assert decide(policy, Evidence(), 0, 604_799.97).reasons[0].endswith("due, 604,799.9 s have passed")
    assert decide(policy, Evidence(), 0, 604_799.9).reasons[0].endswith("due, 604,799.9 s have passed")
    assert decide(policy, Evidence(), 0, math.nan).reasons[0].endswith("due, nan s have passed")


def test_without_evidence_nothing_passes() -> None:
    decision = decide(POLICY, Evidence(), 0, 1e9)
    assert decision.state is CanaryState.INCONCLUSIVE
    assert any("errors" in text for text in decision.missing)


@pytest.mark.parametrize(
    ("evidence", "dwell", "says"),
    [
        (LIKE_STABLE, 59.0, "60 s"),
        (LIKE_STABLE, math.nan, "60 s"),
        (rates((99, 2), (1_901, 40)), 60.0, "100 units of canary"),
        (rates((1_000, 20), (19_000, 380)), 60.0, "e-value"),
        (rates((50_000, 0), (950_000, 0)), 60.0, "no events"),
    ],
)
def test_what_is_not_there_yet_is_said_and_does_not_pass(evidence: Evidence, dwell: float, says: str) -> None:
    decision = decide(POLICY, fold(POLICY, Evidence(), evidence), 0, dwell)
    assert decision.state is CanaryState.INCONCLUSIVE
    assert any(says in text for text in decision.missing)
    assert decision.reasons == decision.missing


def test_a_required_metric_that_nobody_sends_keeps_a_release_from_passing() -> None:
    policy = CanaryPolicy((ERRORS, Metric("latency", "mean", 0.1)), STAGES)
    decision = decide(policy, fold(policy, Evidence(), LIKE_STABLE), 0, 60.0)
    assert decision.state is CanaryState.INCONCLUSIVE
    assert any(text.startswith("latency: no units") for text in decision.missing)
    informative = CanaryPolicy((ERRORS, Metric("latency", "mean", 0.1, required=False)), STAGES)
    assert state(LIKE_STABLE, policy=informative) is CanaryState.PASS


def test_a_bad_canary_halts_and_stays_halted_whatever_comes_after() -> None:
    halted = fold(POLICY, Evidence(), BAD)
    assert decide(POLICY, halted, 0, 60.0).state is CanaryState.HALT
    later = fold(POLICY, halted, LIKE_STABLE)
    decision = decide(POLICY, later, 0, 60.0)
    assert decision.state is CanaryState.HALT
    assert decision.rows[0].log_e_now < decision.rows[0].halt_at <= decision.rows[0].log_e_halt
    assert decide(POLICY, fold(POLICY, Evidence(), LIKE_STABLE.add(BAD)), 0, 60.0).state is CanaryState.PASS


def test_a_halt_outlives_evidence_that_turned_invalid() -> None:
    halted = fold(POLICY, Evidence(), BAD)
    broken = halted.add(Evidence({FIRST: {"canary": ArmEvidence(-5, {})}}))
    broken = broken.add(Evidence({123: {"canary": ArmEvidence(5, {})}}))
    decision = decide(POLICY, broken, 0, 60.0)
    assert decision.state is CanaryState.HALT
    assert decision.reasons[0] == "errors halted the release before"
    assert len(decision.reasons) > 1  # what is wrong is said too


def test_a_canary_shown_to_be_worse_but_within_the_margin_is_not_halted() -> None:
    slightly = rates((5_000_000, 105_000), (5_000_000, 100_000), ppm=500_000)
    decision = decide(POLICY, fold(POLICY, Evidence(), slightly), 1, 60.0)
    assert decision.state is CanaryState.PASS
    assert decision.rows[0].log_e_now > decision.rows[0].halt_at  # it is worse, and that is tolerated
    assert decision.rows[0].lower is not None
    assert decision.rows[0].lower > 1.0


def test_a_tolerance_moves_what_halts_and_not_what_passes() -> None:
    tolerant = CanaryPolicy((Metric("errors", "rate", 0.2, tolerance=0.15),), STAGES)
    slightly = rates((100_000, 2_260), (100_000, 2_000), ppm=500_000)
    assert state(slightly, 1) is CanaryState.HALT
    assert state(slightly, 1, policy=tolerant) is CanaryState.INCONCLUSIVE


def test_an_informative_metric_neither_halts_nor_keeps_from_passing() -> None:
    policy = CanaryPolicy((Metric("other", "rate", 0.2), Metric("errors", "rate", 0.2, required=False)), STAGES)
    good = {arm: one.metrics["errors"] for arm, one in LIKE_STABLE.stages[FIRST].items()}
    arms = {
        "canary": ArmEvidence(50_000, {"other": good["canary"], "errors": RateCounts(50_000, 9_000)}),
        "stable": ArmEvidence(950_000, {"other": good["stable"], "errors": RateCounts(950_000, 19_000)}),
    }
    decision = decide(policy, fold(policy, Evidence(), Evidence({FIRST: arms})), 0, 60.0)
    assert decision.state is CanaryState.PASS
    assert decision.rows[1].state is CanaryState.HALT


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [((40_000, 800), (950_000, 19_000)), ((50_000, 1_000), (900_000, 18_000)), ((0, 0), (9_000, 180))],
)
def test_units_that_did_not_come_in_their_shares_are_invalid_not_good(
    ours: tuple[int, int], theirs: tuple[int, int]
) -> None:
    decision = decide(POLICY, fold(POLICY, Evidence(), rates(ours, theirs)), 0, 60.0)
    assert decision.state is CanaryState.INVALID
    assert "shares" in decision.reasons[0]


def one(metric: Metric, counts: object, units: int = 10) -> tuple[CanaryPolicy, Evidence]:
    arms = {"canary": ArmEvidence(units, {"m": counts}), "stable": ArmEvidence(190, {})}  # type: ignore[dict-item]
    return CanaryPolicy((metric,), STAGES), Evidence({FIRST: arms})


QUANTILE = Metric("m", "quantile", 0.1, quantile=0.9, low=1.0, high=10.0)


@pytest.mark.parametrize(
    ("policy", "evidence"),
    [
        one(Metric("m", "rate", 0.2), RateCounts(10, 11)),
        one(Metric("m", "rate", 0.2), RateCounts(10, -1)),
        one(Metric("m", "rate", 0.2), RateCounts(11, 1)),
        one(Metric("m", "rate", 0.2), Sums(10, 1.0, 1.0, 10.0, 10.0, 1.0)),
        one(Metric("other", "rate", 0.2), RateCounts(10, 1)),
        one(Metric("m", "mean", 0.2), Sums(10, math.nan, 1.0, 10.0, 10.0, 1.0)),
        one(Metric("m", "mean", 0.2), Sums(10, math.inf, math.inf, 10.0, 10.0, 1.0)),
        one(Metric("m", "mean", 0.2, cap=1.0), CappedMasses(10)),
        one(QUANTILE, Histogram(10, {1: 9})),
        one(QUANTILE, Histogram(10, {-1: 10})),
        one(QUANTILE, Histogram(10, {10_000: 10})),
        one(Metric("m", "rate", 0.2), RateCounts(0, 0), units=-1),
        (POLICY, Evidence({777: {"canary": ArmEvidence(1, {})}})),
        (POLICY, dataclasses.replace(LIKE_STABLE, maxima={"errors": math.nan})),
        (POLICY, dataclasses.replace(LIKE_STABLE, origin=SANDBOX)),
    ],
)
def test_evidence_that_cannot_be_is_invalid(policy: CanaryPolicy, evidence: Evidence) -> None:
    decision = decide(policy, fold(policy, Evidence(origin=evidence.origin), evidence), 0, 60.0)
    assert decision.state is CanaryState.INVALID
    assert decision.reasons


def test_the_last_stage_rests_on_the_stages_before_it() -> None:
    assert state(LIKE_STABLE, 2) is CanaryState.PASS
    assert state(Evidence(), 2) is CanaryState.INCONCLUSIVE
    assert state(BAD, 2) is CanaryState.HALT


def test_stages_count_together_and_a_worse_early_one_is_not_forgotten() -> None:
    half = rates((20_000, 400), (20_000, 400), ppm=500_000)
    alone = decide(POLICY, fold(POLICY, Evidence(), half), 1, 60.0).rows[0].log_e_pass
    both = decide(POLICY, fold(POLICY, Evidence(), half.add(rates((5_000, 100), (95_000, 1_900)))), 1, 60.0)
    assert both.rows[0].log_e_pass > alone


def arms_of(metric: Metric, canary: list[object], stable: list[object]) -> Evidence:
    arms = {"canary": canary, "stable": stable}
    return Evidence(
        {500_000: {arm: ArmEvidence(len(v), {metric.name: counts_of(metric, v)}) for arm, v in arms.items()}}
    )


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize(
    "metric",
    [
        Metric("m", "rate", 0.2),
        Metric("m", "quantile", 0.2, quantile=0.5, low=0.05, high=20.0),
        Metric("m", "mean", 0.2),
        Metric("m", "mean", 0.2, cap=8.0),
        Metric("m", "ratio", 0.2),
    ],
    ids=["rate", "quantile", "mean", "capped", "ratio"],
)
def test_every_kind_halts_what_is_worse_and_passes_what_is_alike_in_both_directions(
    metric: Metric, direction: Direction
) -> None:
    metric = dataclasses.replace(metric, direction=direction)
    policy = CanaryPolicy((metric,), (Stage(500_000),))
    rng = np.random.default_rng(7)

    def values(factor: float) -> list[object]:
        if metric.kind == "rate":
            return (rng.random(20_000) < 0.2 * factor).tolist()
        raw = (factor * rng.lognormal(0.0, 0.4, 20_000)).tolist()
        return list(zip(raw, rng.uniform(0.5, 1.5, 20_000).tolist(), strict=True)) if metric.kind == "ratio" else raw

    worse = 2.0 if direction is Direction.LOWER else 0.5
    bad = decide(policy, fold(policy, Evidence(), arms_of(metric, values(worse), values(1.0))), 0, 0.0)
    alike = decide(policy, fold(policy, Evidence(), arms_of(metric, values(1.0), values(1.0))), 0, 0.0)
    better = decide(policy, fold(policy, Evidence(), arms_of(metric, values(1.0 / worse), values(1.0))), 0, 0.0)
    assert (bad.state, alike.state, better.state) == (CanaryState.HALT, CanaryState.PASS, CanaryState.PASS)
    row = bad.rows[0]
    assert row.lower is not None
    assert row.upper is not None
    assert row.lower < worse < row.upper
    assert alike.rows[0].ratio == pytest.approx(1.0, abs=0.06)


def test_a_mean_without_scatter_or_not_above_nothing_is_not_judged() -> None:
    metric = Metric("m", "mean", 0.2)
    policy = CanaryPolicy((metric,), (Stage(500_000),))
    for stable, says in (([0.0] * 500, "not above 0"), ([1.0] * 500, "same value")):
        decision = decide(policy, fold(policy, Evidence(), arms_of(metric, [1.0] * 500, stable)), 0, 0.0)
        assert decision.state is CanaryState.INCONCLUSIVE
        assert any(says in text for text in decision.missing)
    few = decide(policy, fold(policy, Evidence(), arms_of(metric, [1.0, 2.0] * 40, [1.0, 2.0] * 40)), 0, 0.0)
    assert any("from 100" in text for text in few.missing)


@pytest.mark.slow
def test_two_metrics_looked_at_after_every_batch_falsely_halt_at_most_at_the_nominal_rate() -> None:
    policy = CanaryPolicy((ERRORS, Metric("served", "rate", 0.2, Direction.HIGHER)), (Stage(100_000), Stage(500_000)))
    rng = np.random.default_rng(20261123)
    releases = halted = 300
    for _ in range(releases):
        evidence = Evidence()
        for stage in np.repeat([0, 1], 20).tolist():
            share = policy.stages[stage].share
            units = rng.binomial(2_000, share)
            arms = {}
            for arm, count in (("canary", int(units)), ("stable", 2_000 - int(units))):
                drawn = {"errors": int(rng.binomial(count, 0.02)), "served": int(rng.binomial(count, 0.3))}
                arms[arm] = ArmEvidence(count, {name: RateCounts(count, events) for name, events in drawn.items()})
            evidence = fold(policy, evidence, Evidence({policy.stages[stage].ppm: arms}))
        levels = {metric.name: -math.log(policy.halting_level(metric)) for metric in policy.metrics}
        halted -= all(evidence.maxima.get(name, 0.0) < level for name, level in levels.items())
    assert stats.binom(releases, policy.alpha).sf(halted - 1) > 0.001


def test_the_maxima_are_those_of_a_fold_that_works_every_e_value_out(monkeypatch: pytest.MonkeyPatch) -> None:
    latency = Metric("latency", "quantile", 0.2, quantile=0.9, low=0.1, high=20.0)
    policy = CanaryPolicy((latency,), (Stage(200_000), Stage(500_000)))
    rng, batches = np.random.default_rng(8), []
    for number in range(40):
        stage = policy.stages[number >= 20]
        times = 3.0 if number % 20 < 8 else 1.0  # bad times, that make new maxima
        arms = {
            arm: ArmEvidence(size, {"latency": counts_of(latency, (factor * rng.lognormal(0.0, 0.4, size)).tolist())})
            for arm, size, factor in (("canary", 15, times), ("stable", 40, 1.0))
        }
        batches.append(Evidence({stage.ppm: arms}))

    def folded() -> list[float]:
        evidence, found = Evidence(), []
        for batch in batches:
            evidence = fold(policy, evidence, batch)
            found.append(evidence.maxima.get("latency", 0.0))
        return found

    quick = folded()
    exact = canary_tests.log_e_worse
    monkeypatch.setattr(canary, "log_e_worse", lambda policy, metric, strata, _least: exact(policy, metric, strata))
    assert folded() == quick
    assert len(set(quick)) > 3
