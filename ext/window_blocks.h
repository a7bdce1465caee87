/* Template, floats: long windows without subtraction, so without drift and without a NaN outliving its window.
 *
 * lanes.h turns the terms into sums s of LANES terms; a window of w = M*LANES + rest terms is then a window of M
 * vectors, lane by lane, and one sum of `rest` terms M vectors back. Vectors are cut into groups of GROUP = 8; with M
 * = 8m + rho the M vectors up to vector r of group g are
 *
 *     the beginning of g up to r                                         by a tree, in registers
 *   + the m-1 groups before g (and the one before those, where r < rho)  group_window.h: once per group
 *   + the end of the group that vector r - M lies in, after that vector  by the same tree, when that group was read.
 *
 * The last is written to a ring, together with the sum of `rest` terms that belongs to it, and read M vectors later.
 * This is the van Herk (1992) and Gil-Werman (1993) scheme with short blocks, so that a pass backwards never leaves
 * registers.
 *
 * Rounding, for every term, whatever w and n: the product 1, lanes.h 1-4, the tree 3, the groups' window 5, the last
 * additions 3: at most 15 roundings (7.5 eps) for float64 and 16 (8 eps) for float32, if all were as large as they can
 * be and of one sign; in practice below 2 eps. */

#define GROUP 8
#define GROUP_TERMS (GROUP * LANES)

/* What the steps of one tile carry from vector to vector: apart from the rest, so that it lives in registers. */
typedef struct {
    NAME(source) source;
    NAME(doubling) last;
} NAME(stream);

typedef struct {
    NAME(stream) stream;
    NAME(group_window) groups;
    int64_t vectors;  /* M */
    int64_t capacity; /* vectors in the ring: a multiple of GROUP, at least M + GROUP */
    V *ring;          /* [capacity + GROUP]: the last GROUP mirror the first, so that a read never wraps */
    NAME(sink) sink;
} NAME(blocks);

/* Vector k of a group: its sum of LANES terms, and in *rest_sum its sum of `rest` terms. */
static INLINE V NAME(enter)(NAME(stream) * stream, const T *x, int k, int kind, int rest, V *rest_sum) {
    const V terms = NAME(terms)(&stream->source, NAME(load)(x + k * LANES), kind, k);
    return NAME(lane_sums)(&stream->last, terms, rest, rest_sum);
}

/* One group: GROUP_TERMS outputs from inputs x, the ring read at `old` and written at `new`; gives the group's sum. */
static INLINE V NAME(blocks_group)(const NAME(blocks) * state, NAME(stream) * stream, const T *x, T *out, const V *old,
                                   V *new, int kind, int rest) {
    V r0, r1, r2, r3, r4, r5, r6, r7;
    const int rho = (int)(state->vectors % GROUP);
    const V before = state->groups.sum, oldest = state->groups.oldest_total;
    const V s0 = NAME(enter)(stream, x, 0, kind, rest, &r0);
    const V s1 = NAME(enter)(stream, x, 1, kind, rest, &r1);
    const V s2 = NAME(enter)(stream, x, 2, kind, rest, &r2);
    const V s3 = NAME(enter)(stream, x, 3, kind, rest, &r3);
    const V s01 = s0 + s1, s23 = s2 + s3, s03 = s01 + s23, before01 = before + s01, before03 = before + s03;
    NAME(store)(out, (0 < rho ? old[0] + oldest : old[0]) + (before + s0));
    NAME(store)(out + LANES, (1 < rho ? old[1] + oldest : old[1]) + before01);
    NAME(store)(out + 2 * LANES, (2 < rho ? old[2] + oldest : old[2]) + (before01 + s2));
    NAME(store)(out + 3 * LANES, (3 < rho ? old[3] + oldest : old[3]) + before03);
    const V s4 = NAME(enter)(stream, x, 4, kind, rest, &r4);
    const V s5 = NAME(enter)(stream, x, 5, kind, rest, &r5);
    const V s6 = NAME(enter)(stream, x, 6, kind, rest, &r6);
    const V s7 = NAME(enter)(stream, x, 7, kind, rest, &r7);
    const V s45 = s4 + s5, s67 = s6 + s7, s47 = s45 + s67, s27 = s23 + s47;
    NAME(store)(out + 4 * LANES, (4 < rho ? old[4] + oldest : old[4]) + (before03 + s4));
    NAME(store)(out + 5 * LANES, (5 < rho ? old[5] + oldest : old[5]) + (before03 + s45));
    NAME(store)(out + 6 * LANES, (6 < rho ? old[6] + oldest : old[6]) + (before03 + (s45 + s6)));
    NAME(store)(out + 7 * LANES, old[7] + (before03 + s47));
    new[0] = rest ? (s1 + s27) + r0 : s1 + s27;
    new[1] = rest ? s27 + r1 : s27;
    new[2] = rest ? (s3 + s47) + r2 : s3 + s47;
    new[3] = rest ? s47 + r3 : s47;
    new[4] = rest ? (s5 + s67) + r4 : s5 + s67;
    new[5] = rest ? s67 + r5 : s67;
    new[6] = rest ? s7 + r6 : s7;
    new[7] = r7; /* 0 where there is no rest */
    NAME(advance)(&stream->source, GROUP);
    return s03 + s47;
}

/* A group of denormal numbers: rare, and therefore out of the loop's way. */
static APART V NAME(careful_group)(NAME(blocks) * state, NAME(stream) * stream, const T *x, T *out, const V *old,
                                   V *new, int rest) {
    return NAME(blocks_group)(state, stream, x, out, old, new, CAREFUL, rest);
}

/* Where group n's inputs are: in the row, or at the row's ends in `padded`, with zeros for what is absent. */
static INLINE const T *NAME(group_inputs)(const sliding_job *job, int64_t n, T *padded) {
    const T *x = job->x;
    if (n >= 1 && n - 1 + GROUP_TERMS <= job->hi) return x + n - 1;
    for (int k = 0; k < GROUP_TERMS; k += LANES) NAME(store)(padded + k, NAME(fetch)(x, n - 1 + k, 0, job->hi));
    return padded;
}

/* All groups from g on. The stream is a copy, so that it lives in registers. */
static INLINE void NAME(blocks_run)(NAME(blocks) * state, const sliding_job *job, int64_t g, int kind, int rest) {
    NAME(stream) stream = state->stream;
    T padded[GROUP * (VECTOR_BYTES / LANE_BYTES)];
    const int64_t capacity = state->capacity;
    int64_t new = GROUP *g % capacity, old = (GROUP * g + capacity - state->vectors) % capacity;
    for (int64_t n = g * GROUP_TERMS; n < job->hi; n += GROUP_TERMS) {
        const T *x = NAME(group_inputs)(job, n, padded);
        T *out = NAME(sink_room)(&state->sink, n, GROUP_TERMS);
        V total;
        for (int line = 0; line < GROUP_TERMS * LANE_BYTES; line += CACHE_LINE) prefetch((const char *)x + line);
        if (__builtin_expect(NAME(with_care)(x, kind) == CAREFUL, 0)) {
            NAME(stream) copy = stream;
            total = NAME(careful_group)(state, &copy, x, out, state->ring + old, state->ring + new, rest);
            stream = copy;
        } else {
            total = NAME(blocks_group)(state, &stream, x, out, state->ring + old, state->ring + new, kind, rest);
        }
        NAME(group_window_add)(&state->groups, total);
        NAME(sink_take)(&state->sink, n, GROUP_TERMS);
        if (new == 0) memcpy(state->ring + capacity, state->ring, GROUP * sizeof(V));
        if ((new += GROUP) == capacity) new = 0;
        if ((old += GROUP) >= capacity) old -= capacity;
    }
}

/* The group to start from: groups and their windows lie where they would if the row were started from 0 (the same bits
 * whatever lo), and everything a window at lo refers to has been read. */
static INLINE int64_t NAME(first_group)(const sliding_job *job, int64_t vectors) {
    const int64_t length = vectors / GROUP > 1 ? vectors / GROUP - 1 : 1, windows = job->lo / GROUP_TERMS / length;
    return windows > 4 ? (windows - 4) * length : 0;
}

static INLINE int NAME(blocks_row)(const sliding_job *given, int kind) {
    const sliding_job copy = *given, *job = &copy; /* not reloaded after every store */
    const int64_t vectors = job->window / LANES, g = NAME(first_group)(job, vectors), n = g * GROUP_TERMS;
    NAME(blocks) state;
    memset(&state, 0, sizeof state);
    state.sink.job = job;
    state.vectors = vectors;
    state.capacity = (vectors / GROUP + 2) * GROUP;
    const size_t ring = (size_t)(state.capacity + GROUP) * VECTOR_BYTES;
    void *memory = calloc(1, ring + NAME(group_window_bytes)(vectors / GROUP) + VECTOR_BYTES);
    if (memory == NULL) return -1;
    char *aligned = (char *)(((uintptr_t)memory + VECTOR_BYTES - 1) / VECTOR_BYTES * VECTOR_BYTES);
    state.ring = (V *)aligned;
    NAME(group_window_open)(&state.groups, vectors / GROUP, aligned + ring);
    NAME(open)(&state.stream.source, job, n - 1 - (n > 0) * LANES);
    const int rest = (int)(job->window % LANES);
    if (n > 0) { /* what slides into the first vector */
        V unused;
        NAME(enter)(&state.stream, (const T *)job->x + n - 1 - LANES, 0, kind, rest, &unused);
        NAME(advance)(&state.stream.source, 1);
    }
    if (rest)
        NAME(blocks_run)(&state, job, g, kind, rest);
    else
        NAME(blocks_run)(&state, job, g, kind, 0);
    free(memory);
    return 0;
}

/* Functions of their own, so that the compiler knows the kind. */
static APART int NAME(blocks_plain)(const sliding_job *job) { return NAME(blocks_row)(job, PLAIN); }
static APART int NAME(blocks_weighted)(const sliding_job *job) { return NAME(blocks_row)(job, WEIGHTED); }
static APART int NAME(blocks_general)(const sliding_job *job) { return NAME(blocks_row)(job, GENERAL); }

static int NAME(absolute)(const sliding_job *job) {
    const int is_short = job->window / LANES <= SHORT_VECTORS;
    if (job->degree == 0 && job->cf[0] == 1) return is_short ? NAME(short_plain)(job) : NAME(blocks_plain)(job);
    if (job->degree == 1 && job->cf[0] == 0 && job->cf[1] == 1 && job->hi < INDEX_LIMIT)
        return is_short ? NAME(short_weighted)(job) : NAME(blocks_weighted)(job);
    return is_short ? NAME(short_general)(job) : NAME(blocks_general)(job);
}
