/* Which instruction set runs, and when stores go past the caches: the two decisions taken at run time. */
#ifndef HEADGATE_DISPATCH_H
#define HEADGATE_DISPATCH_H

#include "kernels.h"

/* The table in use; never NULL after dispatch_init succeeded. */
const kernel_table *dispatch_kernels(void);

/* Choose the best table, or the one named by HEADGATE_ISA. 0, or -1 with a message for the user. */
int dispatch_init(char *message, size_t size);

/* Force one table by name. 0, or -1 with a message for the user. */
int dispatch_set(const char *name, char *message, size_t size);

/* The i-th table this CPU can run, best first; NULL past the last. */
const kernel_table *dispatch_supported(int i);

/* Outputs of at least this many bytes are written past the caches. */
size_t streaming_threshold(void);
void set_streaming_threshold(size_t bytes);

#endif
