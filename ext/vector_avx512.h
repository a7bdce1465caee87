/* What the kernels need of AVX-512 beyond GCC's vector arithmetic. The three vector_*.h offer the same five functions.
 */
#define VECTOR_BYTES 64
#define HAS_FMA 1
typedef long long raw __attribute__((vector_size(VECTOR_BYTES)));
typedef double doubles __attribute__((vector_size(VECTOR_BYTES)));

/* The last `bytes` bytes of `before` followed by the first ones of `now`: valignd, one shuffle. */
static INLINE raw slide_bytes(raw before, raw now, int bytes) {
    switch (bytes) {
    case 4: return (raw)_mm512_alignr_epi32((__m512i)now, (__m512i)before, 15);
    case 8: return (raw)_mm512_alignr_epi32((__m512i)now, (__m512i)before, 14);
    case 16: return (raw)_mm512_alignr_epi32((__m512i)now, (__m512i)before, 12);
    default: return (raw)_mm512_alignr_epi32((__m512i)now, (__m512i)before, 8);
    }
}

/* Lanes [first, last) of the vector at p, zero elsewhere; no other byte is touched. */
static INLINE raw load_lanes(const void *p, int first, int last, int lane_bytes) {
    const unsigned mask = (1u << last) - (1u << first);
    return lane_bytes == 4 ? (raw)_mm512_maskz_loadu_epi32((__mmask16)mask, p)
                           : (raw)_mm512_maskz_loadu_epi64((__mmask8)mask, p);
}

static INLINE void store_lanes(void *p, raw v, int first, int last, int lane_bytes) {
    const unsigned mask = (1u << last) - (1u << first);
    if (lane_bytes == 4)
        _mm512_mask_storeu_epi32(p, (__mmask16)mask, (__m512i)v);
    else
        _mm512_mask_storeu_epi64(p, (__mmask8)mask, (__m512i)v);
}

/* a * b + c, rounded once. */
static INLINE doubles fused(doubles a, doubles b, doubles c) {
    return (doubles)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}

/* Past the caches; p is aligned to VECTOR_BYTES. */
static INLINE void stream_vector(void *p, raw v) { _mm512_stream_si512(p, (__m512i)v); }

static INLINE void stream_fence(void) { _mm_sfence(); }
