/* The kernel for x86-64 with AVX2, FMA and F16C. */
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <cpuid.h>
#include <immintrin.h>

#include "elements.h"

#define TARGET __attribute__((target("avx2,fma,f16c")))
#define LANES 8
#define TILE_ROWS 4
#define BLOCK_COLUMNS 24
#define BLOCK_DEPTH 256
#define TILE_COLUMNS 3
typedef __m256 vector;

#define vector_zero() _mm256_setzero_ps()
#define vector_all(value) _mm256_set1_ps(value)
#define vector_load(at) _mm256_loadu_ps(at)
#define vector_store(at, v) _mm256_storeu_ps(at, v)
#define vector_fma(a, b, sum) _mm256_fmadd_ps(a, b, sum)
#define vector_f16(at) _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(at)))
#define vector_bf16(at)                                                                            \
    _mm256_castsi256_ps(_mm256_slli_epi32(                                                         \
        _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(at))), 16))
#define vector_add(a, b) _mm256_add_ps(a, b)
#define vector_sub(a, b) _mm256_sub_ps(a, b)
#define vector_mul(a, b) _mm256_mul_ps(a, b)
#define vector_div(a, b) _mm256_div_ps(a, b)
#define vector_sqrt(a) _mm256_sqrt_ps(a)
#define vector_neg(a) _mm256_xor_ps(_mm256_set1_ps(-0.0f), a)
#define vector_abs(a) _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a)
#define vector_to_f16(at, v)                                                                       \
    _mm_storeu_si128((__m128i *)(at), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT))
#define prefetch(at) _mm_prefetch((const char *)(at), _MM_HINT_T0)
#define prefetch_second(at) _mm_prefetch((const char *)(at), _MM_HINT_T1)

#include "sums_x86.h"

/* The tree of the dot form. */
TARGET static inline float vector_sum(const vector *partials)
{
    return one_of_eight(_mm256_add_ps(partials[0], partials[1]));
}

/* The greater and the less of two; one that is NaN, if any is. */
TARGET static inline vector vector_max(vector a, vector b)
{
    __m256 first = _mm256_or_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ), _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
    return _mm256_blendv_ps(b, a, first);
}

TARGET static inline vector vector_min(vector a, vector b)
{
    __m256 first = _mm256_or_ps(_mm256_cmp_ps(a, b, _CMP_LT_OQ), _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
    return _mm256_blendv_ps(b, a, first);
}

TARGET static inline void vector_to_bf16(uint16_t *at, vector v)
{
    __m256i bits = _mm256_castps_si256(v), high = _mm256_srli_epi32(bits, 16);
    __m256i odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
    __m256i half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
    __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, half), 16);
    __m256i nan = _mm256_or_si256(high, _mm256_set1_epi32(0x40));
    __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    __m256i found = _mm256_blendv_epi8(rounded, nan, is_nan);
    found = _mm256_permute4x64_epi64(_mm256_packus_epi32(found, found), 0xd8);
    _mm_storeu_si128((__m128i *)at, _mm256_castsi256_si128(found));
}

#include "forms.h"
#include "passes.h"

int runs_avx2(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && c & bit_F16C && __builtin_cpu_supports("fma")
           && __builtin_cpu_supports("avx2");
}

const struct kernel avx2_kernel = {"avx2", multiply, widen_row, do_pass};

#endif
