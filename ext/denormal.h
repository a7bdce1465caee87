/* Template (T a float type): products with denormal numbers that do not stall.
 *
 * A multiplication that reads or makes a denormal number is done in microcode on many CPUs, some 150 cycles per
 * vector; additions are not. With 2^-B the smallest normal number (B = 1022 or 126):
 *
 *     |x| denormal:  (|x| with the exponent of 1) - 1  =  |x| * 2^B                    exactly, by an or and a
 * subtraction back again:    y >= 1: take B from the exponent;   y < 1: the mantissa of y + 1 are the bits of y *
 * 2^-B, rounded.
 *
 * Whether it is needed is asked of one element in a group of vectors, which costs nothing: data of denormal numbers
 * has them everywhere, and a stray one costs one stall. */

typedef BITS NAME(bits) __attribute__((vector_size(VECTOR_BYTES)));

static INLINE int NAME(starts_denormal)(const T *x) {
    BITS magnitude;
    memcpy(&magnitude, x, sizeof magnitude);
    return (magnitude & MAGNITUDE) - 1 < SMALLEST_NORMAL - 1; /* unsigned: false for zero */
}

/* weight * v, rounded once where v is normal; |weight| below 2^(B-1). */
__attribute__((cold)) static APART V NAME(careful_product)(V weight, V v) {
    const V one = (V){0} + (T)1;
    const NAME(bits) magnitude = (NAME(bits))v & MAGNITUDE, sign = (NAME(bits))v ^ magnitude;
    const NAME(bits) denormal = (NAME(bits))(magnitude < SMALLEST_NORMAL);
    const NAME(bits) scaled =
        ((NAME(bits))((V)(magnitude | (NAME(bits))one) - one) & denormal) | (magnitude & ~denormal);
    const V product = weight * (V)scaled;
    const NAME(bits) size = (NAME(bits))product & MAGNITUDE, turned = (NAME(bits))product ^ size;
    const NAME(bits) small = (NAME(bits))(size < (NAME(bits))one);
    const NAME(bits) lowered = size - (NAME(bits))one + SMALLEST_NORMAL; /* B off the exponent */
    const NAME(bits) rounded = (NAME(bits))((V)size + one) - (NAME(bits))one;
    const NAME(bits) back = (((rounded & small) | (lowered & ~small)) & denormal) | (size & ~denormal);
    return (V)(back | (turned ^ sign));
}
