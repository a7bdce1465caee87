/* Template: the terms p(i)*x[i] of an integer row, a vector at a time.
 *
 * The weights of LANES neighbours advance together by forward differences with stride LANES: d additions per vector
 * for degree d, exact because integers wrap (Newton's forward differences; Babbage's machine did the same).
 *
 * PLAIN is p = 1, WEIGHTED any p of degree 1, GENERAL any p. */

typedef struct {
    V weight, step;           /* p at the next elements, and its first difference */
    V higher[MAX_DEGREE - 1]; /* GENERAL: the differences of order 2 .. degree */
    int degree;
} NAME(source);

static INLINE T NAME(evaluate)(const uint64_t *coefficients, int degree, int64_t at) {
    uint64_t value = 0;
    for (int j = degree; j >= 0; j--) value = value * (uint64_t)at + coefficients[j];
    return (T)value;
}

/* Weights p(i), p(i+1), ... for a first vector at element i; degree >= 1. */
static INLINE void NAME(open_polynomial)(NAME(source) * source, const uint64_t *coefficients, int degree, int64_t i,
                                         int kind) {
    V difference[MAX_DEGREE + 1] = {{0}};
    for (int order = 0; order <= degree; order++) {
        T lanes[LANES];
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] = NAME(evaluate)(coefficients, degree, i + lane + (int64_t)order * LANES);
        difference[order] = NAME(load)(lanes);
    }
    for (int order = 1; order <= degree; order++)
        for (int j = degree; j >= order; j--) difference[j] -= difference[j - 1];
    source->weight = difference[0];
    source->step = difference[1];
    source->degree = degree;
    if (kind == GENERAL)
        for (int j = 2; j <= degree; j++) source->higher[j - 2] = difference[j];
}

static INLINE void NAME(open)(NAME(source) * source, const sliding_job *job, int64_t i, int kind) {
    if (kind == GENERAL) NAME(open_polynomial)(source, job->ci, job->degree > 1 ? job->degree : 1, i, kind);
    if (kind == WEIGHTED) { /* without the detour: at ten elements it would be most of the call */
        V lane = {0};
        for (int k = 0; k < LANES; k++) lane[k] = (T)k;
        const T c0 = (T)job->ci[0], c1 = (T)job->ci[1];
        source->weight = lane * c1 + (T)(c0 + c1 * (T)i);
        source->step = (V){0} + (T)(c1 * (T)LANES);
    }
}

/* The terms of the elements v. */
static INLINE V NAME(terms)(NAME(source) * source, V v, int kind) {
    if (kind == PLAIN) return v;
    const V terms = source->weight * v;
    source->weight += source->step;
    if (kind == GENERAL) {
        if (source->degree > 1) source->step += source->higher[0];
        for (int j = 2; j < source->degree; j++) source->higher[j - 2] += source->higher[j - 1];
    }
    return terms;
}
