/* Template: the terms p(i)*x[i] of a float row, a vector at a time. INDEX_T: exact for every index of the row.
 *
 * PLAIN is p = 1, WEIGHTED is p(i) = i, GENERAL any polynomial: there p(i) is rounded once from a compensated Horner
 * scheme in double (Graillat, Langlois & Louvet, 2005), because next to a root of p a plain one loses all digits. */

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

static APART void NAME(general_terms)(const NAME(source) * source, V *terms) {
    const V v = *terms;
    for (int lane = 0; lane < LANES; lane += DOUBLES) {
        const doubles weight = polynomial(source->coefficients, source->degree, (double)(source->next + lane));
        if (LANE_BYTES == 8 && NAME(starts_denormal)(v)) { /* a float that is denormal is a normal double */
            *terms = NAME(careful_product)((V)weight, v);
            return;
        }
        NAME(part) x, y;
        memcpy(&x, (const char *)&v + lane * LANE_BYTES, sizeof x);
        y = __builtin_convertvector(weight * __builtin_convertvector(x, doubles), NAME(part));
        memcpy((char *)terms + lane * LANE_BYTES, &y, sizeof y);
    }
}

/* The terms of the elements v. */
static INLINE V NAME(terms)(NAME(source) * source, V v, int kind) {
    V terms = v;
    if (kind == GENERAL) {
        NAME(general_terms)(source, &terms);
        source->next += LANES;
    } else if (kind == WEIGHTED) {
        const V weight = __builtin_convertvector(source->index, V);
        if (__builtin_expect(NAME(starts_denormal)(v), 0))
            terms = NAME(careful_product)(weight, v);
        else
            terms = weight * v;
        source->index += LANES;
    }
    return terms;
}
