/* Template, floats: long windows without subtraction, so without drift and without a NaN outliving its window.
 *
 * lanes.h turns the terms into sums s of LANES terms; a window of w = M*LANES + rest terms is then a window of M vectors,
 * lane by lane, and one sum of `rest` terms M vectors back. Vectors are cut into groups of GROUP = 8; with M = 8m + rho
 * the M vectors up to vector r of group g are
 *
 *     the beginning of g up to r                                         by a tree, in registers
 *   + the m-1 groups before g (m, where r < rho)                         group_window.h: once per group
 *   + the end of the group that vector r - M lies in, after that vector  by the same tree, when that group was read.
 *
 * The last is written to a ring, together with the sum of `rest` terms that belongs to it, and read M vectors later. This
 * is the van Herk (1992) and Gil-Werman (1993) scheme with short blocks, so that a pass backwards never leaves registers.
 *
 * Rounding, for every term, whatever w and n: the product 1, lanes.h 1-4, the tree 3, the groups' window 3, the last
 * additions 2: in theory at most 12 roundings (6 eps) for float64 with AVX-512, in practice about 1 eps. */

#define GROUP 8
#define GROUP_TERMS (GROUP * LANES)

typedef struct {
    NAME(source) source;
    NAME(doubling) last;
    NAME(group_window) groups;
    int64_t vectors;  /* M */
    int64_t capacity; /* vectors in the ring: a multiple of GROUP, at least M + GROUP */
    V *ring;          /* [capacity + GROUP]: the last GROUP mirror the first, so that a read never wraps */
    NAME(sink) sink;
} NAME(blocks);

/* The next vector's sum of LANES terms; *rest_sum its sum of `rest` terms. */
static INLINE V NAME(blocks_enter)(NAME(blocks) * state, const T *x, int kind, int rest, V *rest_sum) {
    return NAME(lane_sums)(&state->last, NAME(terms)(&state->source, NAME(load)(x), kind), rest, rest_sum);
}

/* One group: GROUP_TERMS outputs from inputs x, the ring read at `old` and written at `new`; gives the group's sum. */
static INLINE V NAME(blocks_group)(NAME(blocks) * state, const T *x, T *out, const V *old, V *new, int kind, int rest) {
    V r0, r1, r2, r3, r4, r5, r6, r7;
    const int rho = (int)(state->vectors % GROUP);
    const V narrow = state->groups.narrow, wide = state->groups.wide;
    const V s0 = NAME(blocks_enter)(state, x, kind, rest, &r0);
    const V s1 = NAME(blocks_enter)(state, x + LANES, kind, rest, &r1);
    const V s2 = NAME(blocks_enter)(state, x + 2 * LANES, kind, rest, &r2);
    const V s3 = NAME(blocks_enter)(state, x + 3 * LANES, kind, rest, &r3);
    const V s01 = s0 + s1, s23 = s2 + s3, s03 = s01 + s23;
    NAME(store)(out, (old[0] + (0 < rho ? wide : narrow)) + s0);
    NAME(store)(out + LANES, (old[1] + (1 < rho ? wide : narrow)) + s01);
    NAME(store)(out + 2 * LANES, (old[2] + (2 < rho ? wide : narrow)) + (s01 + s2));
    NAME(store)(out + 3 * LANES, (old[3] + (3 < rho ? wide : narrow)) + s03);
    const V s4 = NAME(blocks_enter)(state, x + 4 * LANES, kind, rest, &r4);
    const V s5 = NAME(blocks_enter)(state, x + 5 * LANES, kind, rest, &r5);
    const V s6 = NAME(blocks_enter)(state, x + 6 * LANES, kind, rest, &r6);
    const V s7 = NAME(blocks_enter)(state, x + 7 * LANES, kind, rest, &r7);
    const V s45 = s4 + s5, s67 = s6 + s7, s47 = s45 + s67;
    NAME(store)(out + 4 * LANES, (old[4] + (4 < rho ? wide : narrow)) + (s03 + s4));
    NAME(store)(out + 5 * LANES, (old[5] + (5 < rho ? wide : narrow)) + (s03 + s45));
    NAME(store)(out + 6 * LANES, (old[6] + (6 < rho ? wide : narrow)) + (s03 + (s45 + s6)));
    NAME(store)(out + 7 * LANES, (old[7] + narrow) + (s03 + s47));
    const V s17 = s1 + (s23 + s47), s27 = s23 + s47, s37 = s3 + s47, s57 = s5 + s67;
    new[0] = rest ? s17 + r0 : s17;
    new[1] = rest ? s27 + r1 : s27;
    new[2] = rest ? s37 + r2 : s37;
    new[3] = rest ? s47 + r3 : s47;
    new[4] = rest ? s57 + r4 : s57;
    new[5] = rest ? s67 + r5 : s67;
    new[6] = rest ? s7 + r6 : s7;
    new[7] = r7; /* 0 where there is no rest */
    return s03 + s47;
}

/* `count` groups from group g on, outputs n.., inputs from x[n-1] on, all inside. The running state is copied so that it
 * lives in registers: through the pointer it would be stored at every step. */
static INLINE void NAME(blocks_tile)(NAME(blocks) * shared, const T *x, T *out, int64_t g, int64_t count, int kind,
                                     int rest) {
    NAME(blocks) *state = shared;
    const int64_t capacity = state->capacity;
    int64_t new = g * GROUP % capacity, old = (g * GROUP + capacity - state->vectors) % capacity;
    for (; count > 0; count--, x += GROUP_TERMS, out += GROUP_TERMS) {
        for (int line = 0; line < GROUP_TERMS * LANE_BYTES; line += CACHE_LINE) prefetch((const char *)x + line);
        const V total = NAME(blocks_group)(state, x, out, state->ring + old, state->ring + new, kind, rest);
        NAME(group_window_add)(&state->groups, total);
        if (new == 0) memcpy(state->ring + capacity, state->ring, GROUP * sizeof(V));
        if ((new += GROUP) == capacity) new = 0;
        if ((old += GROUP) >= capacity) old -= capacity;
    }
}

static INLINE void NAME(blocks_run)(NAME(blocks) * state, const sliding_job *job, int64_t g, int kind, int rest) {
    const T *x = job->x;
    T padded[TILE_VECTORS * (VECTOR_BYTES / LANE_BYTES)];
    for (int64_t n = g * GROUP_TERMS; n < job->hi;) {
        int64_t groups = (job->hi - n + GROUP_TERMS - 1) / GROUP_TERMS;
        if (groups > TILE_VECTORS / GROUP) groups = TILE_VECTORS / GROUP;
        const int64_t count = groups * GROUP_TERMS;
        const T *from = x + n - 1;
        if (n < 1 || n - 1 + count > job->hi) { /* the row's ends: with zeros for what is absent */
            for (int64_t k = 0; k < count; k += LANES) NAME(store)(padded + k, NAME(fetch)(x, n - 1 + k, 0, job->hi));
            from = padded;
        }
        NAME(blocks_tile)(state, from, NAME(sink_room)(&state->sink, n, (int)count), g, groups, kind, rest);
        NAME(sink_take)(&state->sink, n, (int)count);
        n += count;
        g += groups;
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
    NAME(open)(&state.source, job, n - 1 - (n > 0) * LANES);
    const int rest = (int)(job->window % LANES);
    if (n > 0) { /* what slides into the first vector */
        V unused;
        NAME(blocks_enter)(&state, (const T *)job->x + n - 1 - LANES, kind, rest, &unused);
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
