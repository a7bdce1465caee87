"""Harm that begins in a later stage: a good beginning neither hides nor excuses it; nobody good is halted for it."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from headgate.gates.canary import DOUBT, CanaryState, decide, fold
from headgate.gates.canary_evidence import ArmEvidence, Counts, Evidence, counts_of
from headgate.gates.canary_policy import CanaryPolicy, Metric, Stage
from headgate.gates.canary_tests import log_e_beyond, log_e_pass, log_e_worse, strata_of, worst_start
from headgate.model import Direction
from headgate.stats.capped import CappedMasses
from headgate.stats.rates import RateCounts

STAGES = (Stage(50_000, 100), Stage(250_000, 100), Stage(500_000, 100), Stage(1_000_000))
ERRORS = Metric("m", "rate", 0.5)
SERVED = Metric("m", "mean", 0.05, direction=Direction.HIGHER, cap=1.0)
P90 = Metric("m", "quantile", 0.3, quantile=0.9, low=0.01, high=100.0)
SECONDS = Metric("m", "mean", 0.2)


def policy_of(metric: Metric) -> CanaryPolicy:
    return CanaryPolicy((metric,), STAGES)


def one_rate(rng: np.random.Generator, units: int, worse: float) -> Counts:
    return RateCounts(units, int(rng.binomial(units, 0.02 * worse)))


def one_success(rng: np.random.Generator, units: int, worse: float) -> Counts:
    failed = int(rng.binomial(units, 0.005 * worse))
    return CappedMasses(units, (float(failed), *[0.0] * 127, float(units - failed)))


def one_quantile(rng: np.random.Generator, units: int, worse: float) -> Counts:
    return counts_of(P90, worse * rng.lognormal(0.0, 0.5, units))


def one_mean(rng: np.random.Generator, units: int, worse: float) -> Counts:
    return counts_of(SECONDS, worse * rng.lognormal(0.0, 0.5, units))


Draw = Callable[[np.random.Generator, int, float], Counts]
# What stands for a bad canary: errors fivefold, 10 % of the requests fail, twice as slow.
KINDS: dict[str, tuple[Metric, Draw, float]] = {
    "rate": (ERRORS, one_rate, 5.0),
    "success": (SERVED, one_success, 20.0),
    "quantile": (P90, one_quantile, 2.0),
    "mean": (SECONDS, one_mean, 2.0),
}


def batch(draw: Draw, rng: np.random.Generator, stage: int, units: int, worse: float) -> Evidence:
    """The evidence of some units that came in a stage; the canary is so many times worse than stable."""
    ours = int(rng.binomial(units, STAGES[stage].share))
    arms = {"canary": (ours, worse), "stable": (units - ours, 1.0)}
    return Evidence(
        {STAGES[stage].ppm: {arm: ArmEvidence(n, {"m": draw(rng, n, times)}) for arm, (n, times) in arms.items()}}
    )


def units_to_halt(kind: str, seed: int, good: int) -> int:
    """Units of the second stage until the release is halted, after so many good ones in the first."""
    metric, draw, worse = KINDS[kind]
    policy, rng = policy_of(metric), np.random.default_rng(seed)
    evidence = fold(policy, Evidence(), batch(draw, rng, 0, good, 1.0)) if good else Evidence()
    for units in range(50, 20_001, 50):
        evidence = fold(policy, evidence, batch(draw, rng, 1, 50, worse))
        if decide(policy, evidence, 1, 0.0, intervals=False).state is CanaryState.HALT:
            return units
    return 20_001


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_good_stage_does_not_hold_up_the_halt_of_a_bad_one(kind: str) -> None:
    fresh = [units_to_halt(kind, seed, 0) for seed in range(5)]
    after = [units_to_halt(kind, seed, 100_000) for seed in range(5)]
    assert max(fresh) < 20_000
    assert np.median(after) <= 3.0 * np.median(fresh)


@pytest.mark.parametrize("kind", KINDS)
def test_what_speaks_loudest_is_said_to_begin_where_it_does(kind: str) -> None:
    metric, draw, worse = KINDS[kind]
    rng, policy = np.random.default_rng(1), policy_of(metric)
    evidence = batch(draw, rng, 0, 50_000, 1.0).add(batch(draw, rng, 1, 4_000, worse))
    strata = strata_of(policy, metric, evidence)
    assert worst_start(metric, strata) == 1
    alone, both = (log_e_worse(policy, metric, one) for one in (strata[1:], strata))
    assert both > alone - math.log(len(STAGES))
    assert log_e_pass(policy, metric, strata[1:]) < 0.0


@pytest.mark.parametrize("kind", ["rate", "success", "mean"])
def test_a_stage_that_speaks_against_itself_does_not_pass_on_what_earlier_ones_said(kind: str) -> None:
    metric, draw, worse = KINDS[kind]
    rng, policy = np.random.default_rng(3), policy_of(metric)
    evidence = fold(policy, Evidence(), batch(draw, rng, 0, 300_000, 1.0))
    assert decide(policy, evidence, 0, 0.0).state is CanaryState.PASS
    seen = []
    for _ in range(400):
        evidence = fold(policy, evidence, batch(draw, rng, 1, 20, worse))
        decision = decide(policy, evidence, 1, 0.0)
        seen.append(decision.state)
        alone = strata_of(policy, metric, Evidence({STAGES[1].ppm: evidence.stages[STAGES[1].ppm]}))
        if log_e_beyond(policy, metric, alone) >= math.log(DOUBT):
            assert decision.state is not CanaryState.PASS
            if decision.state is CanaryState.INCONCLUSIVE and not decision.rows[0].missing.startswith("only"):
                assert "this stage alone speaks for worse than its margin" in decision.rows[0].missing
        if decision.state is CanaryState.HALT:
            break
    assert seen[-1] is CanaryState.HALT


def test_what_is_worse_but_within_its_margin_in_all_stages_is_still_excused() -> None:
    evidence = Evidence()
    policy = policy_of(Metric("m", "rate", 0.2))
    for stage in STAGES[:3]:
        sizes = {"canary": round(4e6 * stage.share), "stable": round(4e6 * (1.0 - stage.share))}
        rate = {"canary": 0.021, "stable": 0.02}
        counted = {arm: ArmEvidence(n, {"m": RateCounts(n, round(n * rate[arm]))}) for arm, n in sizes.items()}
        evidence = fold(policy, evidence, Evidence({stage.ppm: counted}))
    decision = decide(policy, evidence, 2, 0.0)
    assert decision.state is CanaryState.PASS
    assert decision.rows[0].log_e_now > decision.rows[0].halt_at


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rate", "mean"])
def test_a_canary_like_stable_is_halted_in_no_more_releases_than_alpha_and_seldom_waits_in_doubt(kind: str) -> None:
    metric, draw, _ = KINDS[kind]
    policy, releases, looks = policy_of(metric), 300, 12
    halted = held = 0
    for seed in range(releases):
        rng, evidence = np.random.default_rng((seed, 7)), Evidence()
        stopped = False
        for stage, units in enumerate((4_000, 2_000, 1_000)):
            for _ in range(looks):
                evidence = fold(policy, evidence, batch(draw, rng, stage, units, 1.0))
            decision = decide(policy, evidence, stage, 0.0, intervals=False)
            stopped = stopped or decision.state is CanaryState.HALT
            held += stage > 0 and "this stage alone" in decision.rows[0].missing
        halted += stopped
    # The greatest number that chance leaves to a true 5 %, in a thousand such tests once.
    assert halted <= stats.binom.isf(1e-3, releases, policy.alpha)
    assert held <= 0.05 * 2 * releases
