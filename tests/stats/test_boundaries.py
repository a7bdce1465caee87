"""The spending boundaries agree with published tables and with simulation."""

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from headgate.stats.boundaries import FIRST_LOOK, RESERVE, Look, look_schedule, nominal_levels, spent

ALPHA = 0.01


@pytest.mark.slow
@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.0])
def test_the_levels_spend_what_scipys_multivariate_normal_says(exponent: float) -> None:
    # Many rounds per look, so that the discreteness of the rank test does not show.
    looks = tuple(Look(1000 * k, k / 4) for k in range(1, 5))
    z = [-NormalDist().inv_cdf(level) for level in nominal_levels(looks, 0.025, exponent)]
    # Canonical joint distribution: corr(Z_j, Z_k) = sqrt(n_j / n_k) for j <= k.
    covariance = [[math.sqrt(min(a.rounds, b.rounds) / max(a.rounds, b.rounds)) for b in looks] for a in looks]
    for k in range(1, 5):
        normal = stats.multivariate_normal(np.zeros(k), np.array(covariance)[:k, :k])
        normal.abseps = normal.releps = 1e-7
        crossed = 1.0 - normal.cdf(np.array(z[:k]))
        assert crossed == pytest.approx(spent(k / 4, 0.025, exponent), rel=5e-3)


def test_a_brownian_path_crosses_as_often_as_was_spent() -> None:
    looks = tuple(Look(n, n / 60) for n in look_schedule(60))
    levels = nominal_levels(looks, 0.05)
    rng = np.random.default_rng(7)
    counts = [0, *[look.rounds for look in looks]]
    steps = [rng.normal(scale=math.sqrt(b - a), size=200_000) for a, b in itertools.pairwise(counts)]
    z = np.cumsum(steps, axis=0) / np.sqrt([[look.rounds] for look in looks])
    limits = np.array([[-NormalDist().inv_cdf(level) if level > 0 else np.inf] for level in levels])
    crossed = (z > limits).any(axis=0).mean()
    assert crossed == pytest.approx(spent(looks[-1].fraction, 0.05), abs=4 * math.sqrt(0.05 / 200_000))


def test_spending_rises_to_its_share_at_the_budget_and_to_alpha_never() -> None:
    fractions = [0.0, 0.1, 0.5, 1.0, 1.5, 10.0, 1e9]
    amounts = [spent(fraction, ALPHA) for fraction in fractions]
    assert amounts == sorted(amounts)
    assert amounts[0] == 0.0
    assert amounts[3] == pytest.approx((1 - RESERVE) * ALPHA)
    assert amounts[-1] <= ALPHA


def test_looks_start_at_the_first_look_and_grow_by_a_tenth_at_most() -> None:
    looks = look_schedule(2000)
    assert looks[0] == FIRST_LOOK
    assert all(b - a == 1 or b <= 1.1 * a + 0.5 for a, b in itertools.pairwise(looks))
    assert look_schedule(FIRST_LOOK - 1) == ()


def test_a_look_at_which_nothing_may_be_spent_has_level_zero() -> None:
    assert nominal_levels((Look(10, 0.0), Look(20, 0.0)), ALPHA) == (0.0, 0.0)


def test_a_stricter_alpha_gives_a_stricter_level_at_every_look() -> None:
    looks = tuple(Look(n, n / 200) for n in look_schedule(200))
    strict, loose = nominal_levels(looks, ALPHA / 20), nominal_levels(looks, ALPHA)
    assert all(a <= b for a, b in zip(strict, loose, strict=True))
