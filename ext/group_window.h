/* Template, floats: the sums of the last m-1 groups (`narrow`) and the last m (`wide`), one step per group.
 *
 * The two-stack queue (van Herk, 1992): groups are cut into blocks of L = m-1; a window of L groups is the end of one block
 * and the beginning of the next. Beginnings are summed as groups arrive, ends backwards once a block is complete.
 *
 * A plain running sum's error grows with its length. Here it is carried with its rounding errors (Knuth's two_sum), so
 * that it is exact to second order, whatever L. */

typedef struct {
    V sum, lost; /* sum + lost is exact to second order */
} NAME(carry);

/* The carry plus v; an infinite sum keeps no correction (inf - inf is NaN). */
static INLINE void NAME(carry_add)(NAME(carry) * carry, V v) {
    const V sum = carry->sum + v, part = sum - carry->sum;
    const V error = (carry->sum - (sum - part)) + (v - part);
    carry->sum = sum;
    carry->lost += (V)((raw)error & (raw)(error == error));
}

typedef struct {
    V narrow, wide;
    NAME(carry) prefix;
    int64_t groups, length;    /* m, L */
    int64_t position, oldest;  /* in the block; in the ring of totals */
    V *ends;                   /* [L]: totals of this block up to `position`, from there on ends of the previous one */
    V *totals;                 /* [m]: a ring of the last m groups' sums */
} NAME(group_window);

static INLINE size_t NAME(group_window_bytes)(int64_t groups) { return (size_t)(2 * groups) * VECTOR_BYTES; }

/* `memory`: zeroed, group_window_bytes long. */
static INLINE void NAME(group_window_open)(NAME(group_window) * window, int64_t groups, void *memory) {
    window->groups = groups;
    window->length = groups - 1;
    window->totals = memory;
    window->ends = window->totals + groups;
}

static INLINE void NAME(close_block)(NAME(group_window) * window) {
    NAME(carry) suffix = {{0}, {0}};
    for (int64_t k = window->length - 1; k >= 0; k--) {
        const V total = window->ends[k];
        window->ends[k] = suffix.sum + suffix.lost;
        NAME(carry_add)(&suffix, total);
    }
    window->prefix = (NAME(carry)){{0}, {0}};
    window->position = 0;
}

/* The next group's sum has become known. */
static INLINE void NAME(group_window_add)(NAME(group_window) * window, V total) {
    window->totals[window->oldest] = total;
    if (++window->oldest == window->groups) window->oldest = 0;
    if (window->length > 0) {
        const V end = window->ends[window->position];
        window->ends[window->position] = total;
        NAME(carry_add)(&window->prefix, total);
        window->narrow = (window->prefix.sum + end) + window->prefix.lost;
        if (++window->position == window->length) NAME(close_block)(window);
    }
    window->wide = window->narrow + window->totals[window->oldest];
}
