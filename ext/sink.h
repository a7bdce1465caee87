/* Template, floats: results on their way to `out`.
 *
 * Where stores are ordinary, tiles go straight to out. Streaming stores must be aligned, but where a vector lies must
 * not depend on where `out` happens to lie (the rounding of float results depends on it): so tiles are put together in
 * L1 and leave from there in aligned vectors, one tile later: a load that straddles two stores still on their way
 * would wait. */

#define SINK_VECTORS 64

typedef struct {
    const sliding_job *job;
    int begin, end; /* the results waiting in the buffer */
    T buffer[SINK_VECTORS * (VECTOR_BYTES / LANE_BYTES)];
} NAME(sink);

static INLINE int NAME(goes_straight)(const sliding_job *job, int64_t n, int count) {
    return !job->streaming && n >= job->lo && n + count <= job->hi;
}

/* Where to write the results of [n, n + count), far fewer than the buffer holds. */
static INLINE T *NAME(sink_room)(NAME(sink) * sink, int64_t n, int count) {
    if (NAME(goes_straight)(sink->job, n, count)) return (T *)sink->job->out + n;
    if (sink->end + count > SINK_VECTORS * LANES) {
        memmove(sink->buffer, sink->buffer + sink->begin, (size_t)(sink->end - sink->begin) * sizeof(T));
        sink->end -= sink->begin;
        sink->begin = 0;
    }
    return sink->buffer + sink->end;
}

/* Write the waiting results, which end before n, up to `keep` before the last. */
static INLINE void NAME(sink_drain)(NAME(sink) * sink, int64_t n, int keep) {
    const sliding_job *job = sink->job;
    T *out = (T *)job->out + n - sink->end; /* out[k] is the place of buffer[k] */
    int k = sink->begin;
    const int end = sink->end - keep;
    if (job->streaming) {
        for (; k < end && (uintptr_t)(out + k) % VECTOR_BYTES != 0; k++) out[k] = sink->buffer[k];
        for (; k + LANES <= end; k += LANES) stream_vector(out + k, (raw)NAME(load)(sink->buffer + k));
    }
    if (keep == 0) {
        for (; k < end; k++) out[k] = sink->buffer[k];
        if (job->streaming) stream_fence();
    }
    sink->begin = k;
}

/* The results of [n, n + count) are where sink_room said. */
static INLINE void NAME(sink_take)(NAME(sink) * sink, int64_t n, int count) {
    const sliding_job *job = sink->job;
    if (NAME(goes_straight)(job, n, count)) return;
    if (sink->begin == sink->end && n < job->lo) /* nothing before lo is wanted */
        sink->begin += n + count <= job->lo ? count : (int)(job->lo - n);
    sink->end += n + count <= job->hi ? count : (int)(job->hi - n);
    n = n + count <= job->hi ? n + count : job->hi;
    NAME(sink_drain)(sink, n, n == job->hi || !job->streaming ? 0 : count);
}
