"""The native kernels: every instruction set, every boundary of vectors, groups and chunks, against the oracle."""

from __future__ import annotations

import os
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.transforms import _native, native
from headgate.transforms.definition import oracle, terms_magnitude

DTYPES = ("int32", "int64", "uint32", "uint64", "float32", "float64")
FLOATS = ("float32", "float64")
ISAS = tuple(_native.supported_isas())
NEVER, ALWAYS = 2**62, 0  # streaming thresholds
# The accuracy the native kernels promise, in eps * sum|terms|: twice as strict as the contract of all variants (8).
BOUND_EPS = {"float32": 8, "float64": 4}
# Windows below a vector, of a few vectors, and of whole and partial groups of vectors, for every vector length.
WINDOWS = (1, 2, 3, 5, 8, 10, 16, 17, 31, 33, 63, 65, 127, 130, 200, 513)
CASES = [((0, 1), "absolute"), ((1,), "absolute"), ((7, -3), "absolute"), ((2, 0, -1, 3), "absolute")]
CASES += [((1,), "lag"), ((5, -2), "lag"), ((0, 0, 1), "lag")]

every_isa = pytest.mark.parametrize("isa", ISAS)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


@contextmanager
def using(isa=ISAS[0], threshold=NEVER):
    """The kernels of `isa`, streaming from `threshold` bytes on; what was set before comes back."""
    before = _native.isa(), _native.streaming_threshold()
    _native.set_isa(isa)
    _native.set_streaming_threshold(threshold)
    try:
        yield
    finally:
        _native.set_isa(before[0])
        _native.set_streaming_threshold(before[1])


def polynomial_for(dtype, coefficients):
    """Negative coefficients are not for unsigned integers' oracle only: they wrap, so all dtypes take all of them."""
    return tuple(float(c) for c in coefficients) if np.dtype(dtype).kind == "f" else coefficients


def run(x, window, coefficients=(0, 1), anchor="absolute", threads=1, offset=3):
    """The kernel's answer, written `offset` elements into a larger buffer whose rest must stay as it was."""
    guard = 5
    buffer = np.full(x.size + offset + guard, 77, x.dtype)
    out = buffer[offset : offset + x.size]
    native.kernel(x[np.newaxis], out[np.newaxis], window, coefficients, anchor, threads)
    assert (buffer[:offset] == 77).all()
    assert (buffer[offset + x.size :] == 77).all()
    return out


def assert_within_bound(got, want, magnitude, dtype):
    finite = np.isfinite(want)
    np.testing.assert_array_equal(got[~finite], want[~finite])
    eps, smallest = np.finfo(dtype).eps, np.finfo(dtype).smallest_subnormal
    allowed = BOUND_EPS[dtype] * float(eps) * magnitude + 4 * float(smallest)
    error = np.abs(got.astype(np.float64) - want.astype(np.float64))
    assert (error[finite] <= allowed[finite]).all()


def assert_right(got, x, window, coefficients=(0, 1), anchor="absolute", positions=None):
    want = oracle(x, window, coefficients, anchor, positions)
    got = got if positions is None else got[positions]
    if x.dtype.kind == "f":
        magnitude = terms_magnitude(x, window, coefficients, anchor, positions)
        assert_within_bound(got, want, magnitude, x.dtype.name)
    else:
        np.testing.assert_array_equal(got, want)


# ---- every path against the oracle ----


@every_isa
@every_dtype
def test_every_size_around_vector_boundaries_is_right(isa, dtype, agreement):
    with using(isa):
        for n in range(71):
            for window in {1, 2, 7, n // 2 + 1, n + 1, n + 5}:
                want, _ = agreement.expected(dtype, n, min(window, max(n, 1)), (0, 1), "absolute")
                got = run(agreement.row(dtype, n), window)
                if np.dtype(dtype).kind == "f":
                    magnitude = terms_magnitude(agreement.row(dtype, n), window)
                    assert_within_bound(got, want, magnitude, dtype)
                else:
                    np.testing.assert_array_equal(got, want)


@pytest.mark.slow
@pytest.mark.parametrize("threshold", [NEVER, ALWAYS], ids=["ordinary", "streaming"])
@every_isa
@every_dtype
def test_every_window_polynomial_and_anchor_is_right(isa, dtype, threshold, agreement):
    n = 700
    x = agreement.row(dtype, n)
    with using(isa, threshold):
        for coefficients, anchor in CASES:
            p = polynomial_for(dtype, coefficients)
            for window in WINDOWS:
                want, bound = agreement.expected(dtype, n, window, p, anchor)
                got = run(x, window, p, anchor)
                if bound is None:
                    np.testing.assert_array_equal(got, want)
                else:  # the session's bound is 8 eps and the underflow's share
                    error = np.abs(got.astype(np.float64) - want.astype(np.float64))
                    assert (error <= bound * BOUND_EPS[dtype] / 8).all()


@every_isa
@every_dtype
def test_unaligned_starts_and_all_alignments_of_out_give_the_same_bits(isa, dtype, agreement):
    row = agreement.row(dtype, 1000)
    for threshold in (NEVER, ALWAYS):
        with using(isa, threshold):
            for window in (3, 40, 300):
                first = run(row[1:], window, offset=0).copy()
                for offset in range(1, 17):
                    np.testing.assert_array_equal(run(row[1:], window, offset=offset), first)


@every_dtype
def test_streaming_and_ordinary_stores_give_the_same_bits(dtype, agreement):
    x = agreement.row(dtype, 5000)
    for window in (2, 10, 100, 1000, 4999):
        with using(threshold=NEVER):
            ordinary = run(x, window)
        with using(threshold=ALWAYS):
            np.testing.assert_array_equal(run(x, window), ordinary)


@settings(max_examples=60)
@given(
    st.sampled_from(ISAS),
    st.sampled_from(DTYPES),
    st.integers(0, 400),
    st.integers(1, 450),
    st.sampled_from(CASES),
    st.booleans(),
)
def test_any_size_window_and_polynomial_is_right(isa, dtype, n, window, case, streaming):
    x = (np.random.default_rng([n, window]).standard_normal(n) * 1000).astype(dtype)
    coefficients, anchor = polynomial_for(dtype, case[0]), case[1]
    with using(isa, ALWAYS if streaming else NEVER):
        assert_right(run(x, window, coefficients, anchor), x, window, coefficients, anchor)


# ---- floats ----


@pytest.mark.slow
@every_isa
@pytest.mark.parametrize("dtype", FLOATS)
def test_the_error_does_not_grow_with_the_window_or_the_position(isa, dtype):
    n, rng = 20_000, np.random.default_rng(2)
    rows = {
        "of both signs": rng.standard_normal(n),
        "of one sign": rng.random(n),
        "all alike, rounding the same way": np.full(n, 1 / 3),
        "of all sizes": rng.standard_normal(n) * 10.0 ** rng.integers(-12, 12, n),
        "small after huge": np.where(np.arange(n) < n // 2, 1e20, 1.0),
    }
    positions = np.concatenate([rng.integers(0, n, 40), np.arange(n - 20, n)])
    with using(isa):
        for x in rows.values():
            for window in (60, 513, 4096):
                for coefficients, anchor in [((0, 1), "absolute"), ((1,), "absolute"), ((window + 1, -1), "lag")]:
                    row = x.astype(dtype)
                    assert_right(run(row, window, coefficients, anchor), row, window, coefficients, anchor, positions)


@every_isa
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("case", CASES)
def test_nan_and_infinities_reach_their_windows_and_no_others(isa, dtype, case):
    n, (coefficients, anchor) = 900, case
    x = np.random.default_rng(3).standard_normal(n).astype(dtype)
    x[[0, 5, 300, 301, 640]] = [np.inf, np.nan, np.inf, -np.inf, np.inf]
    with using(isa):
        for window in (1, 4, 9, 30, 70, 150):
            got, want = run(x, window, coefficients, anchor), oracle(x, window, coefficients, anchor)
            np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
            np.testing.assert_array_equal(got[np.isinf(want)], want[np.isinf(want)])
            assert np.isfinite(got[np.isfinite(want)]).all()


@every_isa
@pytest.mark.parametrize("dtype", FLOATS)
def test_denormal_numbers_keep_their_digits(isa, dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    x = (np.random.default_rng(4).integers(-(2**20), 2**20, 600)).astype(dtype) * tiny
    x[::7] *= np.finfo(dtype).dtype.type(2.0**20)  # some become normal: both kinds within one vector
    with using(isa):
        for window in (3, 20, 100):
            for coefficients, anchor in CASES:
                p = polynomial_for(dtype, coefficients)
                want = oracle(x, window, p, anchor)
                magnitude = terms_magnitude(x, window, p, anchor)
                allowed = BOUND_EPS[dtype] * float(np.finfo(dtype).eps) * magnitude + float(tiny) * (window + 4)
                error = np.abs(run(x, window, p, anchor).astype(np.float64) - want.astype(np.float64))
                assert (error <= allowed).all()


# ---- threads ----


@pytest.mark.slow
@every_dtype
def test_threads_give_the_bits_of_one_thread(dtype):
    n = 3 << 20  # several chunks: below 2^19 elements each, none are made
    x = (np.random.default_rng(5).standard_normal(n) * 1000).astype(dtype)
    for window, coefficients, anchor in [
        (10, (0, 1), "absolute"),
        (300, (0, 1), "absolute"),
        (5000, (0, 1), "absolute"),
    ]:
        one = run(x, window, coefficients, anchor)
        for threads in (2, 3, 5):
            np.testing.assert_array_equal(run(x, window, coefficients, anchor, threads), one)
    one = run(x, 100, (3, 2), "lag")
    np.testing.assert_array_equal(run(x, 100, (3, 2), "lag", 3), one)


def test_rows_are_shared_among_threads_and_each_starts_anew():
    x = np.arange(6 << 17, dtype=np.int64).reshape(3, -1)
    out = np.empty_like(x)
    native.kernel(x, out, 10, (0, 1), "absolute", 4)
    for row, result in zip(x, out, strict=True):
        np.testing.assert_array_equal(result, run(row, 10))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_can_use_threads_after_its_parent_did():
    x = np.arange(2 << 20, dtype=np.int32)
    want = run(x, 10, threads=2)
    child = os.fork()
    if child == 0:
        os._exit(0 if (run(x, 10, threads=2) == want).all() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_input_is_not_modified(agreement):
    x = agreement.row("float64", 1000).copy()
    kept = x.copy()
    for coefficients, anchor in CASES:
        run(x, 100, coefficients, anchor)
    np.testing.assert_array_equal(x, kept)
