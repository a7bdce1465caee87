/* Error-free transformations on vectors of doubles, and what is built on them.
 *
 * two_sum: Knuth, TAOCP 2, 4.2.2; two_product: with FMA, or Dekker's splitting (Numer. Math. 18, 1971) without.
 * Compiled with -ffp-contract=off, and never with -ffast-math. */

#define DOUBLES ((int)(VECTOR_BYTES / 8))

/* a + b = sum + *error exactly. */
static INLINE doubles two_sum(doubles a, doubles b, doubles *error) {
    const doubles sum = a + b, part = sum - a;
    *error = (a - (sum - part)) + (b - part);
    return sum;
}

/* a * b = product + *error exactly (barring overflow). */
static INLINE doubles two_product(doubles a, doubles b, doubles *error) {
    const doubles product = a * b;
#if HAS_FMA
    *error = fused(a, b, -product);
#else
    const double splitter = 134217729.0; /* 2^27 + 1 */
    const doubles scaled_a = a * splitter, scaled_b = b * splitter;
    const doubles high_a = scaled_a - (scaled_a - a), high_b = scaled_b - (scaled_b - b);
    const doubles low_a = a - high_a, low_b = b - high_b;
    *error = ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b;
#endif
    return product;
}

/* p(t), p(t+1), ...: rounded about once. */
static INLINE doubles polynomial(const double *coefficients, int degree, double t) {
    doubles at = (doubles){0} + t, value = (doubles){0} + coefficients[degree], correction = {0};
    for (int k = 0; k < DOUBLES; k++) at[k] += k;
    for (int j = degree - 1; j >= 0; j--) {
        doubles product_error, sum_error;
        const doubles product = two_product(value, at, &product_error);
        value = two_sum(product, (doubles){0} + coefficients[j], &sum_error);
        correction = correction * at + (product_error + sum_error);
    }
    const doubles corrected = value + correction;
    const raw is_number = (raw)(corrected == corrected); /* past the range of double there is nothing to correct */
    return (doubles)(((raw)corrected & is_number) | ((raw)value & ~is_number));
}
