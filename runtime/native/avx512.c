/* The kernel for x86-64 with AVX-512. It gives the bits of the AVX2 kernel, which takes what that one
 * is as fast with: single rows, columns of a few elements, and passes.
 */
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>

#include "elements.h"

#define TARGET __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,f16c")))
#define LANES 16
#define TILE_ROWS 4
#define BLOCK_COLUMNS 24
#define BLOCK_DEPTH 512
#define TILE_COLUMNS 6
typedef __m512 vector;

#define vector_zero() _mm512_setzero_ps()
#define vector_all(value) _mm512_set1_ps(value)
#define vector_load(at) _mm512_loadu_ps(at)
#define vector_store(at, v) _mm512_storeu_ps(at, v)
#define vector_fma(a, b, sum) _mm512_fmadd_ps(a, b, sum)
#define vector_f16(at) _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(at)))
#define vector_bf16(at)                                                                            \
    _mm512_castsi512_ps(_mm512_slli_epi32(                                                         \
        _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(at))), 16))
#define prefetch(at) _mm_prefetch((const char *)(at), _MM_HINT_T0)
#define prefetch_second(at) _mm_prefetch((const char *)(at), _MM_HINT_T1)

#include "sums_x86.h"

/* The tree of the dot form. */
TARGET static inline float vector_sum(const vector *partials)
{
    return one_of_eight(_mm256_add_ps(_mm512_castps512_ps256(partials[0]),
                                      _mm512_extractf32x8_ps(partials[0], 1)));
}

#include "forms.h"

TARGET static void multiply_any(const struct job *job, int64_t batch, int64_t first, int64_t end)
{
    if (job->rows->rows == 1 || job->panel->depth < BLOCK_DEPTH)
        avx2_kernel.multiply(job, batch, first, end);
    else
        multiply(job, batch, first, end);
}

static void pass_any(const struct pass *pass)
{
    avx2_kernel.pass(pass);
}

int runs_avx512(void)
{
    return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
           && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}

const struct kernel avx512_kernel = {"avx512", multiply_any, widen_row, pass_any};

#endif
