# cython: boundscheck=False, wraparound=False
"""Timed copies and reads without the interpreter lock; what to measure is decided in headgate.measure.ceilings."""

from libc.stdint cimport int64_t, uint64_t


cdef extern from "ceilings.h" nogil:
    int64_t hg_clock_ns()
    void hg_copy_ordinary(void *dst, const void *src, size_t n, size_t number)
    void hg_copy_streaming(void *dst, const void *src, size_t n, size_t number)
    void hg_read(const void *src, size_t n, size_t number)
    const char *hg_streaming_isa()
    const char *hg_read_isa()
    int hg_rows()
    const char *hg_row_isa(int row)
    void hg_row_copy(int row, void *dst, const void *src, size_t n)
    uint64_t hg_row_read(int row, const void *src, size_t n)
    void hg_hypervisor_signature(char *out)


def copy(unsigned char[::1] dst, const unsigned char[::1] src, bint streaming, size_t number, int64_t not_before=0):
    """Copy src to dst ``number`` times; return the monotonic clock before and after, in nanoseconds.

    Spins until ``not_before`` on that clock, so that several threads start together.
    """
    cdef int64_t start, stop
    cdef size_t n = src.shape[0]
    if dst.shape[0] != src.shape[0] or n == 0:
        raise ValueError(f"two buffers of one length above 0, got {dst.shape[0]} and {n} bytes")
    with nogil:
        start = hg_clock_ns()
        while start < not_before:
            start = hg_clock_ns()
        if streaming:
            hg_copy_streaming(&dst[0], &src[0], n, number)
        else:
            hg_copy_ordinary(&dst[0], &src[0], n, number)
        stop = hg_clock_ns()
    return start, stop


def read(const unsigned char[::1] src, size_t number, int64_t not_before=0):
    """Read src ``number`` times; return the monotonic clock before and after, in nanoseconds; see `copy`."""
    cdef int64_t start, stop
    cdef size_t n = src.shape[0]
    if n == 0:
        raise ValueError("a buffer above 0 bytes")
    with nogil:
        start = hg_clock_ns()
        while start < not_before:
            start = hg_clock_ns()
        hg_read(&src[0], n, number)
        stop = hg_clock_ns()
    return start, stop


def clock_ns():
    """Return the monotonic clock that times copies and reads."""
    return hg_clock_ns()


def streaming_isa():
    """Name the instructions of the streaming copy; ``"none"`` means there are none here and it is memcpy."""
    return hg_streaming_isa().decode("ascii")


def read_isa():
    """Name the instructions of the read."""
    return hg_read_isa().decode("ascii")


def isas():
    """Name the streaming kernels this CPU can run, best first: the one `copy` uses is the first."""
    return [hg_row_isa(row).decode("ascii") for row in range(hg_rows())]


def copy_with(str isa, unsigned char[::1] dst, const unsigned char[::1] src):
    """Copy once with one kernel of `isas`: how the tests reach those that `copy` passes over."""
    if dst.shape[0] != src.shape[0] or src.shape[0] == 0:
        raise ValueError(f"two buffers of one length above 0, got {dst.shape[0]} and {src.shape[0]} bytes")
    hg_row_copy(isas().index(isa), &dst[0], &src[0], src.shape[0])


def read_with(str isa, const unsigned char[::1] src):
    """Read once with one kernel of `isas`; return the xor of the 8-byte words it read."""
    if src.shape[0] == 0:
        raise ValueError("a buffer above 0 bytes")
    return hg_row_read(isas().index(isa), &src[0], src.shape[0])


def hypervisor_signature():
    """Return the hypervisor's CPUID signature (``"KVMKVMKVM"``), or ``""``."""
    cdef char text[13]
    hg_hypervisor_signature(text)
    return text.decode("latin-1").rstrip("\0 ")
