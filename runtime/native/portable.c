/* The kernel in plain C, for every machine. */
#include <math.h>

#include "elements.h"

#define TARGET
#define LANES 16
#define TILE_ROWS 1
#define BLOCK_COLUMNS 48
#define BLOCK_DEPTH 256
#define TILE_COLUMNS 1
typedef struct {
    float lane[LANES];
} vector;

static inline vector vector_all(float value)
{
    vector v;
    for (int l = 0; l < LANES; l++)
        v.lane[l] = value;
    return v;
}

static inline vector vector_load(const float *at)
{
    vector v;
    memcpy(v.lane, at, sizeof v.lane);
    return v;
}

static inline void vector_store(float *at, vector v)
{
    memcpy(at, v.lane, sizeof v.lane);
}

static inline vector vector_fma(vector a, vector b, vector sum)
{
    for (int l = 0; l < LANES; l++)
        sum.lane[l] += a.lane[l] * b.lane[l];
    return sum;
}

static inline vector vector_f16(const uint16_t *at)
{
    vector v;
    for (int l = 0; l < LANES; l++)
        v.lane[l] = f16_to_f32(at[l]);
    return v;
}

static inline vector vector_bf16(const uint16_t *at)
{
    vector v;
    for (int l = 0; l < LANES; l++)
        v.lane[l] = bf16_to_f32(at[l]);
    return v;
}

static inline float vector_sum(const vector *partials)
{
    vector v = partials[0];
    for (int half = LANES / 2; half; half /= 2)
        for (int l = 0; l < half; l++)
            v.lane[l] += v.lane[l + half];
    return v.lane[0];
}

#define LANE_BY_LANE(name, result)                                                                 \
    static inline vector name(vector a, vector b)                                                  \
    {                                                                                              \
        for (int l = 0; l < LANES; l++) {                                                          \
            float x = a.lane[l], y = b.lane[l];                                                    \
            (void)y;                                                                               \
            a.lane[l] = result;                                                                    \
        }                                                                                          \
        return a;                                                                                  \
    }

LANE_BY_LANE(vector_add, x + y)
LANE_BY_LANE(vector_sub, x - y)
LANE_BY_LANE(vector_mul, x * y)
LANE_BY_LANE(vector_div, x / y)
LANE_BY_LANE(vector_max, x > y || x != x ? x : y)
LANE_BY_LANE(vector_min, x < y || x != x ? x : y)
LANE_BY_LANE(negated, from_bits(to_bits(x) ^ 0x80000000))
LANE_BY_LANE(magnitude, from_bits(to_bits(x) & 0x7fffffff))
LANE_BY_LANE(square_root, sqrtf(x))

static inline void vector_to_f16(uint16_t *at, vector v)
{
    for (int l = 0; l < LANES; l++)
        at[l] = f32_to_f16(v.lane[l]);
}

static inline void vector_to_bf16(uint16_t *at, vector v)
{
    for (int l = 0; l < LANES; l++)
        at[l] = f32_to_bf16(v.lane[l]);
}

#define vector_zero() vector_all(0)
#define vector_neg(a) negated(a, a)
#define vector_abs(a) magnitude(a, a)
#define vector_sqrt(a) square_root(a, a)
#define prefetch(at) ((void)(at))
#define prefetch_second(at) ((void)(at))

#include "sums.h"

#include "forms.h"
#include "passes.h"

const struct kernel portable_kernel = {"portable", multiply, widen_row, do_pass};
