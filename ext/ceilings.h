/* The machine's own limits: copies with ordinary and with streaming stores, reads, and the clock that times them. */
#ifndef HEADGATE_CEILINGS_H
#define HEADGATE_CEILINGS_H

#include <stddef.h>
#include <stdint.h>

/* Monotonic time in nanoseconds. */
int64_t hg_clock_ns(void);

/* Copy n bytes `number` times; ordinary stores are the C library's memcpy. dst and src must not overlap. */
void hg_copy_ordinary(void *dst, const void *src, size_t n, size_t number);
void hg_copy_streaming(void *dst, const void *src, size_t n, size_t number);

/* Read n bytes `number` times. */
void hg_read(const void *src, size_t n, size_t number);

/* The instructions chosen at run time: "avx512f", "avx2", "sse2", "nontemporal" (clang elsewhere) or "none". */
const char *hg_streaming_isa(void);
const char *hg_read_isa(void);

/* For the tests: the kernels this CPU can run, best first; the read returns the xor of the whole 8-byte words it took. */
int hg_rows(void);
const char *hg_row_isa(int row);
void hg_row_copy(int row, void *dst, const void *src, size_t n);
uint64_t hg_row_read(int row, const void *src, size_t n);

/* The hypervisor's own signature (CPUID leaf 0x40000000) in out[13]; empty without one, or where CPUID does not exist. */
void hg_hypervisor_signature(char *out);

#endif
