"""Arguments: what is accepted, what is refused and how the message says so."""

from __future__ import annotations

import numpy as np
import pytest

from headgate.transforms import get, sliding_polynomial
from headgate.transforms.validate import check_threads

X = np.arange(6, dtype=np.int32)
RESULT = [0, 0, 1, 5, 13, 25]  # w = 2 over 0..5: i^2 + (i-1)^2
# The public entry and `cython` try the native short cut first, `numpy` always goes through the checks in Python.
EVERY_WAY_IN = pytest.mark.parametrize(
    "call", [sliding_polynomial, get("cython"), get("numpy")], ids=["public", "cython", "numpy"]
)


@pytest.mark.parametrize("window", [2, np.int64(2), np.uint8(2), np.array(2)])
@EVERY_WAY_IN
def test_any_whole_number_is_a_window(call, window):
    assert call(X, window).tolist() == RESULT


@pytest.mark.parametrize("window", [6, 7, 10**30])
@EVERY_WAY_IN
def test_a_window_may_exceed_the_array(call, window):
    assert call(X, window).tolist() == [0, 0, 1, 5, 14, 30]


@pytest.mark.parametrize(
    ("window", "error", "said"),
    [
        (0, ValueError, "window: must be at least 1; got 0"),
        (-3, ValueError, "window: must be at least 1; got -3"),
        (2.0, TypeError, r"window: .* whole number .* got 2.0 \(float\)"),
        ("2", TypeError, r"window: .* got '2' \(str\)"),
        (None, TypeError, "window: .* got None"),
        (True, TypeError, "window: .* boolean True"),
        (np.True_, TypeError, "window: .* boolean True"),
    ],
)
@EVERY_WAY_IN
def test_a_window_that_is_not_a_positive_whole_number_is_refused(call, window, error, said):
    with pytest.raises(error, match=said):
        call(X, window)


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "int16", "uint8", "float16", "complex128", "object", "longdouble", "U3", "M8[s]"]
)
@EVERY_WAY_IN
def test_other_dtypes_are_refused_by_name_with_the_supported_ones(call, dtype):
    x = np.zeros(3, dtype)
    with pytest.raises(TypeError, match=rf"x: dtype {x.dtype} is not supported.*int32.*float64".replace("[", r"\[")):
        call(x, 2)


@EVERY_WAY_IN
def test_a_single_number_is_refused(call):
    with pytest.raises(ValueError, match="x: must have at least one axis"):
        call(np.float64(3), 2)


@EVERY_WAY_IN
def test_a_masked_array_is_refused_rather_than_unmasked(call):
    with pytest.raises(TypeError, match="masked"):
        call(np.ma.masked_array([1, 2, 3], mask=[0, 1, 0]), 2)


@EVERY_WAY_IN
def test_lists_become_arrays(call):
    assert call([1, 2, 3], 2).dtype == np.asarray([1]).dtype
    assert call([1.0, 2.0, 3.0], 2).tolist() == [0.0, 0.0, 2.0]
    assert call([], 2).size == 0


@pytest.mark.parametrize(
    ("coefficients", "error", "said"),
    [
        ((), ValueError, "1 to 9 numbers; got 0"),
        ((1,) * 10, ValueError, "1 to 9 numbers; got 10"),
        ((1.0, 2), TypeError, r"integers for the dtype int32; got 1.0 \(float\)"),
        ((True,), TypeError, "boolean True"),
        (3, TypeError, "sequence of numbers; got 3"),
    ],
)
def test_coefficients_that_an_integer_array_cannot_have_are_refused(coefficients, error, said):
    with pytest.raises(error, match=f"coefficients: .*{said}"):
        sliding_polynomial(X, 2, coefficients=coefficients)


@pytest.mark.parametrize(
    ("coefficients", "error", "said"),
    [
        ((np.inf,), ValueError, "finite; got inf"),
        ((np.nan, 1), ValueError, "finite; got nan"),
        ((10**400,), ValueError, "finite"),
        ((1e300, 0, 1e307), ValueError, "weights overflow float64"),
        ((1j,), TypeError, "real numbers; got 1j"),
        (("1",), TypeError, "real numbers; got '1'"),
        ((False,), TypeError, "real numbers; got False"),
    ],
)
def test_coefficients_that_a_float_array_cannot_have_are_refused(coefficients, error, said):
    with pytest.raises(error, match=f"coefficients: .*{said}"):
        sliding_polynomial(X.astype(float), 2, coefficients=coefficients)


def test_coefficients_may_be_any_sequence_of_numbers():
    assert sliding_polynomial(X, 2, coefficients=np.array([0, 1])).tolist() == RESULT
    assert sliding_polynomial(X, 2, coefficients=[2**32, 1 - 2**40]).tolist() == RESULT  # modulo 2^32: (0, 1)
    assert sliding_polynomial(X.astype(float), 2, coefficients=[np.float32(0), 1]).tolist() == RESULT


@pytest.mark.parametrize("anchor", ["", "relative", None, 0])
@EVERY_WAY_IN
def test_an_unknown_anchor_is_refused_with_the_known_ones(call, anchor):
    with pytest.raises(ValueError, match=r"anchor: .* is not one of 'absolute', 'lag'"):
        call(X, 2, anchor=anchor)


@pytest.mark.parametrize(
    ("axis", "error"), [(1, np.exceptions.AxisError), (-2, ValueError), (0.0, TypeError), (True, TypeError)]
)
@EVERY_WAY_IN
def test_an_axis_that_is_not_there_is_refused(call, axis, error):
    with pytest.raises(error, match="axis"):
        call(X, 2, axis=axis)


@pytest.mark.parametrize(
    ("out", "error", "said"),
    [
        ([0] * 6, TypeError, "must be a NumPy array; got list"),
        (np.zeros(5, np.int32), ValueError, r"must have the shape of x, \(6,\); got \(5,\)"),
        (np.zeros((6, 1), np.int32), ValueError, "shape"),
        (np.zeros(6, np.int64), TypeError, "dtype, int32 .* got int64"),
        (np.zeros(6, np.dtype(np.int32).newbyteorder()), TypeError, "native byte order"),
        (np.broadcast_to(np.int32(0), 6), ValueError, "read-only"),
        (np.lib.stride_tricks.as_strided(np.zeros(1, np.int32), (6,), (0,)), ValueError, "same memory"),
    ],
)
@EVERY_WAY_IN
def test_an_out_that_cannot_hold_the_result_is_refused(call, out, error, said):
    with pytest.raises(error, match=f"out: .*{said}"):
        call(X, 2, out=out)


@EVERY_WAY_IN
def test_an_out_that_shares_memory_with_the_input_is_refused_and_the_input_kept(call):
    memory = np.arange(14, dtype=np.int32)
    for x, out in (
        (memory[:6], memory[:6]),
        (memory[:6], memory[5:11]),
        (memory[6:0:-1], memory[:6]),
        (memory[0:12:2], memory[2:14:2]),
    ):
        with pytest.raises(ValueError, match="out: shares memory with x"):
            call(x, 2, out=out)
    assert memory.tolist() == list(range(14))


@EVERY_WAY_IN
def test_an_out_that_interleaves_with_the_input_is_not_shared(call):
    memory = np.zeros(12, np.int32)
    memory[::2] = X
    assert call(memory[::2], 2, out=memory[1::2]).tolist() == RESULT
    assert memory[::2].tolist() == X.tolist()


@EVERY_WAY_IN
def test_out_is_filled_and_returned_in_any_memory_layout(call):
    for out in (np.empty(6, np.int32), np.empty(12, np.int32)[::2], np.empty(6, np.int32)[::-1]):
        assert call(X, 2, out=out) is out
        assert out.tolist() == RESULT


@pytest.mark.parametrize(
    ("threads", "error"), [(0, ValueError), (-1, ValueError), ("some", TypeError), (1.5, TypeError), (True, TypeError)]
)
@EVERY_WAY_IN
def test_threads_are_a_positive_number_or_all(call, threads, error):
    with pytest.raises(error, match=r"threads: .*all"):
        call(X, 2, threads=threads)


def test_all_threads_are_those_this_process_may_use():
    assert check_threads("all") >= 1
    assert check_threads(np.int32(3)) == 3
    assert sliding_polynomial(X, 2, threads="all").tolist() == RESULT


def test_an_unknown_variant_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="variant: 'fortran' is not one of recursion, scan, map, numpy, numba, cython"):
        sliding_polynomial(X, 2, variant="fortran")
    with pytest.raises(ValueError, match="variant: 3 is not one of"):
        get(3)


@EVERY_WAY_IN
def test_computing_with_nan_and_overflow_warns_of_nothing(call, recwarn):
    call(np.array([np.inf, -np.inf, np.nan, 1e308, 1e308, 1e308, 0.0]), 3)
    assert not recwarn.list
