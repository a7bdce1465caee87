from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from headgate.transforms.definition import error_bound, oracle, terms_magnitude
from headgate.transforms.polynomial import evaluate, lag_parts, shifted, wrap


def test_the_article_s_formula_by_hand():
    # w = 2: f_0 = 0; f_1 = 0*5; f_2 = 1*6 + 0*5; f_3 = 2*7 + 1*6; f_4 = 3*8 + 2*7
    assert oracle(np.array([5, 6, 7, 8, 9]), 2).tolist() == [0, 0, 6, 20, 38]


def test_the_lag_anchor_by_hand():
    # w = 2, p(k) = 10 + k: f_1 = 11*5; f_2 = 11*6 + 12*5; f_3 = 11*7 + 12*6
    assert oracle(np.array([5, 6, 7, 8]), 2, (10, 1), "lag").tolist() == [0, 55, 126, 149]


def test_integers_wrap_as_machine_arithmetic_does():
    x = np.array([0, 2**31 - 1, 2**31 - 1, 7], dtype=np.int32)
    assert oracle(x, 3).tolist() == [0, 0, 2**31 - 1, wrap(3 * (2**31 - 1), np.dtype(np.int32))]
    assert oracle(np.array([1, 1], dtype=np.uint64), 1, (-1,)).tolist() == [0, 2**64 - 1]


def test_float_sums_are_rounded_once():
    x = np.array([1.0, 2.0**-53, 2.0**-53, 0.0])
    assert oracle(x, 3, (1,)).tolist() == [0.0, 1.0, 1.0, 1.0 + 2.0**-52]


@pytest.mark.parametrize("anchor", ["absolute", "lag"])
def test_floats_equal_the_sum_in_rational_arithmetic(anchor):
    x = np.random.default_rng(5).standard_normal(30)
    coefficients = (0.1, -2.5, 1e-3)
    exact = []
    for n in range(30):
        window = range(max(0, n - 4), n)
        weight = [
            sum(Fraction(c) * (i if anchor == "absolute" else n - i) ** j for j, c in enumerate(coefficients))
            for i in window
        ]
        exact.append(float(sum(w * Fraction(x[i]) for w, i in zip(weight, window, strict=True))))
    assert oracle(x, 4, coefficients, anchor).tolist() == exact


def test_windows_that_hold_nan_or_infinities_follow_ieee():
    x = np.array([1.0, math.inf, -math.inf, math.nan, 1.0, 1.0, 1.0])
    got = oracle(x, 2)
    np.testing.assert_array_equal(got, [0, 0, math.inf, math.nan, math.nan, math.nan, 9])
    assert math.isnan(oracle(np.array([math.inf, 0.0]), 1)[1])  # 0 * inf


def test_chosen_positions_are_those_of_the_whole():
    x = np.random.default_rng(1).standard_normal(50)
    assert oracle(x, 7, positions=[3, 49]).tolist() == oracle(x, 7)[[3, 49]].tolist()


def test_the_error_bound_is_eight_eps_of_the_terms():
    x = np.array([-1.0, 2.0, -3.0, 0.0])
    assert terms_magnitude(x, 3, (-1, 1)).tolist() == [0, 1, 1 + 4, 1 + 4 + 9]
    np.testing.assert_allclose(error_bound(x, 3, (-1, 1)), 8 * 2.0**-52 * terms_magnitude(x, 3, (-1, 1)), atol=1e-300)


@pytest.mark.parametrize("window", [1, 2, 13, 64, 100])
def test_the_parts_of_a_window_hold_each_lag_once_with_its_weight(window):
    weight = {}
    for offset, length, q in lag_parts((3, -2, 1), window):
        for k in range(1, length + 1):
            weight[k + window - offset - length] = evaluate(q, k)
    assert weight == {k: 3 - 2 * k + k * k for k in range(1, window + 1)}


def test_a_shifted_polynomial_is_the_polynomial_elsewhere():
    assert [evaluate(shifted([1, -4, 0, 2], 9), k) for k in range(5)] == [
        evaluate([1, -4, 0, 2], k + 9) for k in range(5)
    ]
