"""Every variant of the table that runs in this process against the oracle: no dtype or layout is left out."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.transforms import get, sliding_polynomial
from headgate.transforms.definition import error_bound, oracle
from headgate.transforms.numba_ import BLOCKS_ADDITIONS
from headgate.transforms.numpy_pieces import RUNNING_SUM_ADDITIONS, doubling_additions
from headgate.transforms.registry import VARIANTS
from headgate.transforms.validate import DTYPES

WINDOWS = (1, 2, 3, 8, 10, 77, 600)
POLYNOMIALS = {
    "i": [(1,), (3, -2, 1), (0, 0, 0, 5)],
    "u": [(1,), (3, 2, 1)],
    "f": [(2.5,), (3.0, -2.5, 0.25), (0.0, 0.1)],
}
LONG = 200_000
LOCAL = [name for name, variant in VARIANTS.items() if variant.engine != "spark"]  # that one has test_spark.py
VECTOR = [name for name in LOCAL if VARIANTS[name].form == "vector"]

every_variant = pytest.mark.parametrize("name", LOCAL)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


@every_dtype
@every_variant
def test_agrees_with_the_oracle_at_every_size_around_the_window(name, dtype, agreement):
    for window in WINDOWS:
        for n in sorted({0, 1, window - 1, window, window + 1, 1000}):
            got = get(name)(agreement.row(dtype, n), window)
            agreement.check(got, *agreement.expected(dtype, n, window, (0, 1), "absolute"))


@pytest.mark.slow
@every_dtype
@every_variant
def test_agrees_with_the_oracle_for_every_polynomial_and_anchor(name, dtype, agreement):
    for coefficients in POLYNOMIALS[np.dtype(dtype).kind]:
        for anchor in ("absolute", "lag"):
            for window in (1, 7, 70, 130):
                got = get(name)(agreement.row(dtype, 300), window, coefficients=coefficients, anchor=anchor)
                agreement.check(got, *agreement.expected(dtype, 300, window, coefficients, anchor))


def layouts(row):
    """The same numbers, held in memory in other ways."""
    spread = np.zeros(3 * row.size, row.dtype)
    spread[::3] = row
    unaligned = np.zeros(row.nbytes + 1, np.uint8)[1:].view(row.dtype)
    unaligned[:] = row
    writable = row.copy()
    return {
        "contiguous": writable,
        "read-only": row,
        "strided": spread[::3],
        "reversed": row[::-1].copy()[::-1],
        "byte-swapped": row.astype(row.dtype.newbyteorder()),
        "unaligned": unaligned,
        "list": row.tolist() if row.dtype in (np.int64, np.float64) else writable,
    }


@every_dtype
@every_variant
def test_agrees_with_the_oracle_in_every_memory_layout(name, dtype, agreement):
    want, bound = agreement.expected(dtype, 40, 5, (0, 1), "absolute")
    for layout, x in layouts(agreement.row(dtype, 40)).items():
        before = np.array(x)
        agreement.check(get(name)(x, 5), want, bound)
        np.testing.assert_array_equal(x, before, err_msg=f"the {layout} input was modified")


@every_dtype
@every_variant
def test_goes_along_any_axis_of_any_memory_order(name, dtype):
    x = np.arange(2 * 3 * 4).reshape(2, 3, 4).astype(dtype)
    for array in (x, np.asfortranarray(x), x.transpose(2, 0, 1)):
        for axis in range(-3, 3):
            want = np.apply_along_axis(oracle, axis, array, 2)
            np.testing.assert_array_equal(get(name)(array, 2, axis=axis), want)  # small whole numbers: exact in floats
            out = np.empty(array.shape, dtype, order="F")
            assert get(name)(array, 2, axis=axis, out=out) is out
            np.testing.assert_array_equal(out, want)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (2, 0, 3)])
@every_variant
def test_empty_arrays_give_empty_arrays_of_their_shape(name, shape):
    for axis in range(len(shape)):
        assert get(name)(np.zeros(shape, np.int32), 3, axis=axis).shape == shape


@pytest.mark.parametrize("rows", [3, 4000])
@every_variant
def test_many_rows_are_as_many_single_ones(name, rows):
    x = np.random.default_rng(3).integers(-99, 99, (rows, 7)).astype(np.int32)
    got = get(name)(x, 3)
    np.testing.assert_array_equal(got[[0, -1]], [oracle(x[0], 3), oracle(x[-1], 3)])
    values = x.astype(np.int64)
    weighted = np.pad(values * np.arange(7), ((0, 0), (3, 0)))
    np.testing.assert_array_equal(got, sum(weighted[:, shift : shift + 7] for shift in range(3)))


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64"])
@every_variant
def test_sums_that_overflow_wrap(name, dtype):
    x = np.full(500, np.iinfo(dtype).max, dtype)
    np.testing.assert_array_equal(get(name)(x, 100), oracle(x, 100))


@functools.cache
def around_nonfinite(dtype, window, coefficients, anchor):
    x = np.linspace(-3, 4, 700).astype(dtype)
    x[[0, 180, 350, 352, 530]] = np.inf, -np.inf, np.inf, -np.inf, np.nan
    return x, oracle(x, window, coefficients, anchor), error_bound(x, window, coefficients, anchor)


@pytest.mark.slow
@pytest.mark.parametrize("window", [3, 40, 150])
@pytest.mark.parametrize("anchor", ["absolute", "lag"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_variant
def test_nan_and_infinities_reach_the_windows_that_hold_them_and_no_others(name, dtype, anchor, window, agreement):
    for coefficients in ((0.0, 1.0), (-2.0, 1.0), (1.0,), (6.0, -5.0, 1.0)):
        x, want, bound = around_nonfinite(dtype, window, coefficients, anchor)
        agreement.check(get(name)(x, window, coefficients=coefficients, anchor=anchor), want, bound)


@every_variant
def test_float32_sums_overflow_to_infinity_only_where_the_result_does(name):
    x = np.full(6, 3e38, np.float32)
    np.testing.assert_array_equal(get(name)(x, 2), oracle(x, 2))
    x[3] = -3e38
    np.testing.assert_array_equal(get(name)(x, 2, coefficients=(1,))[4:5], [0.0])


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_variant
def test_floats_do_not_drift_in_long_arrays(name, dtype, agreement):
    positions = (*range(0, LONG, 997), *range(LONG - 50, LONG))
    got = get(name)(agreement.row(dtype, LONG), 10)[list(positions)]
    agreement.check(got, *agreement.expected(dtype, LONG, 10, (0, 1), "absolute", positions))


@pytest.mark.slow
@pytest.mark.parametrize("anchor", ["absolute", "lag"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", VECTOR)
def test_long_windows_keep_the_error_bound(name, dtype, anchor):
    n = 60_000
    x = np.full(n, 0.1, dtype)  # roundings of equal terms have equal signs: the worst case of a running sum
    x[:5] *= np.array(1e30).astype(dtype)  # what a drifting sum would never forget
    positions = [*range(0, n, 1499), *range(n - 20, n)]
    for window in (600, 4096, 9999):
        got = get(name)(x, window, anchor=anchor)[positions].astype(np.float64)
        error = np.abs(got - oracle(x, window, (0, 1), anchor, positions).astype(np.float64))
        assert (error <= error_bound(x, window, (0, 1), anchor, positions)).all()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["int32", "float64"])
@pytest.mark.parametrize("name", [name for name, variant in VARIANTS.items() if variant.threads])
def test_threads_do_not_change_the_answer(name, dtype, agreement):
    n, window = 800_000, 150
    positions = (*range(0, n, 7993), *range(n // 2 - 5, n // 2 + 5), *range(n // 3 - 5, n // 3 + 5))
    want = agreement.expected(dtype, n, window, (1, 1), "lag", positions)
    for threads in (1, 2, 3, "all"):
        got = get(name)(agreement.row(dtype, n), window, coefficients=(1, 1), anchor="lag", threads=threads)
        agreement.check(got[list(positions)], *want)


quarters = st.integers(-40, 40).map(lambda quarter: quarter / 4)  # p(i) is exact, hence its sign where it meets inf
numbers = {
    "i": st.integers(-(2**31), 2**31 - 1),
    "u": st.integers(0, 2**32 - 1),
    "f": st.one_of(st.floats(-(2.0**90), 2.0**90, width=32), st.sampled_from([np.inf, -np.inf, np.nan, -0.0])),
}


@every_variant
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_agrees_with_the_oracle_whatever_the_arguments(name, data, agreement):
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    values = data.draw(st.lists(numbers[dtype.kind], max_size=40))
    window = data.draw(st.integers(1, 50))
    weights = st.integers(-(10**12), 10**12) if dtype.kind != "f" else quarters
    coefficients = tuple(data.draw(st.lists(weights, min_size=1, max_size=9 if dtype.kind != "f" else 4)))
    anchor = data.draw(st.sampled_from(["absolute", "lag"]))
    x = np.array(values, dtype=dtype)
    bound = error_bound(x, window, coefficients, anchor) if dtype.kind == "f" else None
    got = get(name)(x, window, coefficients=coefficients, anchor=anchor)
    agreement.check(got, oracle(x, window, coefficients, anchor), bound)
    if name == "cython":
        public = sliding_polynomial(x, window, coefficients=coefficients, anchor=anchor)
        np.testing.assert_array_equal(public, got)


@pytest.mark.parametrize("dtype", ["int32", "uint64"])
def test_integers_in_numpy_agree_whichever_way_their_windows_are_summed(dtype, agreement):
    limit = RUNNING_SUM_ADDITIONS[np.dtype(dtype).itemsize]
    doubled, running = 1 << (limit - 1), (1 << 10) - 1
    assert doubling_additions(doubled) < limit <= doubling_additions(running)
    n = 40_000  # several pieces
    positions = [0, 1, running, running + 1, 16_384, 32_767, 32_768, n - 1]
    for window in (doubled, running):
        got = get("numpy")(agreement.row(dtype, n), window)[positions]
        agreement.check(got, *agreement.expected(dtype, n, window, (0, 1), "absolute", tuple(positions)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_in_numba_agree_whichever_way_their_windows_are_summed(dtype, agreement):
    limit = BLOCKS_ADDITIONS[np.dtype(dtype).itemsize]
    assert doubling_additions(128) < limit <= doubling_additions(255)
    positions = (0, 1, 127, 128, 255, 256, 510, 511, 4095, 4096, 5999)
    for window in (128, 255):
        got = get("numba")(agreement.row(dtype, 6000), window)[list(positions)]
        agreement.check(got, *agreement.expected(dtype, 6000, window, (0, 1), "absolute", positions))
