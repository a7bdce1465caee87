/* Template, integers, lag anchor: p(n - i) in powers of i.
 *
 *     p(n-i) = sum_j e_j(n) i^j,   e_j(n) = (-1)^j sum_{q>=j} c_q C(q,j) n^(q-j)      (the binomial theorem)
 *
 * so the result is sum_j e_j(n) M_j(n) with the d+1 moments M_j = sum i^j x[i], each a running window: exact, because
 * integers wrap. e_j is itself a polynomial (in n) and advances by differences like any other weight. */

typedef struct {
    NAME(running) moment[MAX_DEGREE + 1];
    NAME(source) outer[MAX_DEGREE + 1];
} NAME(moments);

static INLINE void NAME(open_moments)(NAME(moments) * state, const sliding_job *job, int degree, int64_t n) {
    memset(state, 0, sizeof *state);
    for (int j = 0; j <= degree; j++) {
        uint64_t power[MAX_DEGREE + 1] = {0}, outer[MAX_DEGREE + 1] = {0};
        power[j] = 1;
        uint64_t binomial = 1; /* C(q, j) */
        for (int q = j; q <= degree; binomial = binomial * (uint64_t)(q + 1) / (uint64_t)(q + 1 - j), q++)
            outer[q - j] = (j % 2 ? -binomial : binomial) * job->ci[q];
        const int kind = degree > 1 ? GENERAL : WEIGHTED;
        const int order = j > 1 ? j : 1, outer_order = degree - j > 1 ? degree - j : 1;
        NAME(open_polynomial)(&state->moment[j].near, power, order, n - 1, kind);
        NAME(open_polynomial)(&state->moment[j].far, power, order, n - 1 - job->window, kind);
        NAME(open_polynomial)(&state->outer[j], outer, outer_order, n, kind);
    }
}

static INLINE V NAME(moments_step)(NAME(moments) * state, V near, V far, int degree) {
    V total = {0};
#pragma GCC unroll 2
    for (int j = 0; j <= degree; j++) {
        const V moment = NAME(running_step)(&state->moment[j], near, far,
                                            j == 0   ? PLAIN
                                            : j == 1 ? WEIGHTED
                                                     : GENERAL);
        total += NAME(terms)(&state->outer[j], moment, degree - j <= 1 ? WEIGHTED : GENERAL);
    }
    return total;
}

static INLINE void NAME(moments_edge)(NAME(moments) * state, const sliding_job *job, int64_t start, int64_t n,
                                      int degree) {
    const V near = NAME(fetch)((const T *)job->x, n - 1, start, job->hi);
    const V far = NAME(fetch)((const T *)job->x, n - 1 - job->window, start, job->hi);
    NAME(put)(job->out, n, NAME(moments_step)(state, near, far, degree), job->lo, job->hi);
}

static INLINE int NAME(moments_row)(const sliding_job *given, int degree) {
    const sliding_job copy = *given, *job = &copy; /* not reloaded after every store */
    const T *x = job->x;
    T *out = job->out;
    const int64_t w = job->window, start = job->lo > w ? job->lo - w : 0;
    const int64_t steady = start + w + 1 > job->lo ? start + w + 1 : job->lo;
    int64_t n = NAME(grid)(job, start);
    NAME(moments) state;
    NAME(open_moments)(&state, job, degree, n);
    for (; n < steady && n < job->hi; n += LANES) NAME(moments_edge)(&state, job, start, n, degree);
    for (; n + LANES <= job->hi; n += LANES) {
        prefetch(x + n);
        __builtin_prefetch((const char *)(x + n - w) + NEAR_BYTES);
        const V v = NAME(moments_step)(&state, NAME(load)(x + n - 1), NAME(load)(x + n - 1 - w), degree);
        NAME(emit)(job, out + n, v);
    }
    for (; n < job->hi; n += LANES) NAME(moments_edge)(&state, job, start, n, degree);
    if (job->streaming) stream_fence();
    return 0;
}

static int NAME(lag)(const sliding_job *job) {
    if (job->degree == 0) return NAME(absolute)(job);
    if (job->degree == 1) return NAME(moments_row)(job, 1);
    return NAME(moments_row)(job, job->degree);
}
