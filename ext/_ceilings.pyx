# cython: boundscheck=False, wraparound=False
"""Timed copies and reads without the interpreter lock; what to measure is decided in headgate.measure.ceilings."""

from libc.stdint cimport int64_t


cdef extern from "ceilings.h" nogil:
    int64_t hg_clock_ns()
    void hg_copy_ordinary(void *dst, const void *src, size_t n, size_t number)
    void hg_copy_streaming(void *dst, const void *src, size_t n, size_t number)
    void hg_read(const void *src, size_t n, size_t number)
    const char *hg_streaming_isa()
    const char *hg_read_isa()
    void hg_hypervisor_signature(char *out)


def copy(unsigned char[::1] dst, const unsigned char[::1] src, bint streaming, size_t number):
    """Copy src to dst ``number`` times; return the monotonic clock before and after, in nanoseconds."""
    cdef int64_t start, stop
    cdef size_t n = src.shape[0]
    if dst.shape[0] != src.shape[0] or n == 0:
        raise ValueError(f"two buffers of one length above 0, got {dst.shape[0]} and {n} bytes")
    with nogil:
        start = hg_clock_ns()
        if streaming:
            hg_copy_streaming(&dst[0], &src[0], n, number)
        else:
            hg_copy_ordinary(&dst[0], &src[0], n, number)
        stop = hg_clock_ns()
    return start, stop


def read(const unsigned char[::1] src, size_t number):
    """Read src ``number`` times; return the monotonic clock before and after, in nanoseconds."""
    cdef int64_t start, stop
    cdef size_t n = src.shape[0]
    if n == 0:
        raise ValueError("a buffer above 0 bytes")
    with nogil:
        start = hg_clock_ns()
        hg_read(&src[0], n, number)
        stop = hg_clock_ns()
    return start, stop


def streaming_isa():
    """Name the instructions of the streaming copy; ``"none"`` means there are none here and it is memcpy."""
    return hg_streaming_isa().decode("ascii")


def read_isa():
    """Name the instructions of the read."""
    return hg_read_isa().decode("ascii")


def hypervisor_signature():
    """Return the hypervisor's CPUID signature (``"KVMKVMKVM"``), or ``""``."""
    cdef char text[13]
    hg_hypervisor_signature(text)
    return text.decode("latin-1").rstrip("\0 ")
