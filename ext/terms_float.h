/* Template: the terms p(i)*x[i] of a float row, a vector at a time. INDEX_T: exact for every index of the row.
 *
 * PLAIN is p = 1, WEIGHTED is p(i) = i (CAREFUL the same for denormal data, see denormal.h), GENERAL any polynomial:
 * there p(i) is rounded once from a compensated Horner scheme in double (Graillat, Langlois & Louvet, 2005), because
 * next to a root of p a plain one loses all digits. */

typedef INDEX_T NAME(indices) __attribute__((vector_size(VECTOR_BYTES)));

typedef struct {
    NAME(indices) index; /* of the next elements (PLAIN, WEIGHTED) */
    int64_t next;        /* the first of them (GENERAL) */
    const double *coefficients;
    int degree;
} NAME(source);

typedef T NAME(part) __attribute__((vector_size(LANE_BYTES * DOUBLES))); /* as many as a vector of doubles holds */

static INLINE void NAME(open)(NAME(source) * source, const sliding_job *job, int64_t i) {
    for (int lane = 0; lane < LANES; lane++) source->index[lane] = (INDEX_T)(i + lane);
    source->next = i;
    source->coefficients = job->cf;
    source->degree = job->degree;
}

static APART void NAME(general_terms)(const NAME(source) * source, V *terms, int64_t at) {
    const V v = *terms;
    for (int lane = 0; lane < LANES; lane += DOUBLES) {
        const doubles weight = polynomial(source->coefficients, source->degree, (double)(at + lane));
        if (LANE_BYTES == 8 &&
            NAME(starts_denormal)((const T *)terms)) { /* a float that is denormal is a normal double */
            *terms = NAME(careful_product)((V)weight, v);
            return;
        }
        NAME(part) x, y;
        memcpy(&x, (const char *)&v + lane * LANE_BYTES, sizeof x);
        y = __builtin_convertvector(weight * __builtin_convertvector(x, doubles), NAME(part));
        memcpy((char *)terms + lane * LANE_BYTES, &y, sizeof y);
    }
}

/* The terms of the elements v, which are `ahead` vectors after the next ones. */
static INLINE V NAME(terms)(const NAME(source) * source, V v, int kind, int ahead) {
    if (kind == PLAIN) return v;
    if (kind == GENERAL) {
        V terms = v;
        NAME(general_terms)(source, &terms, source->next + (int64_t)ahead * LANES);
        return terms;
    }
    const NAME(indices) index = ahead ? source->index + (INDEX_T)(ahead * LANES) : source->index;
    const V weight = __builtin_convertvector(index, V);
    return kind == CAREFUL ? NAME(careful_product)(weight, v) : weight * v;
}

static INLINE void NAME(advance)(NAME(source) * source, int vectors) {
    source->index += (INDEX_T)(vectors * LANES);
    source->next += (int64_t)vectors * LANES;
}

/* WEIGHTED terms are multiplied with care where the data starts denormal; asked once for many vectors. */
static INLINE int NAME(with_care)(const T *x, int kind) {
    return kind == WEIGHTED && NAME(starts_denormal)(x) ? CAREFUL : kind;
}
