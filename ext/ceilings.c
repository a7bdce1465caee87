#include "ceilings.h"

#include <string.h>

#if defined(_WIN32)
#include <windows.h>
#else
#include <time.h>
#endif

#if defined(__x86_64__) || defined(_M_X64)
#define HG_X86 1
#include <immintrin.h>
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#else
#include <cpuid.h>
#define HG_DISPATCH 1 /* target attributes and __builtin_cpu_supports */
#endif
#endif

#if defined(__GNUC__) || defined(__clang__)
#define HG_NOINLINE __attribute__((noinline))
#else
#define HG_NOINLINE __declspec(noinline)
#endif

typedef void (*copy_fn)(void *, const void *, size_t);
typedef uint64_t (*read_fn)(const void *, size_t);

/* What every read ends in, so that no compiler may drop one. */
static volatile uint64_t hg_sink;

int64_t hg_clock_ns(void)
{
#if defined(_WIN32)
    LARGE_INTEGER count, frequency;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&frequency);
    return (int64_t)((double)count.QuadPart * 1e9 / (double)frequency.QuadPart);
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
#endif
}

/* ---- ordinary stores -------------------------------------------------------------------------------------------- */

static HG_NOINLINE void copy_memcpy(void *dst, const void *src, size_t n) { memcpy(dst, src, n); }

/* ---- streaming stores: past the caches, so the destination's lines are not read first ---------------------------- */

/* Bytes up to the next multiple of 64 (a cache line): streaming stores want aligned, whole lines. */
static size_t head_bytes(const void *dst, size_t n)
{
    size_t head = (size_t)(-(uintptr_t)dst) & 63;
    return head < n ? head : n;
}

#ifdef HG_X86
static HG_NOINLINE void stream_sse2(void *dst, const void *src, size_t n)
{
    size_t i = head_bytes(dst, n);
    char *d = dst;
    const char *s = src;
    memcpy(d, s, i);
    for (; i + 64 <= n; i += 64) {
        __m128i a = _mm_loadu_si128((const __m128i *)(s + i));
        __m128i b = _mm_loadu_si128((const __m128i *)(s + i + 16));
        __m128i c = _mm_loadu_si128((const __m128i *)(s + i + 32));
        __m128i e = _mm_loadu_si128((const __m128i *)(s + i + 48));
        _mm_stream_si128((__m128i *)(d + i), a);
        _mm_stream_si128((__m128i *)(d + i + 16), b);
        _mm_stream_si128((__m128i *)(d + i + 32), c);
        _mm_stream_si128((__m128i *)(d + i + 48), e);
    }
    _mm_sfence();
    memcpy(d + i, s + i, n - i);
}

static HG_NOINLINE uint64_t read_sse2(const void *src, size_t n)
{
    const char *s = src;
    __m128i a = _mm_setzero_si128(), b = a, c = a, e = a;
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        a = _mm_xor_si128(a, _mm_loadu_si128((const __m128i *)(s + i)));
        b = _mm_xor_si128(b, _mm_loadu_si128((const __m128i *)(s + i + 16)));
        c = _mm_xor_si128(c, _mm_loadu_si128((const __m128i *)(s + i + 32)));
        e = _mm_xor_si128(e, _mm_loadu_si128((const __m128i *)(s + i + 48)));
    }
    a = _mm_xor_si128(_mm_xor_si128(a, b), _mm_xor_si128(c, e));
    return (uint64_t)_mm_cvtsi128_si64(_mm_xor_si128(a, _mm_unpackhi_epi64(a, a)));
}
#endif

#ifdef HG_DISPATCH
__attribute__((target("avx2"))) static HG_NOINLINE void stream_avx2(void *dst, const void *src, size_t n)
{
    size_t i = head_bytes(dst, n);
    char *d = dst;
    const char *s = src;
    memcpy(d, s, i);
    for (; i + 128 <= n; i += 128) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(s + i));
        __m256i b = _mm256_loadu_si256((const __m256i *)(s + i + 32));
        __m256i c = _mm256_loadu_si256((const __m256i *)(s + i + 64));
        __m256i e = _mm256_loadu_si256((const __m256i *)(s + i + 96));
        _mm256_stream_si256((__m256i *)(d + i), a);
        _mm256_stream_si256((__m256i *)(d + i + 32), b);
        _mm256_stream_si256((__m256i *)(d + i + 64), c);
        _mm256_stream_si256((__m256i *)(d + i + 96), e);
    }
    _mm_sfence();
    memcpy(d + i, s + i, n - i);
}

__attribute__((target("avx2"))) static HG_NOINLINE uint64_t read_avx2(const void *src, size_t n)
{
    const char *s = src;
    __m256i a = _mm256_setzero_si256(), b = a, c = a, e = a;
    uint64_t lanes[4];
    size_t i = 0;
    for (; i + 128 <= n; i += 128) {
        a = _mm256_xor_si256(a, _mm256_loadu_si256((const __m256i *)(s + i)));
        b = _mm256_xor_si256(b, _mm256_loadu_si256((const __m256i *)(s + i + 32)));
        c = _mm256_xor_si256(c, _mm256_loadu_si256((const __m256i *)(s + i + 64)));
        e = _mm256_xor_si256(e, _mm256_loadu_si256((const __m256i *)(s + i + 96)));
    }
    _mm256_storeu_si256((__m256i *)lanes, _mm256_xor_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(c, e)));
    return lanes[0] ^ lanes[1] ^ lanes[2] ^ lanes[3];
}

__attribute__((target("avx512f"))) static HG_NOINLINE void stream_avx512(void *dst, const void *src, size_t n)
{
    size_t i = head_bytes(dst, n);
    char *d = dst;
    const char *s = src;
    memcpy(d, s, i);
    for (; i + 256 <= n; i += 256) {
        __m512i a = _mm512_loadu_si512(s + i);
        __m512i b = _mm512_loadu_si512(s + i + 64);
        __m512i c = _mm512_loadu_si512(s + i + 128);
        __m512i e = _mm512_loadu_si512(s + i + 192);
        _mm512_stream_si512((__m512i *)(d + i), a);
        _mm512_stream_si512((__m512i *)(d + i + 64), b);
        _mm512_stream_si512((__m512i *)(d + i + 128), c);
        _mm512_stream_si512((__m512i *)(d + i + 192), e);
    }
    _mm_sfence();
    memcpy(d + i, s + i, n - i);
}

__attribute__((target("avx512f"))) static HG_NOINLINE uint64_t read_avx512(const void *src, size_t n)
{
    const char *s = src;
    __m512i a = _mm512_setzero_si512(), b = a, c = a, e = a;
    uint64_t lanes[8];
    size_t i = 0;
    for (; i + 256 <= n; i += 256) {
        a = _mm512_xor_si512(a, _mm512_loadu_si512(s + i));
        b = _mm512_xor_si512(b, _mm512_loadu_si512(s + i + 64));
        c = _mm512_xor_si512(c, _mm512_loadu_si512(s + i + 128));
        e = _mm512_xor_si512(e, _mm512_loadu_si512(s + i + 192));
    }
    _mm512_storeu_si512(lanes, _mm512_xor_si512(_mm512_xor_si512(a, b), _mm512_xor_si512(c, e)));
    return lanes[0] ^ lanes[1] ^ lanes[2] ^ lanes[3] ^ lanes[4] ^ lanes[5] ^ lanes[6] ^ lanes[7];
}
#endif

#ifndef HG_X86
#if defined(__clang__) && __has_builtin(__builtin_nontemporal_store)
#define HG_CLANG_NONTEMPORAL 1
typedef uint64_t hg_vector __attribute__((vector_size(16)));

static HG_NOINLINE void stream_clang(void *dst, const void *src, size_t n)
{
    size_t i = head_bytes(dst, n);
    char *d = dst;
    const char *s = src;
    memcpy(d, s, i);
    for (; i + 16 <= n; i += 16) {
        hg_vector a;
        memcpy(&a, s + i, 16);
        __builtin_nontemporal_store(a, (hg_vector *)(d + i));
    }
    __sync_synchronize();
    memcpy(d + i, s + i, n - i);
}
#endif

/* Plain C; the compiler vectorises it for the platform's baseline. */
static HG_NOINLINE uint64_t read_plain(const void *src, size_t n)
{
    const char *s = src;
    uint64_t total = 0, word;
    for (size_t i = 0; i + 8 <= n; i += 8) {
        memcpy(&word, s + i, 8);
        total ^= word;
    }
    return total;
}
#endif

/* ---- dispatch ---------------------------------------------------------------------------------------------------- */

typedef struct {
    copy_fn stream;
    read_fn read;
    const char *stream_isa, *read_isa;
} kernels;

/* Best first; every machine can run the last one of its architecture. */
static const kernels TABLE[] = {
#if defined(HG_DISPATCH)
    {stream_avx512, read_avx512, "avx512f", "avx512f"},
    {stream_avx2, read_avx2, "avx2", "avx2"},
#endif
#if defined(HG_X86)
    {stream_sse2, read_sse2, "sse2", "sse2"},
#elif defined(HG_CLANG_NONTEMPORAL)
    {stream_clang, read_plain, "nontemporal", "plain C"},
#else
    {copy_memcpy, read_plain, "none", "plain C"},
#endif
};
enum { TABLE_LENGTH = sizeof TABLE / sizeof TABLE[0] };

/* The index of the best row this CPU can run. */
static int best_row(void)
{
#if defined(HG_DISPATCH)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") ? 0 : __builtin_cpu_supports("avx2") ? 1 : 2;
#else
    return 0;
#endif
}

static kernels choose(void) { return TABLE[best_row()]; }

int hg_rows(void) { return TABLE_LENGTH - best_row(); }

const char *hg_row_isa(int row) { return TABLE[best_row() + row].stream_isa; }

void hg_row_copy(int row, void *dst, const void *src, size_t n) { TABLE[best_row() + row].stream(dst, src, n); }

uint64_t hg_row_read(int row, const void *src, size_t n) { return TABLE[best_row() + row].read(src, n); }

/* Every call goes through a volatile pointer: the compiler can neither merge two equal copies nor drop one. */
static void copy_number(copy_fn chosen, void *dst, const void *src, size_t n, size_t number)
{
    volatile copy_fn copy = chosen;
    for (size_t k = 0; k < number; k++)
        copy(dst, src, n);
}

void hg_copy_ordinary(void *dst, const void *src, size_t n, size_t number)
{
    copy_number(copy_memcpy, dst, src, n, number);
}

void hg_copy_streaming(void *dst, const void *src, size_t n, size_t number)
{
    copy_number(choose().stream, dst, src, n, number);
}

void hg_read(const void *src, size_t n, size_t number)
{
    volatile read_fn read = choose().read;
    for (size_t k = 0; k < number; k++)
        hg_sink = read(src, n);
}

const char *hg_streaming_isa(void) { return choose().stream_isa; }

const char *hg_read_isa(void) { return choose().read_isa; }

void hg_hypervisor_signature(char *out)
{
    memset(out, 0, 13);
#ifdef HG_X86
    unsigned int r[4] = {0, 0, 0, 0};
#ifdef HG_DISPATCH
    __cpuid(1, r[0], r[1], r[2], r[3]);
    if (!(r[2] >> 31 & 1)) /* the "running under a hypervisor" bit */
        return;
    __cpuid(0x40000000, r[0], r[1], r[2], r[3]);
#else
    __cpuid((int *)r, 1);
    if (!(r[2] >> 31 & 1))
        return;
    __cpuid((int *)r, 0x40000000);
#endif
    memcpy(out, &r[1], 12);
#endif
}
