/* Partial loads and stores through the stack, for the instruction sets without masks. */
static INLINE raw load_lanes(const void *p, int first, int last, int lane_bytes) {
    unsigned char lanes[VECTOR_BYTES] = {0};
    raw v;
    for (int byte = first * lane_bytes; byte < last * lane_bytes; byte++)
        lanes[byte] = ((const unsigned char *)p)[byte];
    memcpy(&v, lanes, sizeof v);
    return v;
}

static INLINE void store_lanes(void *p, raw v, int first, int last, int lane_bytes) {
    unsigned char lanes[VECTOR_BYTES];
    memcpy(lanes, &v, sizeof v);
    for (int byte = first * lane_bytes; byte < last * lane_bytes; byte++) ((unsigned char *)p)[byte] = lanes[byte];
}
