/* Floats, lag anchor: the windows that hold an infinity or a NaN, as IEEE 754 sums them.
 *
 * Among moments inf - inf would make NaN where the sum itself is infinite. What such a window's sum is depends only on
 * the signs of its infinite terms: on how many +inf and -inf lie where p is positive and where it is negative (p
 * changes sign at most `degree` times), and on whether p is zero at any of them. Counts come from running totals, so
 * that a row full of infinities costs no more than another. */

typedef struct {
    int64_t first, last; /* k */
    int sign;
} sign_run;

typedef struct {
    int32_t plus, minus, nan; /* how many before this element */
} kinds_before;

/* The runs of equal sign of p over 1 .. w; at most 2 * degree + 1. */
static int sign_runs(const sliding_job *job, sign_run *runs) {
    int count = 0;
    for (int64_t k = 1; k <= job->window; k += DOUBLES) {
        const doubles value = polynomial(job->cf, job->degree, (double)k);
        for (int lane = 0; lane < DOUBLES && k + lane <= job->window; lane++) {
            const int sign = (value[lane] > 0) - (value[lane] < 0);
            if (count == 0 || runs[count - 1].sign != sign) {
                if (count == 2 * MAX_DEGREE + 1) return count;
                runs[count++] = (sign_run){k + lane, k + lane, sign};
            }
            runs[count - 1].last = k + lane;
        }
    }
    return count;
}

/* The sum of a window whose elements at distances first .. last lie at totals[m-last] .. totals[m-first+1]. */
static double infinite_sum(const kinds_before *totals, int64_t m, const sign_run *runs, int count) {
    double sum = 0;
    for (int r = 0; r < count; r++) {
        const kinds_before *from = totals + m - runs[r].last, *to = totals + m - runs[r].first + 1;
        const int plus = to->plus > from->plus, minus = to->minus > from->minus;
        if (to->nan > from->nan || (runs[r].sign == 0 && (plus || minus))) return __builtin_nan("");
        if (plus) sum += runs[r].sign * __builtin_inf();
        if (minus) sum -= runs[r].sign * __builtin_inf();
    }
    return sum;
}

/* x[0, w + count - 1): the elements from w before the first result on. 0, or -1 when out of memory. */
static int repair(const sliding_job *job, const double *x, double *result, int64_t count) {
    const int64_t w = job->window, span = w + count - 1;
    sign_run runs[2 * MAX_DEGREE + 1];
    int64_t m = 0;
    while (m < count && result[m] - result[m] == 0) m++;
    if (m == count) return 0;
    kinds_before *totals = malloc((size_t)(span + 1) * sizeof *totals);
    if (totals == NULL) return -1;
    totals[0] = (kinds_before){0, 0, 0};
    for (int64_t i = 0; i < span; i++) {
        totals[i + 1] = totals[i];
        totals[i + 1].nan += x[i] != x[i];
        totals[i + 1].plus += x[i] == __builtin_inf();
        totals[i + 1].minus += x[i] == -__builtin_inf();
    }
    const int run_count = sign_runs(job, runs);
    for (; m < count; m++) {
        if (result[m] - result[m] == 0) continue;
        const double sum = infinite_sum(totals, w + m, runs, run_count);
        if (sum - sum != 0) result[m] = sum; /* otherwise it overflowed, and stays so */
    }
    free(totals);
    return 0;
}
