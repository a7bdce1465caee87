/* Floats, lag anchor, any window: moments by window doubling.
 *
 * For the L elements up to m let M_j[m] = sum over k = 1..L of k^j * x[m+1-k]. Two neighbouring windows make one of
 * twice the length; the older one's distances all grow by L (the binomial theorem):
 *
 *     M'_j[m] = M_j[m] + sum over i <= j of C(j,i) L^(j-i) M_i[m-L].
 *
 * All weights are positive: nothing cancels, whatever the signs in p, until the last line sum c_j M_j. A window that
 * is no power of two is put together from the powers by its bits, as in lanes.h. No subtraction: a NaN stays in its
 * windows.
 *
 * O(N log w), in tiles that stay in L2, every pass in vectors and in place (downwards: m-L is not yet changed). Per
 * level a term of M_j passes at most j+1 roundings, and they are rarely of one sign: measured below 2 eps at w = 4096.
 */

typedef struct {
    int degree;
    int64_t span;                   /* elements in each array */
    double *sums[MAX_DEGREE + 1];   /* M_j of windows of 2^level elements */
    double *result[MAX_DEGREE + 1]; /* M_j of windows of the bits of w seen so far */
} moments;

static INLINE doubles load_doubles(const double *p) {
    doubles v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* target_j[m] = newer_j[m] + older_j moved by `length`, for m >= length; `target` may be either of the others. */
static INLINE void join(double *const *target, double *const *newer, double *const *older, int64_t span,
                        int64_t length, int degree) {
    double factor[MAX_DEGREE + 1][MAX_DEGREE + 1]; /* C(j,i) length^(j-i) */
    for (int j = 0; j <= degree; j++)
        for (int i = j; i >= 0; i--)
            factor[j][i] = i == j ? 1.0 : factor[j][i + 1] * (double)length * (i + 1) / (j - i);
    int64_t m = span;
    while (m > length) {
        const int64_t count = m - length >= DOUBLES ? DOUBLES : 1;
        m -= count;
        for (int j = degree; j >= 0; j--) {
            if (count == DOUBLES) {
                doubles total = load_doubles(newer[j] + m);
                for (int i = j; i >= 0; i--) total += factor[j][i] * load_doubles(older[i] + m - length);
                memcpy(target[j] + m, &total, sizeof total);
            } else {
                double total = newer[j][m];
                for (int i = j; i >= 0; i--) total += factor[j][i] * older[i][m - length];
                target[j][m] = total;
            }
        }
    }
}

/* From single elements (sums[0], k = 1) to the moments of windows of w. */
static INLINE void double_up(moments *state, int64_t window, int degree) {
    const size_t bytes = (size_t)state->span * sizeof(double);
    int empty = 1;
    for (int j = 1; j <= degree; j++) memcpy(state->sums[j], state->sums[0], bytes);
    for (int64_t length = 1; length <= window; length *= 2) {
        if (window & length) {
            if (empty)
                for (int j = 0; j <= degree; j++) memcpy(state->result[j], state->sums[j], bytes);
            else
                join(state->result, state->sums, state->result, state->span, length, degree);
            empty = 0;
        }
        if (2 * length <= window) join(state->sums, state->sums, state->sums, state->span, length, degree);
    }
}

/* Tiny numbers are taken up by a power of two and back, so that no pass meets denormal ones (denormal.h). */
#define TINY 0x1p-700
#define LIFT 0x1p600

static INLINE double lift(double *x, int64_t span) {
    double largest = 0;
    for (int64_t m = 0; m < span; m++) {
        const double size = __builtin_fabs(x[m]);
        largest = size > largest ? size : largest;
    }
    if (largest == 0 || largest > TINY) return 1;
    for (int64_t m = 0; m < span; m++) x[m] *= LIFT;
    return LIFT;
}

static INLINE void lag_tile(moments *state, const sliding_job *job, double *x, int64_t count, int degree) {
    const int64_t w = job->window;
    const double lifted = lift(x, state->span);
    memcpy(state->sums[0], x, (size_t)state->span * sizeof(double));
    double_up(state, w, degree);
    double *value = state->sums[0];
    for (int64_t m = 0; m < count; m++) {
        double total = job->cf[degree] * state->result[degree][w - 1 + m];
        for (int j = degree - 1; j >= 0; j--) total += job->cf[j] * state->result[j][w - 1 + m];
        value[m] = lifted == 1 ? total : total / lifted;
    }
}

static int lag_moments(const sliding_job *job, void (*read)(const void *, double *, int64_t, int64_t),
                       void (*write)(void *, const double *, int64_t, int64_t)) {
    const int64_t w = job->window, wanted = w <= 8192 ? (w < 2048 ? 8192 : 4 * w) : w;
    const int64_t tile = wanted < job->hi - job->lo ? wanted : job->hi - job->lo;
    moments state = {.degree = job->degree, .span = w + tile};
    const int64_t arrays = 2 * (job->degree + 1) + 1;
    double *memory = malloc((size_t)(arrays * (w + tile)) * sizeof(double)), *x = memory;
    int failed = 0;
    if (memory == NULL) return -1;
    for (int j = 0; j <= job->degree; j++) {
        state.sums[j] = memory + (1 + 2 * j) * (w + tile);
        state.result[j] = memory + (2 + 2 * j) * (w + tile);
    }
    for (int64_t n = job->lo; n < job->hi; n += tile) {
        const int64_t count = job->hi - n < tile ? job->hi - n : tile;
        state.span = w + count - 1;
        read(job->x, x, n - w, w + count - 1);
        if (job->degree == 1)
            lag_tile(&state, job, x, count, 1);
        else
            lag_tile(&state, job, x, count, job->degree);
        if (failed == 0) failed = repair(job, x, state.sums[0], count);
        write(job->out, state.sums[0], n, count);
    }
    free(memory);
    return failed;
}
