"""What a saved result can say: summaries of every kind, and bounds that widen with what is not known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from headgate.stats.saved import (
    BETWEEN,
    UNKNOWN_SCATTER,
    between_scale,
    estimate,
    lower_bound,
    process_counts_suffice,
    session_reach,
    summarize,
    t3_quantile,
    upper_bound,
)

STEADY = summarize(2.0, (1.99, 2.0, 2.0, 2.01) * 5)
levels = st.floats(1e-6, 0.4)


@pytest.mark.parametrize("level", [0.5, 0.1, 0.01, 2e-4, 1e-6, 1e-9])
def test_the_quantile_is_students(level):
    assert t3_quantile(level) == pytest.approx(float(stats.t.isf(level, 3)), rel=1e-6, abs=1e-12)


def test_samples_told_apart_by_process_are_one_centre_a_process():
    side = summarize(0.0, (), ((1.0, 1.1, 1.2), (3.0,), ()))
    assert side.processes == (1.1, 3.0)
    assert side.centre == pytest.approx(2.05)
    assert side.launches == 2


def test_pooled_samples_count_as_one_process():
    assert STEADY.launches == 1
    assert STEADY.centre == 2.0
    assert STEADY.scatter == pytest.approx(1.4826 * 0.0025, rel=0.05)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, UNKNOWN_SCATTER),
        ({"stddev": 0.4, "count": 100}, math.sqrt(math.pi / 2) * 0.2 / 10),
        ({"stddev": 0.4}, UNKNOWN_SCATTER),
        ({"stddev": 0.4, "count": 1}, UNKNOWN_SCATTER),
        ({"interval": (1.8, 2.2, 0.99)}, math.log(2.2 / 1.8) / (2 * 2.5758293)),
        ({"interval": (0.0, 2.2, 0.99)}, UNKNOWN_SCATTER),
        ({"samples": (2.0,)}, UNKNOWN_SCATTER),
        ({"groups": ((2.0,), (2.0,), (2.0,), (2.0,))}, UNKNOWN_SCATTER / 2),
    ],
)
def test_the_error_of_a_summary_is_taken_from_what_there_is(given, error):
    side = summarize(2.0, **given)
    assert side.centre == 2.0
    assert side.scatter is None
    assert side.error == pytest.approx(error, rel=1e-6)


def test_the_scale_is_the_largest_of_floor_scatter_and_error():
    vague = summarize(2.0)
    assert between_scale(STEADY, STEADY, BETWEEN, 0.0) == BETWEEN
    assert between_scale(STEADY, STEADY, BETWEEN, 0.05) == 0.05
    assert between_scale(STEADY, vague, BETWEEN, 0.0) == pytest.approx(UNKNOWN_SCATTER, rel=0.01)
    four = summarize(2.0, (), ((1.99, 2.0, 2.01),) * 4)
    assert between_scale(four, four, BETWEEN, 0.0) == pytest.approx(BETWEEN / 2)


@given(levels, levels, st.booleans(), st.sampled_from([0.02, None]))
def test_bounds_are_nested_in_the_level_and_hold_the_estimate(first, second, session, scale):
    strict, loose = sorted((first, second))
    sides = (summarize(0.0, (), ((1.0,), (1.1,), (1.2,))), summarize(0.0, (), ((1.3,), (1.1,), (1.5,))))
    options = {"scale": scale, "session": session}
    lows = [lower_bound(*sides, level, **options) for level in (strict, loose)]
    highs = [upper_bound(*sides, level, **options) for level in (strict, loose)]
    assert lows[0] <= lows[1] <= estimate(*sides, scale=scale) <= highs[1] <= highs[0]


def test_two_sessions_widen_by_what_public_runners_showed():
    assert session_reach(0.05) == pytest.approx(0.34)
    assert session_reach(0.0005) == pytest.approx(0.34 + 2 * 0.40)
    one, other = (lower_bound(STEADY, STEADY, 0.01, scale=0.02, session=session) for session in (False, True))
    assert other < one - 0.34


def test_whether_processes_suffice_is_a_matter_of_their_numbers():
    five = summarize(0.0, (), ((1.0,),) * 5)
    assert process_counts_suffice(five, five, 1 / 252)
    assert not process_counts_suffice(five, five, 1 / 253)
    assert not process_counts_suffice(five, STEADY, 0.01)


# The claim under test is the level at the boundary itself; what "at most" allows is three standard deviations.
REPLICATES, LEVEL = 2000, 0.01
NOISES = {
    "gaussian": lambda generator, shape: generator.normal(0.0, 0.03, shape),
    "laplace": lambda generator, shape: generator.laplace(0.0, 0.03, shape),
    "bimodal": lambda generator, shape: generator.choice([-0.05, 0.05], shape) + generator.normal(0.0, 0.005, shape),
}


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize(("baseline", "candidate"), [(5, 5), (20, 20), (6, 30)])
def test_the_bounds_over_processes_err_no_more_often_than_their_level(noise, baseline, candidate):
    generator = np.random.default_rng(20_261_123)
    shift = math.log(1.05)
    first = NOISES[noise](generator, (REPLICATES, baseline))
    second = NOISES[noise](generator, (REPLICATES, candidate)) + shift
    wrong_low = wrong_high = 0
    for one, other in zip(np.exp(first).tolist(), np.exp(second).tolist(), strict=True):
        sides = [summarize(0.0, (), [(value,) for value in side]) for side in (one, other)]
        wrong_low += lower_bound(*sides, LEVEL, scale=None, session=False) > shift
        wrong_high += upper_bound(*sides, LEVEL, scale=None, session=False) < shift
    allowed = LEVEL * REPLICATES + 3 * math.sqrt(LEVEL * REPLICATES)
    assert max(wrong_low, wrong_high) <= allowed
    assert wrong_low + wrong_high > 0  # and the bounds are not idle
