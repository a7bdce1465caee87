"""The suite's small arrays under pytest-benchmark: `make bench-pytest` measures, the test run only calls each once."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from headgate.errors import VariantUnavailableError
from headgate.transforms import get, sliding_polynomial
from headgate.transforms.definition import oracle
from headgate.transforms.registry import VARIANTS, load

SIZES = (10, 50, 90)
WINDOWS = (10, 100)
LOCAL = [name for name, variant in VARIANTS.items() if variant.engine != "spark"]
VECTORS = [name for name in LOCAL if VARIANTS[name].form == "vector"]
ROOT = Path(__file__).resolve().parents[2]


def array(n):
    return np.random.default_rng(20120917).integers(-1000, 1000, n, dtype=np.int32)


@pytest.fixture(scope="module")
def suite():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        yield importlib.import_module("benchmarks.transforms_small")


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("variant", LOCAL)
def test_a_small_array_in_each_form_itself(benchmark, variant, window, n):
    benchmark.group = f"{n} elements, window {window}, no argument checks"
    try:
        kernel = load(variant)
    except VariantUnavailableError as error:
        pytest.skip(str(error))
    x = array(n)
    rows, out = x.reshape(1, n), np.full((1, n), -1, np.int32)
    arguments = (rows, out, min(window, n), (0, 1), "absolute", 1)
    kernel(*arguments)  # compiles, where something is compiled
    out.fill(-1)
    benchmark(kernel, *arguments)
    np.testing.assert_array_equal(out[0], oracle(x, window))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("variant", VECTORS)
def test_a_small_array_through_a_variants_own_call(benchmark, variant, n):
    benchmark.group = f"{n} elements, window 10, whole call"
    try:
        transform = get(variant)
    except VariantUnavailableError as error:
        pytest.skip(str(error))
    x = array(n)
    transform(x, 10)
    np.testing.assert_array_equal(benchmark(transform, x, 10), oracle(x, 10))


@pytest.mark.parametrize("variant", LOCAL)
def test_the_asv_benchmark_of_a_form_computes_the_transform_and_counts_its_calls(suite, variant):
    small = suite.Small()
    try:
        small.setup(variant, 100, 20)
    except NotImplementedError as error:
        pytest.skip(str(error))
    small.out.fill(-1)
    small.time_transform(variant, 100, 20)
    np.testing.assert_array_equal(small.out[0], oracle(small.arguments[0][0], 100))
    assert small.calls == small.timer.calls >= 1


@pytest.mark.parametrize("function", ["np.empty", "sliding_polynomial", "get(numpy)", "get(cython)"])
def test_the_asv_benchmark_of_a_whole_call_calls_what_its_parameter_names(suite, function):
    assert function in suite.Entry.params[0]
    entry = suite.Entry()
    entry.setup(function, 30)
    entry.time_call(function, 30)
    result = entry.call(*entry.arguments)
    assert (result.shape, result.dtype) == ((30,), np.int32)
    if function != "np.empty":
        np.testing.assert_array_equal(result, oracle(entry.arguments[0], 10))


@pytest.mark.parametrize("n", SIZES)
def test_a_small_array_through_the_public_entry(benchmark, n):
    benchmark.group = f"{n} elements, window 10, whole call"
    x = array(n)
    np.testing.assert_array_equal(benchmark(sliding_polynomial, x, 10), oracle(x, 10))
