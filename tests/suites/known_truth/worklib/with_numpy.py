"""NumPy work: UNITS (or MANY) small operations, or UNITS chunks of an array that no cache holds."""

import numpy as np

from .units import MANY, UNITS

SMALL = np.arange(32.0)
CHUNK = 1 << 10  # float64: 8 KiB
ARRAY = np.ones(8192 * CHUNK)  # 64 MiB
TARGET = np.zeros(CHUNK)
STARTS = [int(k) * CHUNK for k in np.random.default_rng(1).permutation(8192)]


def small_add():
    a = SMALL
    for _ in range(UNITS):
        b = a + a
    return b


def small_sum():
    a = SMALL
    for _ in range(UNITS):
        b = a.sum()
    return b


def small_index():
    a = SMALL
    for _ in range(MANY):
        b = a[3:20:2]
        b = a[5]
    return b


def memory_copy():
    for k in range(UNITS):
        start = STARTS[k]
        TARGET[:] = ARRAY[start : start + CHUNK]


def memory_scale():
    for k in range(UNITS):
        start = STARTS[k]
        np.multiply(ARRAY[start : start + CHUNK], 1.5, out=TARGET)
