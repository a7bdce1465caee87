/* The kernels for AVX2 with FMA. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define ISA avx2
#define ISA_NAME "avx2"
#include "vector_avx2.h"

#include "kernels_isa.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
