"""The recursion lives within the caller's recursion limit, wherever it is called from."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from headgate.transforms import get
from headgate.transforms.recursion import HEADROOM


def called_from_depth(depth, function):
    return function() if depth == 0 else called_from_depth(depth - 1, function)


def depth_of_stack():
    depth, frame = 0, sys._getframe()
    while frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    return depth


def test_arrays_longer_than_the_limit_are_computed_and_the_limit_is_kept():
    limit = sys.getrecursionlimit()
    n = 7 * limit + 3
    x = np.arange(n)
    np.testing.assert_array_equal(get("recursion")(x, 3), get("numpy")(x, 3))
    assert sys.getrecursionlimit() == limit


@pytest.mark.parametrize("left", [HEADROOM - 15, HEADROOM, HEADROOM + 1, HEADROOM + 10, 200])
def test_a_caller_deep_in_its_own_recursion_gets_its_answer(left):
    x = np.arange(500, dtype=np.int32)
    want = get("numpy")(x, 10)
    recursion = get("recursion")
    depth = sys.getrecursionlimit() - depth_of_stack() - left
    np.testing.assert_array_equal(called_from_depth(depth, lambda: recursion(x, 10)), want)


def test_a_low_limit_makes_short_segments_not_an_error():
    limit = sys.getrecursionlimit()
    x = np.arange(300)
    want = get("numpy")(x, 4)
    sys.setrecursionlimit(depth_of_stack() + 60)
    try:
        got = get("recursion")(x, 4)
    finally:
        sys.setrecursionlimit(limit)
    np.testing.assert_array_equal(got, want)


def test_it_is_a_recursion(monkeypatch):
    deepest = 0

    def counting(row, *_):
        def f(cursor):
            nonlocal deepest
            deepest = max(deepest, depth_of_stack())
            return 0

        return row.tolist(), f

    monkeypatch.setattr("headgate.transforms.recursion.slice_function", counting)
    get("recursion")(np.zeros(100, np.int32), 3)
    assert deepest - depth_of_stack() >= 100


@pytest.mark.slow
def test_a_million_elements_are_computed_in_segments():
    x = np.arange(1_000_000, dtype=np.int32)
    np.testing.assert_array_equal(get("recursion")(x, 10), get("numpy")(x, 10))
