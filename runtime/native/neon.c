/* The kernel for 64-bit ARM, tested on an emulator: its speed is unknown. */
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
#define vector_add(a, b) vaddq_f32(a, b)
#define vector_sub(a, b) vsubq_f32(a, b)
#define vector_mul(a, b) vmulq_f32(a, b)
#define vector_div(a, b) vdivq_f32(a, b)
#define vector_max(a, b) vbslq_f32(vorrq_u32(vcgtq_f32(a, b), vmvnq_u32(vceqq_f32(a, a))), a, b)
#define vector_min(a, b) vbslq_f32(vorrq_u32(vcltq_f32(a, b), vmvnq_u32(vceqq_f32(a, a))), a, b)
#define vector_sqrt(a) vsqrtq_f32(a)
#define vector_neg(a) vnegq_f32(a)
#define vector_abs(a) vabsq_f32(a)
#define vector_to_f16(at, v) vst1_u16(at, vreinterpret_u16_f16(vcvt_f16_f32(v)))
#define prefetch(at) __builtin_prefetch(at)
#define prefetch_second(at) __builtin_prefetch(at, 0, 2)

/* The tree of the dot form. */
static inline float vector_sum(const vector *partials)
{
    float32x4_t four = vaddq_f32(vaddq_f32(partials[0], partials[2]),
                                 vaddq_f32(partials[1], partials[3]));
    float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

#include "sums.h"

static inline void vector_to_bf16(uint16_t *at, vector v)
{
    float lane[LANES];
    vector_store(lane, v);
    for (int l = 0; l < LANES; l++)
        at[l] = f32_to_bf16(lane[l]);
}

#include "forms.h"
#include "passes.h"

const struct kernel neon_kernel = {"neon", multiply, widen_row, do_pass};

#endif
