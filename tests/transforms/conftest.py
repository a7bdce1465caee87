"""The oracle's answers, computed once for all variants, and what agreeing with them means."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from headgate.transforms.definition import error_bound, oracle


@functools.cache
def random_row(dtype: str, n: int) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng([n, *dtype.encode()])
    if np.dtype(dtype).kind == "f":
        row = (rng.standard_normal(n) * 10.0 ** rng.integers(-3, 4, n)).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        row = rng.integers(limits.min, limits.max, n, dtype=dtype, endpoint=True)
    row.setflags(write=False)
    return row


@functools.cache
def expected(
    dtype: str, n: int, window: int, coefficients: tuple[float, ...], anchor: str, positions: Any = None
) -> Any:
    """The oracle's answer for `random_row`, and the error allowed (None: none)."""
    row = random_row(dtype, n)
    bound = error_bound(row, window, coefficients, anchor, positions) if np.dtype(dtype).kind == "f" else None
    return oracle(row, window, coefficients, anchor, positions), bound


def assert_agrees(got: np.ndarray[Any, Any], want: np.ndarray[Any, Any], bound: np.ndarray[Any, Any] | None) -> None:
    assert got.dtype == want.dtype
    assert got.dtype.isnative
    assert got.shape == want.shape
    if bound is None:
        np.testing.assert_array_equal(got, want)
        return
    finite = np.isfinite(want)
    np.testing.assert_array_equal(got[~finite], want[~finite])
    error = np.abs(got[finite].astype(np.float64) - want[finite].astype(np.float64))
    assert (error <= bound[finite]).all(), f"error is {np.max(error / bound[finite]):.3g} times the bound"


class Agreement:
    row = staticmethod(random_row)
    expected = staticmethod(expected)
    check = staticmethod(assert_agrees)


@pytest.fixture(scope="session")
def agreement() -> type[Agreement]:
    return Agreement
