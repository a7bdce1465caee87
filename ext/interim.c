/* Plain scalar kernels. */
#include "kernels.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INTEGER(T)                                                                                                     \
    static T poly_##T(const sliding_job *job, uint64_t at) {                                                           \
        uint64_t value = 0;                                                                                            \
        for (int j = job->degree; j >= 0; j--) value = value * at + job->ci[j];                                        \
        return (T)value;                                                                                               \
    }                                                                                                                  \
    static int absolute_##T(const sliding_job *job) {                                                                  \
        const T *x = job->x;                                                                                           \
        T *out = job->out, sum = 0;                                                                                    \
        int64_t w = job->window, start = job->lo > w ? job->lo - w : 0;                                                \
        for (int64_t i = start; i < job->lo; i++) sum += poly_##T(job, i) * x[i];                                      \
        for (int64_t n = job->lo; n < job->hi; n++) {                                                                  \
            out[n] = sum;                                                                                              \
            sum += poly_##T(job, n) * x[n];                                                                            \
            if (n >= w) sum -= poly_##T(job, n - w) * x[n - w];                                                        \
        }                                                                                                              \
        return 0;                                                                                                      \
    }                                                                                                                  \
    static int lag_##T(const sliding_job *job) {                                                                       \
        /* S_j = sum_k C(k-1, j) x[n-k]: S_j' = S_j + S_(j-1) - C(w, j) x[n-w], S_0' also gains x[n] */                \
        const T *x = job->x;                                                                                           \
        T *out = job->out, s[MAX_DEGREE + 1] = {0}, binomial[MAX_DEGREE + 1];                                          \
        uint64_t difference[MAX_DEGREE + 1];                                                                           \
        int64_t w = job->window, start = job->lo > w ? job->lo - w : 0;                                                \
        int d = job->degree;                                                                                           \
        for (int j = 0; j <= d; j++) difference[j] = poly_##T(job, j + 1);                                             \
        for (int j = 1; j <= d; j++)                                                                                   \
            for (int k = d; k >= j; k--) difference[k] -= difference[k - 1];                                           \
        /* C(w, j) mod 2^bits by Pascal's rule on w's doubling would do; here w steps of it */                         \
        memset(binomial, 0, sizeof binomial);                                                                          \
        binomial[0] = 1;                                                                                               \
        for (int64_t k = 0; k < w; k++)                                                                                \
            for (int j = d; j >= 1; j--) binomial[j] += binomial[j - 1];                                               \
        for (int64_t n = start; n < job->hi; n++) {                                                                    \
            if (n >= job->lo) {                                                                                        \
                T value = 0;                                                                                           \
                for (int j = 0; j <= d; j++) value += (T)difference[j] * s[j];                                         \
                out[n] = value;                                                                                        \
            }                                                                                                          \
            T oldest = n - w >= start ? x[n - w] : 0;                                                                  \
            for (int j = d; j >= 1; j--) s[j] += s[j - 1] - binomial[j] * oldest;                                      \
            s[0] += x[n] - oldest;                                                                                     \
        }                                                                                                              \
        return 0;                                                                                                      \
    }
INTEGER(uint32_t)
INTEGER(uint64_t)

/* Direct sums in long double: slow, right. */
#define FLOAT(T)                                                                                                       \
    static int float_##T(const sliding_job *job, int lag) {                                                            \
        const T *x = job->x;                                                                                           \
        T *out = job->out;                                                                                             \
        int64_t w = job->window;                                                                                       \
        for (int64_t n = job->lo; n < job->hi; n++) {                                                                  \
            long double sum = 0;                                                                                       \
            for (int64_t i = n > w ? n - w : 0; i < n; i++) {                                                          \
                long double p = 0, at = lag ? n - i : i;                                                               \
                for (int j = job->degree; j >= 0; j--) p = p * at + job->cf[j];                                        \
                sum += p * x[i];                                                                                       \
            }                                                                                                          \
            out[n] = (T)sum;                                                                                           \
        }                                                                                                              \
        return 0;                                                                                                      \
    }                                                                                                                  \
    static int absolute_##T(const sliding_job *job) { return float_##T(job, 0); }                                      \
    static int lag_##T(const sliding_job *job) { return float_##T(job, 1); }
FLOAT(float)
FLOAT(double)

static void plain_copy(void *out, const void *x, size_t bytes, int streaming) {
    (void)streaming;
    memcpy(out, x, bytes);
}

const kernel_table kernels_baseline = {
    "baseline",
    0,
    {{absolute_uint32_t, absolute_uint64_t, absolute_float, absolute_double}, {lag_uint32_t, lag_uint64_t, lag_float, lag_double}},
    plain_copy,
};
