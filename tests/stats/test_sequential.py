"""Sequential bounds hold at every look together; errors by simulation, with peeking, under the noise machines make."""

import math

import numpy as np
import pytest
import verdict_methods
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.stats.sequential import Plan, bounds, looks_taken, rounds_needed
from headgate.stats.signed_rank import critical_rank

REPLICATES = 10_000
ROUNDS = 60
ALPHA = 0.01
# Three standard errors of a proportion of ALPHA among the replicates of both directions.
MONTE_CARLO = 3.0 * math.sqrt(ALPHA * (1.0 - ALPHA) / (2 * REPLICATES))
NOISE = {**verdict_methods.NOISE, **verdict_methods.load_recorded(verdict_methods.NOISE_DIRECTORY)}
PLAN = Plan(alpha=ALPHA, budget_seconds=60.0)


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISE)
def test_the_false_alarm_rate_at_the_margin_is_at_most_nominal_with_peeking(noise: str) -> None:
    data = NOISE[noise](np.random.default_rng(20261123), (REPLICATES, ROUNDS))
    # Calling a fine candidate regressed, and calling a slower one pass: the same test in both directions.
    both = [(verdict_methods.signed_rank_spending(side, ALPHA) > 0).mean() for side in (data, -data)]
    assert np.mean(both) <= ALPHA + MONTE_CARLO


@pytest.mark.slow
def test_a_gate_that_peeks_without_a_plan_errs_several_times_as_often() -> None:
    data = verdict_methods.gaussian(np.random.default_rng(1), (REPLICATES, ROUNDS))
    assert (verdict_methods.naive_t(data, ALPHA) > 0).mean() > 4 * ALPHA


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["Gaussian", "bimodal"])
def test_both_bounds_cover_the_truth_at_all_looks_together(noise: str) -> None:
    replicates = 1500
    data = NOISE[noise](np.random.default_rng(3), (replicates, 40))
    looks = looks_taken([float(i) for i in range(40)], Plan(0.05, 40.0), final=True)
    missed_low = missed_high = 0
    for row in data:
        found = bounds(row.tolist(), looks, 0.05, 0.05, Plan(0.05, 40.0))
        missed_low += found.lower > 0.0
        missed_high += found.upper < 0.0
    allowed = replicates * 0.05 + 3 * math.sqrt(replicates * 0.05 * 0.95)
    assert missed_low <= allowed
    assert missed_high <= allowed


@pytest.mark.slow
def test_power_grows_with_the_distance_from_the_margin() -> None:
    data = verdict_methods.gaussian(np.random.default_rng(4), (2000, ROUNDS))
    power = [(verdict_methods.signed_rank_spending(data + distance, ALPHA) > 0).mean() for distance in (0.2, 0.4, 0.8)]
    assert power == sorted(power)
    assert power[-1] > 0.99


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(-1.0, 1.0))
def test_the_bounds_decide_exactly_as_the_test_statistic_does(seed: int, shift: float) -> None:
    row = np.random.default_rng(seed).normal(shift, 1.0, 30)
    plan = Plan(ALPHA, 30.0)
    looks = verdict_methods.planned_looks(30)
    claimed = bounds(row.tolist(), looks, ALPHA, ALPHA, plan).lower > 0.0
    assert claimed == bool(verdict_methods.signed_rank_spending(row[None, :], ALPHA)[0] > 0)


def test_unanimous_rounds_are_decided_as_soon_as_the_level_allows() -> None:
    for n in range(7, 30):
        looks = looks_taken([float(i) for i in range(n)], PLAN, final=True)
        found = bounds([0.1] * n, looks, ALPHA, ALPHA, PLAN)
        assert (found.lower > 0.0) == (critical_rank(n, 0.9 * ALPHA) >= 0), n


def test_no_claim_is_possible_before_the_rounds_needed() -> None:
    least = rounds_needed(ALPHA)
    looks = looks_taken([60.0] * (least - 1), PLAN, final=True)
    assert bounds([1.0] * (least - 1), looks, ALPHA, ALPHA, PLAN).lower == -math.inf


def test_looks_follow_the_schedule_and_the_clock_never_runs_back() -> None:
    looks = looks_taken([0.0, *[30.0] * 9, 20.0, *[40.0] * 9], PLAN, final=False)
    assert [look.rounds for look in looks] == [7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20]
    assert [look.fraction for look in looks] == sorted(look.fraction for look in looks)


def test_the_end_of_sampling_is_a_look_that_may_spend_the_whole_budget() -> None:
    open_looks = looks_taken([1.0] * 19, PLAN, final=False)
    closed = looks_taken([1.0] * 19, PLAN, final=True)
    assert open_looks[-1].rounds == 18
    assert closed[-1].rounds == 19
    assert closed[-1].fraction == 1.0
    assert closed[:-1] == open_looks


def test_no_values_give_no_bounds() -> None:
    found = bounds([], (), ALPHA, ALPHA, PLAN)
    assert (found.lower, found.upper, found.rounds) == (-math.inf, math.inf, 0)


def test_rounds_that_change_sign_for_good_are_a_conflict_not_a_claim() -> None:
    values = [1.0] * 20 + [-1.0] * 200
    looks = looks_taken([float(i) for i in range(220)], Plan(ALPHA, 220.0), final=True)
    assert bounds(values, looks, ALPHA, ALPHA, Plan(ALPHA, 220.0)).conflict
