"""One benchmark for each kind of work."""

from worklib import with_numpy


def time_small_add():
    with_numpy.small_add()


def time_small_sum():
    with_numpy.small_sum()


def time_small_index():
    with_numpy.small_index()


def time_memory_copy():
    with_numpy.memory_copy()


def time_memory_scale():
    with_numpy.memory_scale()
