/* The kernel for 64-bit ARM. Compiled there only, and untested. */
#if defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))

#include <arm_neon.h>

#include "elements.h"

#define TARGET
#define LANES 4
#define TILE_ROWS 4
#define BLOCK_COLUMNS 48
#define BLOCK_DEPTH 256
#define TILE_COLUMNS 4
typedef float32x4_t vector;

#define vector_zero() vdupq_n_f32(0)
#define vector_all(value) vdupq_n_f32(value)
#define vector_load(at) vld1q_f32(at)
#define vector_store(at, v) vst1q_f32(at, v)
#define vector_fma(a, b, sum) vfmaq_f32(sum, a, b)
#define vector_f16(at) vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(at)))
#define vector_bf16(at) vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(at), 16))
#define prefetch(at) __builtin_prefetch(at)

/* The tree of the dot form. */
static inline float vector_sum(const vector *partials)
{
    float32x4_t four = vaddq_f32(vaddq_f32(partials[0], partials[2]),
                                 vaddq_f32(partials[1], partials[3]));
    float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

/* The tree of the dot form for results whose partial sums lie after each other. */
TARGET static inline void vector_sums(const float *sums, float *results)
{
    for (int i = 0; i < 4; i++) {
        vector partials[PARTIALS / LANES];
        for (int c = 0; c < PARTIALS / LANES; c++)
            partials[c] = vector_load(sums + i * PARTIALS + c * LANES);
        results[i] = vector_sum(partials);
    }
}

#include "forms.h"

const struct kernel neon_kernel = {"neon", multiply, widen_row};

#endif
