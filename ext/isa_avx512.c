/* The kernels for AVX-512 (F, DQ, BW, VL) with FMA. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prefer-vector-width=512")
#endif
#define ISA avx512
#define ISA_NAME "avx512"
#include "vector_avx512.h"

#include "kernels_isa.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
