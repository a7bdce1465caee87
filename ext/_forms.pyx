# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The article's three forms, compiled: recursion, scan and map, each O(N·w) with a slice per element.

The function applied to each slice is the same (`_slice_sum`); only the way from element to element differs, so that the
difference between their timings is the cost of the form.
"""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

ctypedef fused element:
    uint32_t
    uint64_t
    float
    double

DEF MAX_TERMS = 9
# How deep the C recursion goes before a new segment starts: 4,096 frames of some 150 bytes stay far below any stack.
cdef int64_t SEGMENT = 4096


cdef struct Polynomial:
    int terms
    bint lag
    uint64_t whole[MAX_TERMS]
    double real[MAX_TERMS]


cdef inline element _weight(const Polynomial *p, int64_t at, element like) noexcept nogil:
    """p(at): Horner's rule, wrapping for integers; in double for floats."""
    cdef int j
    cdef uint64_t whole = 0
    cdef double real = 0.0
    if element is float or element is double:
        for j in range(p.terms - 1, -1, -1):
            real = real * at + p.real[j]
        return <element>real
    else:
        for j in range(p.terms - 1, -1, -1):
            whole = whole * <uint64_t>at + p.whole[j]
        return <element>whole


cdef inline element _slice_sum(const element *x, int64_t n, int64_t window, const Polynomial *p) noexcept nogil:
    """f of the slice of the last `window` elements before n.

    Floats are summed with Neumaier's correction (ZAMM 54, 1974), so that windows of thousands keep the error bound.
    """
    cdef int64_t i, start = n - window if n > window else 0
    cdef element total = 0, term, moved, lost = 0
    for i in range(start, n):
        term = _weight(p, n - i if p.lag else i, x[i]) * x[i]
        if element is float or element is double:
            moved = total + term
            if (total if total >= 0 else -total) >= (term if term >= 0 else -term):
                lost += (total - moved) + term
            else:
                lost += (term - moved) + total
            total = moved
        else:
            total += term
    if element is float or element is double:
        # An infinity makes the correction NaN; the plain sum is then already right.
        return total + lost if total - total == 0 else total
    else:
        return total


cdef void _recurse(const element *x, element *out, int64_t cursor, int64_t stop, int64_t window,
                   const Polynomial *p) noexcept nogil:
    """The article's tail recursion: apply f, write, call with cursor + 1 (the C compiler may turn it into a loop)."""
    if cursor >= stop:
        return
    out[cursor] = _slice_sum(x, cursor, window, p)
    _recurse(x, out, cursor + 1, stop, window, p)


cdef void _recursion_row(const element *x, element *out, int64_t n, int64_t window, const Polynomial *p) noexcept nogil:
    cdef int64_t start = 0
    while start < n:
        _recurse(x, out, start, min(start + SEGMENT, n), window, p)
        start += SEGMENT


cdef struct ScanState:
    int64_t cursor
    int64_t window


cdef inline ScanState _scan_step(ScanState state, const element *x, element *out, const Polynomial *p) noexcept nogil:
    """One step of the fold: the state in, a result emitted, the next state out."""
    out[state.cursor] = _slice_sum(x, state.cursor, state.window, p)
    state.cursor += 1
    return state


cdef void _scan_row(const element *x, element *out, int64_t n, int64_t window, const Polynomial *p) noexcept nogil:
    cdef ScanState state = ScanState(0, window)
    while state.cursor < n:
        state = _scan_step(state, x, out, p)


cdef void _map_row(const element *x, element *out, int64_t n, int64_t window, const Polynomial *p) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        out[i] = _slice_sum(x, i, window, p)


cdef Polynomial _polynomial(tuple coefficients, bint lag, bint real):
    cdef Polynomial p
    cdef int j
    p.terms = len(coefficients)
    p.lag = lag
    for j in range(p.terms):
        if real:
            p.real[j] = coefficients[j]
        else:
            p.whole[j] = coefficients[j] & 0xFFFFFFFFFFFFFFFF
    return p


def apply(int form, const element[:, ::1] x, element[:, ::1] out, window, tuple coefficients, bint lag):
    """Run form 0 (recursion), 1 (scan) or 2 (map) on every row of x into out."""
    cdef Polynomial p = _polynomial(coefficients, lag, element is float or element is double)
    cdef int64_t n = x.shape[1], w = min(window, max(n, 1)), row
    if n == 0:
        return
    with nogil:
        for row in range(x.shape[0]):
            if form == 0:
                _recursion_row(&x[row, 0], &out[row, 0], n, w, &p)
            elif form == 1:
                _scan_row(&x[row, 0], &out[row, 0], n, w, &p)
            else:
                _map_row(&x[row, 0], &out[row, 0], n, w, &p)
