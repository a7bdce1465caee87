/* Sixteen-byte vectors in the compilers' portable notation: SSE2 on x86-64, NEON on arm64; see vector_avx512.h. */
#define VECTOR_BYTES 16
#define HAS_FMA 0
typedef long long raw __attribute__((vector_size(VECTOR_BYTES)));
typedef double doubles __attribute__((vector_size(VECTOR_BYTES)));
typedef int raw32 __attribute__((vector_size(VECTOR_BYTES)));

static INLINE raw slide_bytes(raw before, raw now, int bytes) {
#if defined(__clang__) || __GNUC__ >= 12
    return bytes == 4 ? (raw)__builtin_shufflevector((raw32)before, (raw32)now, 3, 4, 5, 6)
                      : __builtin_shufflevector(before, now, 1, 2);
#else
    return bytes == 4 ? (raw)__builtin_shuffle((raw32)before, (raw32)now, (raw32){3, 4, 5, 6})
                      : __builtin_shuffle(before, now, (raw){1, 2});
#endif
}

#include "vector_lanes.h"

#ifdef __SSE2__
static INLINE void stream_vector(void *p, raw v) { _mm_stream_si128(p, (__m128i)v); }
static INLINE void stream_fence(void) { _mm_sfence(); }
#else /* no portable streaming store: an ordinary one is right everywhere */
static INLINE void stream_vector(void *p, raw v) { memcpy(p, &v, sizeof v); }
static INLINE void stream_fence(void) {}
#endif
