/* Template, floats: windows of at most a few vectors, summed directly.
 *
 * A window of w = M*LANES + rest terms ending at m is M sums of LANES terms (lanes.h) a vector apart and one of
 * `rest`:
 *
 *     s[m] + s[m - LANES] + ... + s[m - (M-1)*LANES] + r[m - M*LANES]
 *
 * A vector apart is the previous vector's register: no shuffle, nothing carried. Every term passes the product 1,
 * lanes.h 1-4 and these additions at most 4: 8 roundings (4 eps) for float64 at most. */

#define SHORT_VECTORS 7 /* the largest M */

typedef struct {
    NAME(source) source;
    NAME(doubling) last;
    V sum0, sum1, sum2, sum3, sum4, sum5, rest0, rest1, rest2, rest3, rest4, rest5, rest6; /* k: k+1 vectors ago */
} NAME(short_state);

static INLINE V NAME(short_step)(NAME(short_state) * state, V x, int kind, int vectors, int rest) {
    V rest_sum;
    const V sum = NAME(lane_sums)(&state->last, NAME(terms)(&state->source, x, kind, 0), rest, &rest_sum);
    NAME(advance)(&state->source, 1);
    V total = vectors == 0 ? rest_sum : sum;
    if (vectors == 2) total = sum + state->sum0;
    if (vectors == 3) total = sum + (state->sum0 + state->sum1);
    if (vectors == 4) total = (sum + state->sum0) + (state->sum1 + state->sum2);
    if (vectors == 5) total = (sum + state->sum0) + (state->sum1 + (state->sum2 + state->sum3));
    if (vectors == 6) total = (sum + state->sum0) + ((state->sum1 + state->sum2) + (state->sum3 + state->sum4));
    if (vectors == 7)
        total = (sum + (state->sum0 + state->sum1)) + ((state->sum2 + state->sum3) + (state->sum4 + state->sum5));
    if (vectors == 1) total += state->rest0;
    if (vectors == 2) total += state->rest1;
    if (vectors == 3) total += state->rest2;
    if (vectors == 4) total += state->rest3;
    if (vectors == 5) total += state->rest4;
    if (vectors == 6) total += state->rest5;
    if (vectors == 7) total += state->rest6;
    state->sum5 = state->sum4, state->rest6 = state->rest5;
    state->sum4 = state->sum3, state->rest5 = state->rest4;
    state->sum3 = state->sum2, state->rest4 = state->rest3;
    state->sum2 = state->sum1, state->rest3 = state->rest2;
    state->sum1 = state->sum0, state->rest2 = state->rest1;
    state->sum0 = sum, state->rest1 = state->rest0;
    state->rest0 = rest_sum;
    return total;
}

#define STRIP_VECTORS 1024 /* the state is copied in and out once a strip */

/* `count` whole vectors from n on, all inside. The state is copied so that it lives in registers. */
static INLINE void NAME(short_strip)(NAME(short_state) * shared, const sliding_job *job, int64_t n, int64_t count,
                                     int kind, int vectors, int rest) {
    NAME(short_state) state = *shared;
    const T *x = (const T *)job->x + n - 1;
    T *out = (T *)job->out + n;
    for (const T *end = x + count * LANES; x < end; x += LANES, out += LANES) {
        prefetch(x);
        const V sums = NAME(short_step)(&state, NAME(load)(x), kind, vectors, rest);
        NAME(emit)(job, out, sums);
    }
    *shared = state;
}

static APART void NAME(short_careful)(NAME(short_state) * state, const sliding_job *job, int64_t n, int64_t count,
                                      int vectors, int rest) {
    NAME(short_strip)(state, job, n, count, CAREFUL, vectors, rest);
}

/* One vector anywhere: elements before `start` or from hi on are absent, outputs outside [lo, hi) are not written. */
static INLINE void NAME(short_edge)(NAME(short_state) * state, const sliding_job *job, int64_t start, int64_t n,
                                    int kind, int vectors, int rest) {
    const V x = NAME(fetch)(job->x, n - 1, start, job->hi);
    NAME(put)(job->out, n, NAME(short_step)(state, x, kind, vectors, rest), job->lo, job->hi);
}

static INLINE int NAME(short_row)(const sliding_job *given, int kind, int vectors) {
    const sliding_job copy = *given, *job = &copy; /* not reloaded after every store */
    const int64_t start = job->lo > job->window + LANES ? job->lo - job->window - LANES : 0;
    const int rest = (int)(job->window % LANES);
    int64_t n = NAME(grid)(job, start);
    NAME(short_state) state = {0};
    NAME(open)(&state.source, job, n - 1);
    for (; (n < start + 1 || n < job->lo) && n < job->hi; n += LANES)
        NAME(short_edge)(&state, job, start, n, kind, vectors, rest);
    for (int64_t count; (count = (job->hi - n) / LANES) > 0; n += count * LANES) {
        if (count > STRIP_VECTORS) count = STRIP_VECTORS;
        if (NAME(with_care)((const T *)job->x + n - 1, kind) == CAREFUL)
            NAME(short_careful)(&state, job, n, count, vectors, rest);
        else
            NAME(short_strip)(&state, job, n, count, kind, vectors, rest);
    }
    for (; n < job->hi; n += LANES) NAME(short_edge)(&state, job, start, n, kind, vectors, rest);
    if (job->streaming) stream_fence();
    return 0;
}

static INLINE int NAME(short_window)(const sliding_job *job, int kind) {
    switch (job->window / LANES) {
    case 0: return NAME(short_row)(job, kind, 0);
    case 1: return NAME(short_row)(job, kind, 1);
    case 2: return NAME(short_row)(job, kind, 2);
    case 3: return NAME(short_row)(job, kind, 3);
    case 4: return NAME(short_row)(job, kind, 4);
    case 5: return NAME(short_row)(job, kind, 5);
    case 6: return NAME(short_row)(job, kind, 6);
    default: return NAME(short_row)(job, kind, 7);
    }
}

/* Functions of their own, so that the compiler knows the kind. */
static APART int NAME(short_weighted)(const sliding_job *job) { return NAME(short_window)(job, WEIGHTED); }
static APART int NAME(short_plain)(const sliding_job *job) { return NAME(short_window)(job, PLAIN); }
static APART int NAME(short_general)(const sliding_job *job) { return NAME(short_window)(job, GENERAL); }
