"""The signed-rank test agrees with SciPy, its interval with its test."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from headgate.stats.signed_rank import (
    EXACT_UP_TO,
    attained_level,
    critical_rank,
    hodges_lehmann,
    lower_bound,
    null_cdf,
    upper_bound,
    walsh_averages,
)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_the_null_distribution_equals_full_enumeration_of_the_signs(n: int) -> None:
    sums = [sum(rank for rank, up in enumerate(signs, 1) if up) for signs in itertools.product((0, 1), repeat=n)]
    expected = np.cumsum(np.bincount(sums, minlength=n * (n + 1) // 2 + 1)) / 2**n
    np.testing.assert_allclose(null_cdf(n), expected, rtol=1e-14)


@pytest.mark.parametrize("n", [10, 25, 50])
def test_p_values_equal_scipys_exact_ones(n: int) -> None:
    values = np.random.default_rng(n).normal(0.3, 1.0, n)
    expected = stats.wilcoxon(values, alternative="greater", method="exact")
    ranks = stats.rankdata(np.abs(values))
    against = int(ranks[values < 0].sum())
    assert null_cdf(n)[against] == pytest.approx(expected.pvalue, rel=1e-10)


def test_critical_ranks_equal_the_published_table() -> None:
    # Hollander, Wolfe & Chicken, table A.4 (one-sided): n, level, largest T with P(T <= t) <= level.
    for n, level, rank in [(10, 0.025, 8), (10, 0.01, 5), (15, 0.01, 19), (20, 0.025, 52), (20, 0.005, 37)]:
        assert critical_rank(n, level) == rank


@pytest.mark.parametrize("level", [1e-7, 1e-5, 1e-3, 0.01, 0.05])
def test_the_normal_approximation_is_never_more_generous_than_the_exact_distribution(level: float) -> None:
    n = EXACT_UP_TO
    exact = critical_rank(n, level)
    deviation = math.sqrt(n * (n + 1) * (2 * n + 1) / 24.0)
    approximate = math.floor(n * (n + 1) / 4 + stats.norm.ppf(level) * deviation - 0.5)
    assert approximate <= exact


def test_too_few_values_for_a_level_give_no_bound() -> None:
    assert critical_rank(5, 0.01) == -1
    assert attained_level(5, 0.01) == 0.0
    assert lower_bound((1.0,) * 5, 0.01) == -math.inf
    assert upper_bound((1.0,) * 5, 0.01) == math.inf
    assert critical_rank(0, 0.01) == critical_rank(10, 0.0) == -1


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=25), st.sampled_from([0.3, 0.1, 0.02]), st.floats(-3, 3))
def test_the_lower_bound_exceeds_a_value_only_where_the_test_rejects_it(
    values: list[float], level: float, null: float
) -> None:
    claimed = lower_bound(tuple(values), level) > null
    # W- counted over Walsh averages: those at or below the null value speak against the claim.
    against = int((walsh_averages(tuple(values)) <= null).sum())
    assert claimed == (against <= critical_rank(len(values), level))


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=25))
def test_bounds_mirror_each_other_and_enclose_the_estimate(values: list[float]) -> None:
    data = tuple(values)
    assert upper_bound(data, 0.05) == -lower_bound(tuple(-v for v in data), 0.05)
    assert lower_bound(data, 0.05) <= hodges_lehmann(data) <= upper_bound(data, 0.05)


def test_the_estimate_is_the_pseudomedian_of_a_textbook_example() -> None:
    # Hollander, Wolfe & Chicken, example 3.1 (Hamilton depression scale): theta-hat = -0.46.
    before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
    after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    assert hodges_lehmann(tuple(a - b for a, b in zip(after, before, strict=True))) == pytest.approx(-0.46, abs=0.005)
