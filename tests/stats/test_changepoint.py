import math

import numpy as np
import pytest
from changepoint_trials import NOISE, matched
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from headgate.stats.changepoint import LEVEL, MIN_LENGTH, accepted, change_points
from headgate.stats.changepoint_evidence import correlation, level_test


def series(seed: int, n: int, steps: dict[int, float], noise: str = "Gaussian", scatter: float = 0.02) -> np.ndarray:
    """Values of 1 ms whose logarithm rises by ``steps[index]`` from each index on."""
    level = np.zeros(n)
    for index, size in steps.items():
        level[index:] += size
    return 1e-3 * np.exp(level + scatter * NOISE[noise](n, np.random.default_rng(seed)))


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["Gaussian", "heavy tails", "bimodal", "spikes"])
def test_without_a_change_false_alarms_stay_within_the_stated_level(noise):
    lengths = (30, 60, 120, 250)
    alarms = sum(bool(change_points(series(seed, lengths[seed % 4], {}, noise))) for seed in range(500))
    assert alarms <= stats.binom.ppf(0.999, 500, LEVEL)


@pytest.mark.slow
def test_neighbours_that_resemble_each_other_raise_few_alarms():
    alarms = sum(bool(change_points(series(seed, 150, {}, "correlated"))) for seed in range(200))
    assert alarms <= stats.binom.ppf(0.999, 200, LEVEL)


@pytest.mark.parametrize("place", [12, 50, 88])
@pytest.mark.parametrize("size", [0.2, -0.2])
def test_a_big_step_is_found_at_its_place_with_its_size(place, size):
    (found,) = change_points(series(1, 100, {place: size}))
    assert found.index == place
    assert found.first <= place <= found.last
    assert found.lower < math.exp(size) < found.upper
    assert found.p < 1e-6


def test_several_steps_are_found_in_heavy_tails():
    truth = [40, 90, 130]
    found = change_points(series(2, 200, {40: 0.15, 90: -0.2, 130: 0.1}, "heavy tails"))
    assert matched([point.index for point in found], truth) == len(found) == 3


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("place", [20, 58])
def test_a_spike_of_one_or_two_values_is_no_change(width, place):
    values = series(3, 60, {})
    values[place : place + width] *= 5.0
    assert change_points(values) == []


def test_a_step_is_found_through_spikes():
    values = series(4, 80, {40: 0.12})
    values[[10, 30, 39, 45, 70]] *= 3.0
    assert [abs(point.index - 40) <= 1 for point in change_points(values)] == [True]


def test_the_same_values_give_the_same_changes():
    values = series(5, 150, {70: 0.05})
    assert change_points(values) == change_points(values.copy()) == change_points(list(values))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1e-9, 1.0, 1e9]))
def test_the_unit_does_not_matter(seed, unit):
    values = series(seed, 60, {30: 0.1})
    assert [p.index for p in change_points(values * unit)] == [p.index for p in change_points(values)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e300, 1e300, allow_subnormal=True), max_size=40))
def test_any_finite_values_are_taken(values):
    for point in change_points(values):
        assert 0 < point.first <= point.index <= point.last < len(values)
        assert 0.0 <= point.p <= LEVEL


@pytest.mark.parametrize("values", [[], [1.0] * (MIN_LENGTH - 1), [7.0] * 50, [0.0] * 50])
def test_nothing_is_found_where_there_is_nothing(values):
    assert change_points(values) == []


def test_counts_without_noise_change_where_they_change():
    (found,) = change_points([1000.0] * 20 + [1001.0] * 20)
    assert (found.index, found.first, found.last) == (20, 20, 20)


def test_values_that_are_not_all_positive_have_no_ratio():
    (found,) = change_points([0.0] * 20 + [5.0] * 20)
    assert (found.index, found.ratio, found.before, found.after) == (20, None, 0.0, 5.0)


@pytest.mark.slow
def test_the_intervals_of_place_and_size_cover_the_truth():
    places, sizes, found = 0, 0, 0
    for seed in range(300):
        for point in change_points(series(seed, 100, {50: 0.04}))[:1]:
            found += 1
            places += point.first <= 50 <= point.last
            sizes += point.lower <= math.exp(0.04) <= point.upper
    assert found > 250
    assert places / found >= 0.93
    assert sizes / found >= 0.92  # the place is chosen where the step looks largest


@pytest.mark.parametrize(("n", "m"), [(3, 40), (12, 90), (25, 25), (24, 100)])
def test_the_level_test_agrees_with_scipys_exact_one(n, m):
    rng = np.random.default_rng(n)
    left, right = rng.normal(size=n), rng.normal(1.0, size=m)
    assert level_test(left, right) == pytest.approx(stats.mannwhitneyu(left, right, method="exact").pvalue)


def test_with_many_values_and_ties_the_level_test_agrees_with_scipys_normal_one():
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 5, 60).astype(float), rng.integers(0, 6, 80).astype(float)
    expected = stats.mannwhitneyu(left, right, method="asymptotic").pvalue
    assert level_test(left, right) == pytest.approx(expected)


def test_correlation_is_seen_about_the_levels_and_not_made_by_them():
    step = np.log(series(6, 400, {200: 1.0}))
    assert correlation(step, [200]) < 0.15
    assert 0.4 < correlation(NOISE["correlated"](400, np.random.default_rng(6)), []) < 0.75


def test_across_series_the_share_of_false_ones_is_held():
    assert accepted([[], [], []]) == 0.0
    assert accepted([[0.0099]]) == 0.0099
    assert accepted([[0.0099]] + [[]] * 99) == 0.0
    assert accepted([[1e-5], [2e-5, 0.0001], *([[]] * 97)]) == 0.0001
