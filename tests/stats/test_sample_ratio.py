"""The split of the units: against an independent formula, the examples of a published implementation, and chance."""

import math

import canary_paths
import numpy as np
import pytest
from scipy import special, stats

from headgate.stats.sample_ratio import CONCENTRATIONS, log_e_mismatch


def first_below(draws: np.ndarray, shares: list[float], level: float, concentration: float) -> tuple[int, float]:
    for n, counts in enumerate(np.cumsum(draws, axis=0).tolist(), 1):
        p = math.exp(-log_e_mismatch(counts, shares, (concentration,)))
        if p <= level:
            return n, p
    return 0, math.nan


def test_the_published_examples_stop_where_they_are_said_to() -> None:
    # savvi, README and examples/InhomogeneousPoissonProcess: seeds, shares and effects as given there.
    np.random.seed(1)  # noqa: NPY002 - the published example's own generator
    draws = np.random.multinomial(1, [0.1, 0.3, 0.6], size=1_000)  # noqa: NPY002
    n, p = first_below(draws, [0.1, 0.4, 0.5], 0.05, 100.0)
    assert (n, p) == (402, pytest.approx(0.04845591105969517))
    weights = np.array([0.8, 0.2]) * np.exp([1.5, 2.0])
    np.random.seed(1)  # noqa: NPY002
    draws = np.random.multinomial(1, weights / weights.sum(), size=1_500)  # noqa: NPY002
    n, p = first_below(draws, [0.8, 0.2], 0.05, 100.0)
    assert (n, p) == (210, pytest.approx(0.045579631759249686))


def test_two_arms_are_the_beta_binomial() -> None:
    a, b = 500.0, 9_500.0
    direct = special.betaln(a + 70, b + 1_000) - special.betaln(a, b) - 70 * math.log(0.05) - 1_000 * math.log(0.95)
    assert log_e_mismatch([70, 1_000], [0.05, 0.95], (10_000.0,)) == pytest.approx(direct)
    parts = [log_e_mismatch([70, 1_000], [0.05, 0.95], (one,)) for one in CONCENTRATIONS]
    assert log_e_mismatch([70, 1_000], [0.05, 0.95]) == pytest.approx(math.log(np.exp(parts).mean()))


def test_no_units_are_no_evidence() -> None:
    assert log_e_mismatch([0, 0], [0.3, 0.7]) == pytest.approx(0.0)


@pytest.mark.parametrize("units", [1, 10, 200])
def test_the_expected_e_value_of_a_right_split_is_one(units: int) -> None:
    weights = stats.binom(units, 0.1).pmf(np.arange(units + 1))
    values = [log_e_mismatch([n, units - n], [0.1, 0.9], (50.0,)) for n in range(units + 1)]
    assert float(weights @ np.exp(values)) == pytest.approx(1.0)


def test_a_lost_arm_is_seen_soon_and_a_right_split_is_not_called_wrong() -> None:
    assert log_e_mismatch([0, 20], [0.5, 0.5]) < -math.log(0.001) < log_e_mismatch([0, 70], [0.5, 0.5])
    assert log_e_mismatch([0, 2_500], [0.01, 0.99]) > -math.log(0.001)
    rng = np.random.default_rng(1)
    paths = canary_paths.sample_ratio_paths(rng.random((300, 2_000)) < 0.05, 0.05)
    assert (canary_paths.first_at(paths, -math.log(0.05)) < canary_paths.NEVER).sum() <= 30


def test_the_study_computes_the_same() -> None:
    ours = np.random.default_rng(2).random((1, 50)) < 0.2
    path = canary_paths.sample_ratio_paths(ours, 0.2)[0]
    n = int(ours.sum())
    assert path[-1] == pytest.approx(log_e_mismatch([n, 50 - n], [0.2, 0.8]))
