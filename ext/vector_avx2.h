/* What the kernels need of AVX2 beyond GCC's vector arithmetic; see vector_avx512.h. */
#define VECTOR_BYTES 32
#define HAS_FMA 1
typedef long long raw __attribute__((vector_size(VECTOR_BYTES)));
typedef double doubles __attribute__((vector_size(VECTOR_BYTES)));

/* vpalignr works within 128-bit halves; the half between the two vectors makes up for it. */
static INLINE raw slide_bytes(raw before, raw now, int bytes) {
    const __m256i between = _mm256_permute2x128_si256((__m256i)before, (__m256i)now, 0x21);
    switch (bytes) {
    case 4: return (raw)_mm256_alignr_epi8((__m256i)now, between, 12);
    case 8: return (raw)_mm256_alignr_epi8((__m256i)now, between, 8);
    default: return (raw)between;
    }
}

static INLINE doubles fused(doubles a, doubles b, doubles c) {
    return (doubles)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}

#include "vector_lanes.h"

static INLINE void stream_vector(void *p, raw v) { _mm256_stream_si256(p, (__m256i)v); }

static INLINE void stream_fence(void) { _mm_sfence(); }
