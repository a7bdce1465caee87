/* Every kernel for one instruction set. The including isa_*.c has chosen the target and defined ISA and `vector_*.h`.
 */

enum { PLAIN, WEIGHTED, GENERAL, CAREFUL }; /* p = 1, p(i) = i (floats) or any (integers), any (floats) */

/* Hardware prefetchers stop at the end of every 4 KiB page; asking one page ahead keeps the stream going. Measured:
 * 512 bytes to 16 KiB ahead on Sapphire Rapids, best from 4 to 8 KiB. */
#define PREFETCH_BYTES 2048
#define NEAR_BYTES 1024
#define CACHE_LINE 64
static INLINE void prefetch(const void *p) { __builtin_prefetch((const char *)p + PREFETCH_BYTES); }

#define PASTE_(a, b) a##_##b
#define PASTE(a, b) PASTE_(a, b)

#define T uint32_t
#define LANE_BYTES 4
#define NAME(name) name##_u32
#include "lanes.h"
#include "terms_integer.h"
#include "window_running.h"
#include "lag_running.h"
#undef T
#undef LANE_BYTES
#undef NAME

#define T uint64_t
#define LANE_BYTES 8
#define NAME(name) name##_u64
#include "lanes.h"
#include "terms_integer.h"
#include "window_running.h"
#include "lag_running.h"
#undef T
#undef LANE_BYTES
#undef NAME

#include "exact.h"
#include "lag_repair.h"
#include "lag_moments.h"

#define T float
#define LANE_BYTES 4
#define BITS uint32_t
#define MAGNITUDE 0x7fffffffu
#define SMALLEST_NORMAL 0x00800000u
#define INDEX_T int32_t
#define INDEX_LIMIT INT32_MAX
#define NAME(name) name##_f32
#include "lanes.h"
#include "denormal.h"
#include "sink.h"
#include "terms_float.h"
#include "window_short.h"
#include "group_window.h"
#include "window_blocks.h"
#include "lag_float.h"
#undef T
#undef LANE_BYTES
#undef BITS
#undef MAGNITUDE
#undef SMALLEST_NORMAL
#undef INDEX_T
#undef INDEX_LIMIT
#undef NAME

#define T double
#define LANE_BYTES 8
#define BITS uint64_t
#define MAGNITUDE 0x7fffffffffffffffu
#define SMALLEST_NORMAL 0x0010000000000000u
#define INDEX_T double
#define INDEX_LIMIT ((int64_t)1 << 53)
#define NAME(name) name##_f64
#include "lanes.h"
#include "denormal.h"
#include "sink.h"
#include "terms_float.h"
#include "window_short.h"
#include "group_window.h"
#include "window_blocks.h"
#include "lag_float.h"
#undef T
#undef LANE_BYTES
#undef BITS
#undef MAGNITUDE
#undef SMALLEST_NORMAL
#undef INDEX_T
#undef INDEX_LIMIT
#undef NAME

static void copy_bytes(void *out, const void *x, size_t bytes, int streaming) {
    if (!streaming) {
        memcpy(out, x, bytes);
        return;
    }
    size_t head = (VECTOR_BYTES - (uintptr_t)out % VECTOR_BYTES) % VECTOR_BYTES, at;
    if (head > bytes) head = bytes;
    memcpy(out, x, head);
    for (at = head; at + VECTOR_BYTES <= bytes; at += VECTOR_BYTES) {
        raw v;
        memcpy(&v, (const char *)x + at, sizeof v);
        stream_vector((char *)out + at, v);
    }
    stream_fence();
    memcpy((char *)out + at, (const char *)x + at, bytes - at);
}

const kernel_table PASTE(kernels, ISA) = {
    .name = ISA_NAME,
    .sliding = {{absolute_u32, absolute_u64, absolute_f32, absolute_f64}, {lag_u32, lag_u64, lag_f32, lag_f64}},
    .copy = copy_bytes,
};
