/* Template, integers: any window in one pass, the window's length costing nothing.
 *
 * With terms y[m] and d[m] = y[m] - y[m-w], the windows of n and n-LANES differ by LANES neighbouring d's:
 *
 *     out[n] = out[n - LANES] + (d[n-LANES] + ... + d[n-1]),
 *
 * exact because integers wrap. The bracket is lanes.h's sum at m = n-1; the only dependency from one vector to the
 * next is the addition of the previous output vector.
 *
 * x is read twice, at n and at n-w. Keeping the sums of n in a ring for w elements instead (one multiplication less,
 * one store and one load more) was tried and is slower at every window: 0.58 against 0.50 ns per int64 on Sapphire
 * Rapids. */

typedef struct {
    NAME(source) near, far;
    NAME(doubling) last;
    V out;
} NAME(running);

static INLINE V NAME(running_step)(NAME(running) * state, V near, V far, int kind) {
    V unused;
    const V change = NAME(terms)(&state->near, near, kind) - NAME(terms)(&state->far, far, kind);
    state->out += NAME(lane_sums)(&state->last, change, 0, &unused);
    return state->out;
}

/* One vector anywhere: elements before `start` or from hi on are absent, outputs outside [lo, hi) are not written. */
static INLINE void NAME(running_edge)(NAME(running) * state, const sliding_job *job, int64_t start, int64_t n,
                                      int kind) {
    const T *x = job->x;
    const V near = NAME(fetch)(x, n - 1, start, job->hi);
    const V far = NAME(fetch)(x, n - 1 - job->window, start, job->hi);
    NAME(put)(job->out, n, NAME(running_step)(state, near, far, kind), job->lo, job->hi);
}

static INLINE int NAME(running_row)(const sliding_job *given, int kind) {
    const sliding_job copy = *given, *job = &copy; /* not reloaded after every store */
    const T *x = job->x;
    T *out = job->out;
    const int64_t w = job->window, start = job->lo > w ? job->lo - w : 0;
    const int64_t steady = start + w + 1 > job->lo ? start + w + 1 : job->lo; /* from here both loads are inside */
    int64_t n = NAME(grid)(job, start);
    NAME(running) state = {0};
    NAME(open)(&state.near, job, n - 1, kind);
    NAME(open)(&state.far, job, n - 1 - w, kind);
    for (; n < steady && n < job->hi; n += LANES) NAME(running_edge)(&state, job, start, n, kind);
    for (; n + LANES <= job->hi; n += LANES) {
        prefetch(x + n);
        __builtin_prefetch((const char *)(x + n - w) + NEAR_BYTES); /* from L2, where w is longer than L1 */
        const V sums = NAME(running_step)(&state, NAME(load)(x + n - 1), NAME(load)(x + n - 1 - w), kind);
        NAME(emit)(job, out + n, sums);
    }
    for (; n < job->hi; n += LANES) NAME(running_edge)(&state, job, start, n, kind);
    if (job->streaming) stream_fence();
    return 0;
}

/* Functions of their own, so that the compiler knows the kind. */
static APART int NAME(running_plain)(const sliding_job *job) { return NAME(running_row)(job, PLAIN); }
static APART int NAME(running_weighted)(const sliding_job *job) { return NAME(running_row)(job, WEIGHTED); }
static APART int NAME(running_general)(const sliding_job *job) { return NAME(running_row)(job, GENERAL); }

static int NAME(absolute)(const sliding_job *job) {
    if (job->degree == 0 && job->ci[0] == 1) return NAME(running_plain)(job);
    if (job->degree > 1) return NAME(running_general)(job);
    return NAME(running_weighted)(job);
}
