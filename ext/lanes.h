/* Template (T, NAME, LANE_BYTES): vectors of T, and the sum of the last LANES terms ending at every element.
 *
 * Window doubling (Hillis & Steele, CACM 29(12), 1986, without the carry): with s1 = the terms,
 *
 *     s2[m] = s1[m] + s1[m-1],   s4[m] = s2[m] + s2[m-2],   s8[m] = s4[m] + s4[m-4], ...
 *
 * each step one slide between the previous vector and this one and one add: log2(LANES) steps, no dependency from one
 * vector to the next. Sums of `rest` < LANES terms are put together from the same s1, s2, s4 by the bits of `rest`:
 *
 *     r' = s(2^j)[m] + r[m - 2^j]   for every set bit j, lowest first.
 *
 * Every term passes at most log2(LANES) additions, whatever the window. */

#define LANES ((int)(VECTOR_BYTES / LANE_BYTES))
#define V NAME(vector)

typedef T V __attribute__((vector_size(VECTOR_BYTES)));

static INLINE V NAME(load)(const T *p) {
    V v;
    memcpy(&v, p, sizeof v);
    return v;
}

static INLINE void NAME(store)(T *p, V v) { memcpy(p, &v, sizeof v); }

/* before and now as one row, seen 2^level elements earlier. */
static INLINE V NAME(slide)(V before, V now, int level) {
    return (V)slide_bytes((raw)before, (raw)now, LANE_BYTES << level);
}

static INLINE int NAME(clip)(int64_t lane) { return lane < 0 ? 0 : lane > LANES ? LANES : (int)lane; }

/* x[i .. i+LANES), with zeros for what lies outside [start, end). */
static INLINE V NAME(fetch)(const T *x, int64_t i, int64_t start, int64_t end) {
    if (i >= start && i + LANES <= end) return NAME(load)(x + i);
    const int first = NAME(clip)(start - i), last = NAME(clip)(end - i);
    if (first >= last) return (V){0};
    return (V)load_lanes(x + i, first, last, LANE_BYTES);
}

/* Write the lanes of v that fall in [lo, hi) to out[n ..]. */
static INLINE void NAME(put)(T *out, int64_t n, V v, int64_t lo, int64_t hi) {
    if (n >= lo && n + LANES <= hi) {
        NAME(store)(out + n, v);
        return;
    }
    const int first = NAME(clip)(lo - n), last = NAME(clip)(hi - n);
    if (first < last) store_lanes(out + n, (raw)v, first, last, LANE_BYTES);
}

/* The vectors seen last at every level: what slides into the next ones. Named one by one, not an array, so that the
 * compiler keeps them in registers. */
typedef struct {
    V sum0, sum1, sum2, sum3, rest0, rest1, rest2, rest3;
} NAME(doubling);

/* One level: `partial` takes the 2^level terms it is owed, `sum` doubles. */
#define DOUBLE(level)                                                                                         \
    do {                                                                                                      \
        if (rest >> level & 1) {                                                                              \
            const V shorter = partial;                                                                        \
            partial = rest & ((1 << level) - 1) ? sum + NAME(slide)(last->rest##level, shorter, level) : sum; \
            last->rest##level = shorter;                                                                      \
        }                                                                                                     \
        const V doubled = sum + NAME(slide)(last->sum##level, sum, level);                                    \
        last->sum##level = sum;                                                                               \
        sum = doubled;                                                                                        \
    } while (0)

/* The sums of the last LANES terms; in *rest_sum those of the last `rest` terms (0 for rest = 0). */
static INLINE V NAME(lane_sums)(NAME(doubling) * last, V term, int rest, V *rest_sum) {
    V sum = term, partial = {0};
    DOUBLE(0);
    if (LANES > 2) DOUBLE(1);
    if (LANES > 4) DOUBLE(2);
    if (LANES > 8) DOUBLE(3);
    *rest_sum = partial;
    return sum;
}
#undef DOUBLE

/* The output index the vectors start from: at or below `start`, and where streaming such that out[n] is aligned. */
static INLINE int64_t NAME(grid)(const sliding_job *job, int64_t start) {
    if (!job->streaming) return start;
    return start - (int64_t)((uintptr_t)((T *)job->out + start) % VECTOR_BYTES / LANE_BYTES);
}

/* A whole vector of results to its place, which is aligned where streaming. */
static INLINE void NAME(emit)(const sliding_job *job, T *out, V v) {
    if (job->streaming)
        stream_vector(out, (raw)v);
    else
        NAME(store)(out, v);
}
