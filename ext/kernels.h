/* The sliding polynomial sum, as C sees it.
 *
 *     out[n] = sum over i = n-w .. n-1, i >= 0, of p(i) * x[i]      (anchor "absolute")
 *     out[n] = sum over k = 1 .. w, n-k >= 0,  of p(k) * x[n-k]     (anchor "lag")
 *
 * with p(t) = c0 + c1 t + ... + cd t^d. Integers wrap modulo 2^bits, so the unsigned types serve the signed ones. */
#ifndef HEADGATE_KERNELS_H
#define HEADGATE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define MAX_DEGREE 8

/* One row's work. Outputs [lo, hi) are written; every element of x[0, hi) may be read. */
typedef struct {
    const void *x;
    void *out;      /* the row's first output, not out[lo] */
    int64_t lo, hi; /* the outputs wanted */
    int64_t window; /* 1 <= window <= max(hi, 1): longer windows hold the same terms */
    int degree;
    uint64_t ci[MAX_DEGREE + 1]; /* the coefficients modulo 2^64 (integer types) */
    double cf[MAX_DEGREE + 1];   /* the coefficients as doubles (float types) */
    int streaming;               /* write past the caches */
} sliding_job;

typedef int (*sliding_kernel)(const sliding_job *job); /* 0, or -1 when out of memory */

enum { TYPE_U32, TYPE_U64, TYPE_F32, TYPE_F64, TYPE_COUNT };
enum { ANCHOR_ABSOLUTE, ANCHOR_LAG, ANCHOR_COUNT };

/* Every kernel compiled for one instruction set. */
typedef struct {
    const char *name;
    sliding_kernel sliding[ANCHOR_COUNT][TYPE_COUNT];
    void (*copy)(void *out, const void *x, size_t bytes, int streaming);
} kernel_table;

extern const kernel_table kernels_avx512, kernels_avx2, kernels_baseline; /* the first two on x86-64 only */

/* Kernels are templates: their steps are inlined into loops (INLINE), their loops are functions (APART). */
#define INLINE inline __attribute__((always_inline))
#define APART __attribute__((noinline))

#endif
