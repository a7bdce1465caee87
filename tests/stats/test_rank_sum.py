"""The rank-sum test says what scipy's exact one says, and its bounds invert it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from headgate.stats.rank_sum import (
    critical_count,
    null_cdf,
    shift,
    shift_lower,
    shift_upper,
    smallest_level,
)

sides = st.lists(st.floats(-3.0, 3.0, allow_subnormal=False), min_size=1, max_size=9).map(tuple)


@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 7), (3, 4), (5, 5), (6, 20), (20, 20)])
def test_the_null_distribution_is_that_of_scipy(m, n):
    cdf = null_cdf(m, n)
    generator = np.random.default_rng(m * 100 + n)
    for _ in range(10):
        first, second = generator.normal(size=m), generator.normal(size=n)
        larger = int(sum(a > b for a in first for b in second))
        exact = stats.mannwhitneyu(first, second, alternative="less", method="exact").pvalue
        assert cdf[larger] == pytest.approx(exact, rel=1e-9)
    assert cdf[0] == pytest.approx(smallest_level(m, n))
    assert cdf[-1] == pytest.approx(1.0)


@settings(max_examples=50)
@given(sides, sides, st.sampled_from([0.25, 0.05, 0.01]))
def test_a_lower_bound_is_where_the_test_begins_to_reject(first, second, level):
    bound = shift_lower(first, second, level)
    if math.isinf(bound):
        assert smallest_level(len(first), len(second)) > level
        return
    critical = critical_count(len(first), len(second), level)
    # Below the bound (a smaller shift taken out) the test rejects: at most `critical` pairs speak against it.
    differences = sorted(b - a for a in first for b in second)
    assert sum(difference < bound for difference in differences) <= critical
    assert sum(difference <= bound for difference in differences) > critical
    assert bound <= shift(first, second) <= shift_upper(first, second, level)


@given(sides, sides)
def test_swapping_the_sides_turns_everything_round(first, second):
    assert shift(second, first) == pytest.approx(-shift(first, second))
    assert shift_upper(first, second, 0.05) == -shift_lower(second, first, 0.05)


def test_too_few_values_bound_nothing():
    assert smallest_level(5, 5) == pytest.approx(1 / 252)
    assert shift_lower((0.0,) * 4, (9.0,) * 4, 0.01) == -math.inf
    assert shift_lower((0.0,) * 5, (9.0,) * 5, 0.01) == 9.0
    assert shift_upper((), (1.0,), 0.5) == math.inf


@pytest.mark.parametrize("level", [0.05, 1e-3, 1e-5, 1e-7])
def test_where_it_is_an_approximation_it_is_the_more_careful(level):
    exact = int(np.searchsorted(null_cdf(100, 101), level, side="right")) - 1
    assert critical_count(100, 101, level) <= exact
    assert critical_count(100, 101, level) > 0.97 * exact
