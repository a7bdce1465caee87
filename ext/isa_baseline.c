/* The kernels every CPU of the platform can run: SSE2 on x86-64, NEON on arm64. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define ISA baseline
#define ISA_NAME "baseline"
#include "vector_generic.h"

#include "kernels_isa.h"
