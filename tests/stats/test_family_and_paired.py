"""Holm's procedure, and the one number a round contributes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from headgate.model import Direction, Round
from headgate.stats.family import holm
from headgate.stats.paired import log_ratio, low_mean, lower_ratio, ratio_of, side_median, upper_ratio


def reference_holm(p: list[float], alpha: float) -> set[int]:
    rejected = set()
    for step, index in enumerate(np.argsort(p, kind="stable")):
        if p[index] > alpha / (len(p) - step):
            break
        rejected.add(int(index))
    return rejected


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30), st.sampled_from([0.01, 0.05, 0.5]))
def test_holm_rejects_exactly_what_the_textbook_procedure_rejects(p: list[float], alpha: float) -> None:
    rejected, _ = holm(lambda i, level: p[i] <= level, len(p), alpha)
    assert rejected == reference_holm(p, alpha)


def test_holm_keeps_the_family_wise_error() -> None:
    p = stats.norm.sf(np.random.default_rng(2).normal(size=(4000, 20)))
    wrong = np.mean([bool(holm(lambda i, level, row=row: row[i] <= level, 20, 0.05)[0]) for row in p])
    assert wrong <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4000)


def test_the_level_left_is_what_the_next_comparison_would_need() -> None:
    assert holm(lambda i, level: i == 0, 5, 0.05) == (frozenset({0}), 0.05 / 4)  # noqa: ARG005 - a claim may ignore the level
    assert holm(lambda i, level: True, 0, 0.05) == (frozenset(), 0.05)  # noqa: ARG005 - an empty family


def test_a_round_is_the_log_ratio_of_the_lower_halves() -> None:
    round_ = Round(0, baseline=(1.0, 1.0, 9.0, 9.0), candidate=(2.0, 2.0, 2.0, 50.0))
    assert log_ratio(round_) == pytest.approx(math.log(2.0))


def test_preempted_samples_do_not_move_a_round() -> None:
    quiet = Round(0, baseline=(1.0,) * 8, candidate=(1.1,) * 8)
    noisy = Round(0, baseline=(1.0,) * 5 + (7.0, 8.0, 9.0), candidate=(1.1,) * 4 + (5.0,) * 4)
    assert log_ratio(noisy) == pytest.approx(log_ratio(quiet))


def test_where_higher_is_better_a_fall_counts_as_worse() -> None:
    round_ = Round(0, baseline=(100.0, 100.0), candidate=(50.0, 50.0))
    assert log_ratio(round_, Direction.HIGHER) == pytest.approx(math.log(2.0))


@given(st.lists(st.floats(0.1, 10.0), min_size=1, max_size=12), st.lists(st.floats(0.1, 10.0), min_size=1, max_size=12))
@pytest.mark.parametrize("direction", list(Direction))
def test_swapping_the_sides_changes_only_the_sign(direction: Direction, a: list[float], b: list[float]) -> None:
    there = log_ratio(Round(0, tuple(a), tuple(b)), direction)
    back = log_ratio(Round(0, tuple(b), tuple(a)), direction)
    assert there == pytest.approx(-back, abs=1e-12)


@pytest.mark.parametrize(
    ("baseline", "candidate"), [((0.0,), (1.0,)), ((1.0,), (0.0,)), ((-1.0,), (1.0,)), ((math.inf,), (1.0,)), ((), ())]
)
def test_a_ratio_that_does_not_exist_is_nan_never_a_number(
    baseline: tuple[float, ...], candidate: tuple[float, ...]
) -> None:
    assert math.isnan(log_ratio(Round(0, baseline, candidate)))


def test_nothing_on_both_sides_is_no_change() -> None:
    assert log_ratio(Round(0, (0.0, 0.0), (0.0, 0.0))) == 0.0


def test_a_low_mean_of_one_sample_is_that_sample() -> None:
    assert low_mean([3.0]) == 3.0
    assert side_median([Round(0, (1.0,), (2.0,)), Round(1, (3.0,), (4.0,))], candidate=True) == 3.0


def test_a_quotient_that_no_float_holds_has_a_logarithm_all_the_same() -> None:
    far = Round(0, (1e-320,), (1e300,)), Round(0, (1e300,), (1e-320,))
    assert [log_ratio(one) for one in far] == pytest.approx([1427.6, -1427.6], abs=0.1)
    assert [ratio_of(log_ratio(one)) for one in far] == pytest.approx([4.6e299, 2.2e-300], rel=0.02)


@given(st.floats(-2000.0, 2000.0))
def test_a_bound_told_as_a_ratio_never_says_more_than_its_logarithm(log: float) -> None:
    lower, upper = lower_ratio(log), upper_ratio(log)
    assert lower is None or math.log(lower) <= log + 1e-12
    assert upper is None or math.log(upper) >= log - 1e-12
    assert (lower_ratio(-math.inf), upper_ratio(math.inf)) == (None, None)
