/* Template, floats, lag anchor.
 *
 * Short windows are summed as they stand, LANES outputs at a time: with the weights p(1) .. p(w) in a table,
 * out[n] = sum of p(k) * x[n-k], in four sums that are added at the end (at most w/4 + 4 roundings per term).
 * Longer ones go through their moments (lag_moments.h), in double. */

#define DIRECT_WINDOW 24 /* where the two take the same time, for degree 1 */

static INLINE V NAME(direct_step)(const T *x, const V *weight, int64_t window) {
    V sum0 = {0}, sum1 = {0}, sum2 = {0}, sum3 = {0};
    int64_t k = 0;
    if (__builtin_expect(NAME(starts_denormal)(x - 1), 0)) {
        for (; k < window; k++) sum0 += NAME(careful_product)(weight[k], NAME(load)(x - k - 1));
        return sum0;
    }
    for (; k + 4 <= window; k += 4) {
        sum0 += weight[k] * NAME(load)(x - k - 1);
        sum1 += weight[k + 1] * NAME(load)(x - k - 2);
        sum2 += weight[k + 2] * NAME(load)(x - k - 3);
        sum3 += weight[k + 3] * NAME(load)(x - k - 4);
    }
    for (; k < window; k++) sum0 += weight[k] * NAME(load)(x - k - 1);
    return (sum0 + sum1) + (sum2 + sum3);
}

static APART int NAME(lag_direct)(const sliding_job *given) {
    const sliding_job copy = *given, *job = &copy;
    const T *x = job->x;
    T *out = job->out, padded[DIRECT_WINDOW + 2 * LANES];
    const int64_t w = job->window;
    V weight[DIRECT_WINDOW];
    for (int64_t k = 0; k < w; k++) weight[k] = (V){0} + (T)polynomial(job->cf, job->degree, (double)(k + 1))[0];
    for (int64_t n = NAME(grid)(job, job->lo); n < job->hi; n += LANES) {
        if (n >= w && n >= job->lo && n + LANES <= job->hi) {
            prefetch(x + n);
            NAME(emit)(job, out + n, NAME(direct_step)(x + n, weight, w));
            continue;
        }
        for (int64_t i = 0; i < w + LANES; i += LANES) /* the row's ends: with zeros for what is absent */
            NAME(store)(padded + i, NAME(fetch)(x, n - w + i, 0, job->hi));
        V sums = NAME(direct_step)(padded + w, weight, w);
        for (int lane = 0; n + lane < w && lane < LANES;
             lane++) { /* 0 * inf is NaN only for elements that are there */
            T sum = 0;
            for (int64_t k = n + lane; k >= 1; k--) sum += weight[k - 1][0] * x[n + lane - k];
            sums[lane] = sum;
        }
        NAME(put)(out, n, sums, job->lo, job->hi);
    }
    if (job->streaming) stream_fence();
    return 0;
}

static void NAME(read_doubles)(const void *row, double *values, int64_t first, int64_t count) {
    const T *x = row;
    for (int64_t i = 0; i < count; i++) values[i] = first + i < 0 ? 0 : (double)x[first + i];
}

static void NAME(write_doubles)(void *row, const double *values, int64_t first, int64_t count) {
    T *out = row;
    for (int64_t i = 0; i < count; i++) out[first + i] = (T)values[i];
}

static int NAME(lag)(const sliding_job *job) {
    if (job->degree == 0) return NAME(absolute)(job);
    if (job->window <= DIRECT_WINDOW) return NAME(lag_direct)(job);
    return lag_moments(job, NAME(read_doubles), NAME(write_doubles));
}
