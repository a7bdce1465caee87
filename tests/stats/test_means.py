"""The ratio of means: the mixture against its published values, the errors where tails are heavy, the capped test."""

import math

import canary_errors
import canary_paths
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from headgate.stats import capped, means
from headgate.stats.capped import CappedMasses, masses_of
from headgate.stats.means import Sums, log_normal_mixture, sums_of, sums_of_pairs
from headgate.stats.mixtures import Stratum, swapped

ALPHA = 0.05
THRESHOLD = -math.log(ALPHA)
MARGIN = 0.2


def not_above_nominal(first: np.ndarray) -> bool:
    found = int((first < canary_paths.NEVER).sum())
    return bool(stats.binom(first.size, ALPHA).sf(found - 1) > 0.001)


def test_the_mixture_is_the_published_one() -> None:
    # confseq's unit tests, OneSidedNormalMixture(100, 0.05): log e-value at (10, 100), bound at 1/0.05.
    assert log_normal_mixture(10.0, 100.0, 100.0, 0.05) == pytest.approx(-0.06502391, abs=1e-7)
    bound = optimize.brentq(lambda s: log_normal_mixture(s, 100.0, 100.0, 0.05) - THRESHOLD, 0.0, 100.0)
    assert bound == pytest.approx(27.66071, abs=1e-5)


def test_the_mixture_is_the_integral_it_stands_for() -> None:
    tuning = 2.0 * math.log(10.0)
    deviation = 1.0 / math.sqrt(100.0 / (tuning + math.log1p(tuning)))
    drift = np.linspace(0.0, 12.0 * deviation, 200_001)
    for score, time in ((5.0, 30.0), (-20.0, 100.0), (60.0, 400.0)):
        density = 2.0 * stats.norm(0.0, deviation).pdf(drift) * np.exp(drift * score - 0.5 * drift**2 * time)
        expected = math.log(np.trapezoid(density, drift))
        assert log_normal_mixture(score, time, 100.0, 0.05) == pytest.approx(expected, abs=1e-5)


def test_far_below_nothing_the_mixture_stays_finite() -> None:
    values = [log_normal_mixture(-z * 100.0, 1e4, 1_000.0, 0.05) for z in (25.0, 31.0, 33.0, 1e3, 1e6)]
    assert values == sorted(values, reverse=True)
    assert all(math.isfinite(value) for value in values)


def test_the_same_sums_give_the_published_two_sided_interval() -> None:
    # GrowthBook's gbstats, test_sequential_test_runs: relative difference, tuning parameter 1000. Their interval is
    # two-sided and its mixture another; from our sums, by their formula, it must come out the same.
    stable = Sums(3_000, 1_396.87, 52_377.9767, 3_000.0, 3_000.0, 1_396.87)
    canary = Sums(3_461, 2_422.7, 134_698.29, 3_461.0, 3_461.0, 2_422.7)
    variance = canary.unit_variance / 3_461 / stable.value**2
    variance += stable.unit_variance / 3_000 * canary.value**2 / stable.value**4
    n, tuning = 6_461, -2.0 * math.log(ALPHA)
    rho2 = (tuning + math.log1p(tuning)) / 1_000.0
    grown = n * rho2 + 1.0
    width = math.sqrt(variance * 2.0 * grown * math.log(math.sqrt(grown) / ALPHA) / (n * rho2))
    lift = canary.value / stable.value - 1.0
    assert (lift - width, lift + width) == (pytest.approx(-0.55844, abs=1e-5), pytest.approx(1.56516, abs=1e-5))


def test_the_e_value_is_the_studys_at_every_unit() -> None:
    rng = np.random.default_rng(1)
    values, ours = rng.lognormal(0.0, 1.0, (1, 900)), rng.random((1, 900)) < 0.3
    path = canary_paths.mean_paths(values, ours, 0.1)[0]
    for n in (150, 500, 900):
        mine = ours[0, :n]
        one = Stratum(0.3, sums_of(values[0, :n][mine].tolist()), sums_of(values[0, :n][~mine].tolist()))
        assert means.log_e_above([one], 0.1) == pytest.approx(path[n - 1], abs=1e-9)


def test_no_claim_is_made_before_a_hundred_units_in_each_arm() -> None:
    few, many = sums_of([5.0, 6.0] * 49), sums_of([1.0, 2.0] * 500)
    assert means.log_e_above([Stratum(0.1, few, many)], 0.0) == 0.0
    assert means.log_e_above([Stratum(0.1, few + sums_of([5.0, 6.0]), many)], 0.0) > 20.0


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize("name", ["lognormal, sigma 0.5", "lognormal, sigma 2", "Pareto, index 1.5", "bimodal"])
def test_both_errors_hold_with_peeking_at_every_unit_whatever_the_tails(name: str, share: float) -> None:
    rng = np.random.default_rng(20261123)
    values, ours = canary_errors.DRAWS[name](rng, (400, 3_000)), rng.random((400, 3_000)) < share
    halts = canary_paths.first_at(canary_paths.mean_paths(values, ours, 0.0), THRESHOLD)
    at_margin = np.where(ours, values * (1.0 + MARGIN), values)
    passes = canary_paths.first_at(canary_paths.mean_paths(at_margin, ~ours, -math.log1p(MARGIN)), THRESHOLD)
    assert not_above_nominal(halts)
    assert not_above_nominal(passes)


def test_the_bounds_bracket_the_ratio_and_shrink() -> None:
    rng = np.random.default_rng(2)
    widths = []
    for units in (500, 50_000):
        one = Stratum(
            0.5, sums_of(rng.lognormal(0.2, 0.5, units).tolist()), sums_of(rng.lognormal(0.0, 0.5, units).tolist())
        )
        lower, upper = means.lower_bound([one], ALPHA), means.upper_bound([one], ALPHA)
        assert lower < 0.2 < upper
        assert means.log_e_above([one], lower - 1e-3) > THRESHOLD > means.log_e_above([one], lower + 1e-3)
        assert means.lower_bound(swapped([one]), ALPHA) == pytest.approx(-upper)
        widths.append(upper - lower)
    assert widths[1] < widths[0] / 5


def test_a_ratio_of_sums_has_the_delta_methods_variance() -> None:
    rng = np.random.default_rng(3)
    x = rng.gamma(4.0, 1.0, 400_000)
    y = 0.3 * x + rng.normal(0.0, 0.5, x.size)
    sums = sums_of_pairs(zip(y.tolist(), x.tolist(), strict=True))
    assert sums.value == pytest.approx(0.3, abs=0.005)
    assert sums.unit_variance == pytest.approx((0.5 / 4.0) ** 2, rel=0.02)
    assert sums_of([1.0, 2.0, 4.0]).unit_variance == pytest.approx(np.var([1.0, 2.0, 4.0], ddof=1))


def test_sums_add_up_and_impossible_ones_are_named() -> None:
    assert sums_of([1.0, 2.0]) + sums_of([3.0]) == sums_of([1.0, 2.0, 3.0])
    assert not sums_of([1.0, 2.0]).problem()
    assert not Sums(0, 0.0, 0.0, 0.0, 0.0, 0.0).problem()
    for bad in (
        Sums(-1, 1.0, 1.0, 1.0, 1.0, 1.0),
        Sums(2, math.nan, 1.0, 2.0, 2.0, 1.0),
        Sums(2, 10.0, 1.0, 2.0, 2.0, 10.0),
        Sums(0, 1.0, 1.0, 0.0, 0.0, 0.0),
        Sums(2, 1.0, 1.0, -1.0, 1.0, 0.0),
        Sums(2, 9e160, 1.0, 2.0, 2.0, 9e160),
        Sums(2, 1.0, -1.0, 2.0, 2.0, 1.0),
    ):
        assert bad.problem()


# --- the capped test -------------------------------------------------------------------------------------------------


def direct_log_wealth(values: np.ndarray, ours: np.ndarray, share: float, ratio: float) -> float:
    """The betting mixture with the values themselves, unit by unit; values as fractions of the cap."""
    logs = []
    for centre in capped.CENTRES:
        k = centre * max(1.0, ratio)
        z = np.where(ours, (values - k) / share, -(ratio * values - k) / (1.0 - share))
        worst = max(k / share, (ratio - k) / (1.0 - share))
        logs += [float(np.log1p(fraction / worst * z).sum()) for fraction in capped.FRACTIONS]
    return float(np.logaddexp.reduce(logs) - math.log(len(logs)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(-0.5, 0.5), st.sampled_from([0.05, 0.3, 0.5]))
def test_the_bounded_state_never_says_more_than_the_values_would_and_hardly_less(
    seed: int, log_ratio: float, share: float
) -> None:
    rng = np.random.default_rng(seed)
    values, ours = np.minimum(rng.lognormal(-2.0, 1.0, 400), 1.0), rng.random(400) < share
    one = Stratum(share, masses_of(values[ours], 1.0), masses_of(values[~ours], 1.0))
    state = capped.log_e_above([one], log_ratio)
    direct = direct_log_wealth(values, ours, share, math.exp(log_ratio))
    assert state <= direct + 1e-9
    assert state >= direct - 0.05 * abs(direct) - 0.1


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_the_capped_test_keeps_its_errors_from_the_first_unit(share: float) -> None:
    rng = np.random.default_rng(4)
    base, ours = np.minimum(rng.lognormal(-1.5, 2.0, (300, 400)), 1.0), rng.random((300, 400)) < share
    assert not_above_nominal(canary_paths.capped_first(base, ours, share, 0.0, THRESHOLD))
    at_margin = np.where(ours, base, base / (1.0 + MARGIN))
    assert not_above_nominal(canary_paths.capped_first(at_margin, ~ours, 1 - share, -math.log1p(MARGIN), THRESHOLD))
    twice = np.where(ours, base, 0.4 * base)
    assert (canary_paths.capped_first(twice, ours, share, 0.0, THRESHOLD) < canary_paths.NEVER).mean() > 0.3


def test_a_success_rate_near_one_passes_on_some_hundred_units_and_halts_on_few_failures() -> None:
    def served(units: int, failed: int) -> CappedMasses:
        return masses_of([0.0] * failed + [1.0] * (units - failed), 1.0)

    alike = Stratum(0.5, served(400, 1), served(400, 1))
    assert capped.log_e_above([alike], -math.log1p(0.05)) >= THRESHOLD  # at most 5 % worse; more is better
    failing = Stratum(0.5, served(100, 15), served(100, 0))
    assert capped.log_e_above(swapped([failing]), 0.0) >= THRESHOLD


def test_the_study_of_the_capped_test_computes_the_same() -> None:
    rng = np.random.default_rng(5)
    values, ours = rng.beta(1.0, 4.0, (1, 300)), rng.random((1, 300)) < 0.5
    values[0, ours[0]] *= 2.0
    values = np.minimum(values, 1.0)
    first = int(canary_paths.capped_first(values, ours, 0.5, 0.0, THRESHOLD)[0])
    for n, reached in ((first - 1, False), (first, True)):
        mine = ours[0, :n]
        one = Stratum(0.5, masses_of(values[0, :n][mine], 1.0), masses_of(values[0, :n][~mine], 1.0))
        assert (capped.log_e_above([one], 0.0) >= THRESHOLD) == reached


def test_masses_keep_units_and_mean_and_refuse_what_is_no_number() -> None:
    values = [0.0, 0.3, 7.7, 10.0, 25.0]
    masses = masses_of(values, 10.0)
    assert masses.units == 5
    assert not masses.problem()
    assert masses.mean(10.0) == pytest.approx(np.minimum(values, 10.0).mean())
    assert (masses + masses).mean(10.0) == pytest.approx(masses.mean(10.0))
    for bad in ([-1.0], [math.nan]):
        with pytest.raises(ValueError, match="negative or NaN"):
            masses_of(bad, 10.0)
    assert CappedMasses(3).problem()
    assert CappedMasses(1, (1.0,)).problem()
    assert CappedMasses(-1).problem()
    assert math.isnan(CappedMasses(0).mean(1.0))


def test_the_capped_bounds_bracket_the_ratio() -> None:
    rng = np.random.default_rng(6)
    one = Stratum(0.5, masses_of(rng.beta(2.0, 6.0, 3_000), 1.0), masses_of(rng.beta(2.0, 6.0, 3_000), 1.0))
    lower, upper = capped.lower_bound([one], ALPHA), capped.upper_bound([one], ALPHA)
    assert -0.3 < lower < 0.0 < upper < 0.3
