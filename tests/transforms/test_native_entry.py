"""The native module's entry points: the fast path, its references, arguments and settings."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from headgate.transforms import _native

DTYPES = ("int32", "int64", "uint32", "uint64", "float32", "float64")
ISAS = tuple(_native.supported_isas())


@pytest.mark.parametrize("dtype", DTYPES)
def test_fast_is_the_default_transform(dtype, agreement):
    x = agreement.row(dtype, 50)
    for window in (1, 10, 60, 2**70):
        agreement.check(_native.fast(x, window), *agreement.expected(dtype, 50, min(window, 50), (0, 1), "absolute"))
        out = np.empty_like(x)
        assert _native.fast(x, window, out) is out
        np.testing.assert_array_equal(out, _native.fast(x, window, None))


def not_simple():
    x = np.arange(10)
    read_only = np.empty(10, x.dtype)
    read_only.setflags(write=False)

    class Sub(np.ndarray):
        pass

    return {
        "a list": ([1, 2, 3], 3),
        "two dimensions": (x.reshape(2, 5), 3),
        "no dimension": (np.array(3), 3),
        "not contiguous": (x[::2], 3),
        "swapped bytes": (x.astype(x.dtype.newbyteorder()), 3),
        "not aligned": (np.zeros(81, np.uint8)[1:].view(np.int64), 3),
        "a subclass": (x.view(Sub), 3),
        "int16": (x.astype(np.int16), 3),
        "float16": (x.astype(np.float16), 3),
        "longdouble": (x.astype(np.longdouble), 3),
        "complex": (x.astype(complex), 3),
        "bool": (x.astype(bool), 3),
        "timedelta": (x.astype("m8[s]"), 3),
        "object": (x.astype(object), 3),
        "window 0": (x, 0),
        "window -1": (x, -1),
        "window -2**70": (x, -(2**70)),
        "window 3.0": (x, 3.0),
        "window True": (x, True),
        "window np.int64": (x, np.int64(3)),
        "out of another dtype": (x, 3, np.empty(10, np.int32)),
        "out of another kind": (x, 3, np.empty(10, np.uint64)),
        "out of another size": (x, 3, np.empty(11, x.dtype)),
        "out is x": (x, 3, x),
        "out overlaps": (x[:8], 3, x[2:]),
        "out read-only": (x, 3, read_only),
        "out a list": (x, 3, [0] * 10),
    }


@pytest.mark.parametrize("what", not_simple())
def test_fast_declines_whatever_is_not_simple(what):
    assert _native.fast(*not_simple()[what]) is None


def test_fast_and_transform_keep_no_references():
    x, out = np.arange(100), np.empty(100, int)
    window = 12_345
    watched = (x, out, x.dtype, None)
    counts = [sys.getrefcount(item) for item in watched]
    for _ in range(1000):
        _native.fast(x, window)
        _native.fast(x, window, out)
        _native.fast(x, 0)
        _native.fast(x, window, x)
        _native.transform(x[None], out[None], window, (0, 1), False, 1)
    for item, count in zip(watched, counts, strict=True):
        assert abs(sys.getrefcount(item) - count) < 100


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1]], None, 1, (1,), False, 1), TypeError, "NumPy arrays"),
        ((np.ones(3), np.ones(3), 1, (1,), False, 1), ValueError, "2-D"),
        ((np.ones((1, 3)), np.ones((1, 4)), 1, (1,), False, 1), ValueError, "one shape"),
        ((np.ones((1, 3)), np.ones((1, 3)), 0, (1,), False, 1), ValueError, "window must be an int"),
        ((np.ones((1, 3)), np.ones((1, 3)), 1, (), False, 1), ValueError, "1 to 9"),
        ((np.ones((1, 3)), np.ones((1, 3)), 1, (1,) * 10, False, 1), ValueError, "1 to 9"),
        ((np.ones((1, 3)), np.ones((1, 3)), 1, ("a",), False, 1), TypeError, "real number"),
        ((np.ones((1, 3), int), np.ones((1, 3), int), 1, (1.0,), False, 1), TypeError, "int"),
        ((np.ones((1, 3)), np.ones((1, 3)), 1, (1,), False, 0), ValueError, "threads"),
        ((np.ones((1, 3)),), TypeError, "6 positional"),
    ],
)
def test_transform_refuses_what_it_cannot_take(arguments, error, message):
    with pytest.raises(error, match=message):
        _native.transform(*arguments)


def test_copy_copies_every_byte_either_way():
    for size in (0, 1, 63, 64, 65, 1000):
        x, out = np.arange(size, dtype=np.uint8), np.zeros(size + 3, np.uint8)
        for streaming in (False, True):
            out[:] = 0
            _native.copy(x, out[3:], streaming)
            np.testing.assert_array_equal(out[3:], x)


def test_set_isa_refuses_an_unknown_name_and_says_which_exist():
    with pytest.raises(ValueError, match=r"no kernels named 'sse9'.*baseline"):
        _native.set_isa("sse9")


def in_a_fresh_process(isa, code="from headgate.transforms import native; print(native.isa())"):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HEADGATE_ISA": isa},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("isa", [ISAS[-1], ISAS[0]])
def test_the_environment_variable_forces_an_instruction_set(isa):
    assert in_a_fresh_process(isa).stdout.strip() == isa


def test_an_unknown_instruction_set_is_a_clear_error_not_a_silent_fallback():
    for code in ("import headgate.transforms", "from headgate.transforms import native"):
        done = in_a_fresh_process("neon9", code)
        assert done.returncode != 0
        assert "HEADGATE_ISA: no kernels named 'neon9'" in done.stderr
        assert "UsageError" in done.stderr
