/* Template, floats: the sum of the last m-1 groups and, apart, the group before those; one step per group.
 *
 * The two-stack queue (van Herk, 1992): groups are cut into blocks of L = m-1; a window of L groups is the end of one
 * block and the beginning of the next. Beginnings are summed as groups arrive, ends backwards once a block is
 * complete.
 *
 * A plain running sum's error grows with its length. Here pairs of groups are added to a carry that keeps its rounding
 * errors (Knuth's two_sum), so that it is exact to second order, whatever L. */

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
    V sum, oldest_total;      /* of the last m-1 groups; of the one before them */
    NAME(carry) prefix;       /* of the block's complete pairs */
    V half;                   /* the first group of a pair, or 0 */
    int64_t groups, length;   /* m, L */
    int64_t position, oldest; /* in the block; in the ring of totals */
    V *ends;                  /* [L]: totals of this block up to `position`, from there on ends of the previous one */
    V *totals;                /* [m]: a ring of the last m groups' sums */
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
    const V zero = {0};
    NAME(carry) suffix = {zero, zero};
    V *ends = window->ends;
    int64_t k = window->length - 1;
    for (; k >= 1; k -= 2) {
        const V later = ends[k], earlier = ends[k - 1];
        ends[k] = suffix.sum + suffix.lost;
        ends[k - 1] = suffix.sum + (suffix.lost + later);
        NAME(carry_add)(&suffix, later + earlier);
    }
    if (k == 0) ends[0] = suffix.sum + suffix.lost;
    window->prefix = (NAME(carry)){zero, zero};
    window->half = zero;
    window->position = 0;
}

/* The next group's sum has become known. */
static INLINE void NAME(group_window_add)(NAME(group_window) * window, V total) {
    const V zero = {0};
    window->totals[window->oldest] = total;
    if (++window->oldest == window->groups) window->oldest = 0;
    window->oldest_total = window->totals[window->oldest];
    if (window->length == 0) return;
    const V end = window->ends[window->position];
    window->ends[window->position] = total;
    if (window->position % 2 == 0) {
        window->half = total;
    } else {
        NAME(carry_add)(&window->prefix, window->half + total);
        window->half = zero;
    }
    window->sum = (window->prefix.sum + end) + (window->prefix.lost + window->half);
    if (++window->position == window->length) NAME(close_block)(window);
}
