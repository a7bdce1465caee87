"""The ratio of two rates: exact errors by enumeration over every path, speed, strata, and what references say."""

import math

import canary_paths
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from headgate.stats import rates
from headgate.stats.mixtures import HALTING, Ladder, Stratum, log_mean_over_starts, passing, swapped
from headgate.stats.rates import RateCounts

ALPHA = 0.05
THRESHOLD = -math.log(ALPHA)
MARGIN = 0.2


def stratum(share: float, ours: int, theirs: int) -> Stratum[RateCounts]:
    return Stratum(share, RateCounts(10**9, ours), RateCounts(10**9, theirs))


def log_e_table(events: int, share: float, log_ratio: float, ladder: Ladder) -> np.ndarray:
    """The log e-value with ``c`` of ``n`` events the canary's, at [n, c]; NaN where c > n. From the formula, anew."""
    n, c = np.arange(events + 1)[:, None], np.arange(events + 1)[None, :]
    null = stats.bernoulli(share * math.exp(log_ratio) / (1 - share + share * math.exp(log_ratio))).mean()
    terms = []
    for step, log_weight in zip(ladder.steps, ladder.log_weights, strict=True):
        ratio = math.exp(log_ratio + step)
        p = share * ratio / (1 - share + share * ratio)
        terms.append(log_weight + c * math.log(p / null) + (n - c) * math.log((1 - p) / (1 - null)))
    return np.where(c <= n, np.logaddexp.reduce(terms), np.nan)


def ever_reached(table: np.ndarray, p: float) -> float:
    """Exact probability that the e-value reaches the threshold at any of the events, each the canary's with ``p``."""
    alive, reached = np.array([1.0]), 0.0
    for n in range(1, table.shape[0]):
        grown = np.zeros(n + 1)
        grown[:-1] += alive * (1 - p)
        grown[1:] += alive * p
        crossed = table[n, : n + 1] >= THRESHOLD
        reached += float(grown[crossed].sum())
        alive = np.where(crossed, 0.0, grown)
    return reached


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.25, 0.05, 0.01])
def test_a_canary_like_stable_is_ever_halted_with_at_most_the_nominal_probability_exactly(share: float) -> None:
    table = log_e_table(1_000, share, 0.0, HALTING)
    error = ever_reached(table, share)
    assert 0.2 * ALPHA < error <= ALPHA  # not by being useless either


@pytest.mark.parametrize("share", [0.5, 0.05])
def test_a_canary_worse_by_the_margin_ever_passes_with_at_most_the_nominal_probability_exactly(share: float) -> None:
    table = log_e_table(1_000, 1 - share, -math.log1p(MARGIN), passing(MARGIN))
    stable_share_of_events = 1 - float(canary_paths.split(1 + MARGIN, share))
    assert ever_reached(table, stable_share_of_events) <= ALPHA


@pytest.mark.parametrize("ratio", [0.2, 0.5, 0.9, 1.0])
def test_the_expected_e_value_of_a_canary_no_worse_is_at_most_one_at_any_number_of_events(ratio: float) -> None:
    for events in (1, 7, 60):
        p = float(canary_paths.split(ratio, 0.3))
        weights = stats.binom(events, p).pmf(np.arange(events + 1))
        values = [rates.log_e_above([stratum(0.3, c, events - c)], 0.0, HALTING) for c in range(events + 1)]
        expected = float(weights @ np.exp(values))
        assert expected <= 1 + 1e-9
        assert ratio < 1.0 or expected == pytest.approx(1.0)


@pytest.mark.parametrize(("ratio", "at_most"), [(2.0, 55), (3.0, 25), (5.0, 15)])
def test_so_few_errors_in_both_arms_halt_half_of_the_bad_canaries(ratio: float, at_most: int) -> None:
    table = log_e_table(at_most, 0.5, 0.0, HALTING)
    assert ever_reached(table, float(canary_paths.split(ratio, 0.5))) >= 0.5


def test_the_e_value_is_the_formulas_and_the_studys() -> None:
    rng = np.random.default_rng(1)
    ours = rng.random((1, 200)) < 0.3
    path = canary_paths.rate_paths(ours, np.full(200, 0.2), 0.1, HALTING)[0]
    table = log_e_table(200, 0.2, 0.1, HALTING)
    for n in (1, 17, 200):
        c = int(ours[0, :n].sum())
        value = rates.log_e_above([stratum(0.2, c, n - c)], 0.1, HALTING)
        assert value == pytest.approx(path[n - 1])
        assert value == pytest.approx(table[n, c])


def test_stages_multiply_within_the_mixture() -> None:
    rng = np.random.default_rng(2)
    shares = np.repeat([0.01, 0.05, 0.25], 50)
    ours = rng.random((1, 150)) < shares
    strata = [
        stratum(share, int(part.sum()), int((~part).sum()))
        for share, part in zip((0.01, 0.05, 0.25), ours.reshape(3, 50), strict=True)
    ]
    assert rates.log_e_above(strata, 0.0, HALTING) == pytest.approx(
        canary_paths.rate_paths(ours, shares, 0.0, HALTING)[0, -1]
    )


@pytest.mark.slow
def test_stage_changes_do_not_inflate_the_false_halts() -> None:
    replicates, events = 4_000, 1_000
    shares = np.repeat([0.01, 0.05, 0.25, 0.5], events // 4)
    ours = np.random.default_rng(3).random((replicates, events)) < shares
    halts = canary_paths.first_at(canary_paths.rate_paths(ours, shares, 0.0, HALTING), THRESHOLD)
    found = int((halts < canary_paths.NEVER).sum())
    assert stats.binom(replicates, ALPHA).sf(found - 1) > 0.001


def test_a_z_test_at_every_event_errs_several_times_as_often() -> None:
    ours = np.random.default_rng(4).random((1_000, 1_000)) < 0.5
    assert (canary_paths.naive_z(ours, np.full(1_000, 0.5), ALPHA) < canary_paths.NEVER).mean() > 0.25


@pytest.mark.slow
def test_counting_every_error_of_a_sticky_user_inflates_the_error_and_counting_users_does_not() -> None:
    everything, firsts = canary_paths.sticky_errors(np.random.default_rng(5), 600, users=500, errors=1_000, shape=0.3)
    half = np.full(1_000, 0.5)
    halts = canary_paths.first_at(canary_paths.rate_paths(everything, half, 0.0, HALTING), THRESHOLD)
    once = [
        canary_paths.first_at(canary_paths.rate_paths(row[None, :], half[: row.size], 0.0, HALTING), THRESHOLD)[0]
        for row in firsts
    ]
    assert (halts < canary_paths.NEVER).mean() > 0.12
    found = int((np.array(once) < canary_paths.NEVER).sum())
    assert stats.binom(600, ALPHA).sf(found - 1) > 0.001


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 300), st.integers(0, 300), st.sampled_from([0.01, 0.05, 0.25, 0.5]), st.floats(-1.5, 1.5))
def test_the_bounds_are_the_tests_turned_round(ours: int, theirs: int, share: float, log_ratio: float) -> None:
    strata = [stratum(share, ours, theirs)]
    lower = rates.lower_bound(strata, ALPHA, HALTING)
    upper = rates.upper_bound(strata, ALPHA, HALTING)
    assert lower <= upper
    if abs(lower - log_ratio) > 1e-4:
        assert (rates.log_e_above(strata, log_ratio, HALTING) >= THRESHOLD) == (log_ratio < lower)
    if abs(upper - log_ratio) > 1e-4:
        assert (rates.log_e_above(swapped(strata), -log_ratio, HALTING) >= THRESHOLD) == (log_ratio > upper)
    if ours and theirs:
        assert lower <= math.log(rates.estimate(strata)) <= upper


def test_the_estimate_is_the_ratio_of_the_rates_where_there_is_one_stage() -> None:
    assert rates.estimate([stratum(0.2, 20, 40)]) == pytest.approx((20 / 0.2) / (40 / 0.8))
    assert math.isnan(rates.estimate([stratum(0.2, 0, 0)]))
    assert rates.estimate([stratum(0.2, 3, 0)]) == math.inf
    assert rates.estimate([stratum(0.2, 0, 3)]) == 0.0


def test_a_new_start_is_not_held_back_by_stages_that_saw_nothing() -> None:
    assert log_mean_over_starts([-50.0, 10.0], 2) == pytest.approx(10.0 - math.log(2.0))
    assert log_mean_over_starts([], 3) == pytest.approx(0.0)
    assert log_mean_over_starts([5.0], 4) == pytest.approx(math.log((math.exp(5.0) + 3.0) / 4.0))


@pytest.mark.parametrize(("units", "events"), [(-1, 0), (3, -1), (3, 4)])
def test_counts_that_cannot_be_are_named(units: int, events: int) -> None:
    assert RateCounts(units, events).problem()
    assert not RateCounts(4, 3).problem()
