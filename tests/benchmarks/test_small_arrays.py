"""The suite's small arrays under pytest-benchmark: `make bench-pytest` measures, the test run only calls each once."""

from __future__ import annotations

import numpy as np
import pytest

from headgate.errors import VariantUnavailableError
from headgate.transforms import get, sliding_polynomial
from headgate.transforms.definition import oracle
from headgate.transforms.registry import VARIANTS

SIZES = (10, 50, 90)
WINDOWS = (10, 100)
LOCAL = [name for name, variant in VARIANTS.items() if variant.engine != "spark"]


def array(n):
    return np.random.default_rng(20120917).integers(-1000, 1000, n, dtype=np.int32)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("variant", LOCAL)
def test_a_small_array_in_each_variant(benchmark, variant, window, n):
    benchmark.group = f"{n} elements, window {window}"
    try:
        transform = get(variant)
    except VariantUnavailableError as error:
        pytest.skip(str(error))
    x = array(n)
    transform(x, window)  # compiles, where something is compiled
    result = benchmark(transform, x, window)
    np.testing.assert_array_equal(result, oracle(x, window))


@pytest.mark.parametrize("n", SIZES)
def test_a_small_array_through_the_public_entry(benchmark, n):
    benchmark.group = f"{n} elements, window 10"
    x = array(n)
    np.testing.assert_array_equal(benchmark(sliding_polynomial, x, 10), oracle(x, 10))
