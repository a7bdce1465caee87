/* Rows and chunks of rows over threads. */
#ifndef HEADGATE_PARALLEL_H
#define HEADGATE_PARALLEL_H

#include "kernels.h"

/* `rows` rows of job->hi contiguous elements of `itemsize` bytes each. 0, or -1 when out of memory. */
int run_rows(sliding_kernel kernel, const sliding_job *job, int64_t rows, size_t itemsize, int threads);

#endif
