/* Single elements: sixteen bits to f32 and back, to the nearest and of two to the even one. */
#ifndef ELEMENTS_H
#define ELEMENTS_H

#include <string.h>

#include "products.h"

static inline float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t to_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float bf16_to_f32(uint16_t half)
{
    return from_bits((uint32_t)half << 16);
}

static inline uint16_t f32_to_bf16(float value)
{
    uint32_t bits = to_bits(value);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float f16_to_f32(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7fff;
    if (rest >= 0x7c00)
        return from_bits(sign | 0x7f800000 | (rest & 0x3ff) << 13 | (rest > 0x7c00 ? 0x400000 : 0));
    if (rest < 0x400) /* as many units of 2^-24 */
        return from_bits(sign | to_bits((float)rest * 0x1p-24f));
    return from_bits(sign | (rest + (112 << 10)) << 13);
}

static inline uint16_t f32_to_f16(float value)
{
    uint32_t bits = to_bits(value), sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
    if (rest > 0x7f800000)
        return (uint16_t)(sign | 0x7e00 | (rest >> 13 & 0x3ff));
    if (rest >= 0x477ff000) /* 65520, half way behind the last */
        return (uint16_t)(sign | 0x7c00);
    if (rest < 0x38800000) /* rounded where a unit is 2^-24, by a number whose last bit that is */
        return (uint16_t)(sign | (to_bits(from_bits(rest) + 0.5f) - to_bits(0.5f)));
    rest -= 112 << 23;
    return (uint16_t)(sign | (rest + 0xfff + (rest >> 13 & 1)) >> 13);
}

static inline float read_element(const char *at, int64_t element)
{
    uint16_t half;
    float value;
    if (element == F32) {
        memcpy(&value, at, sizeof value);
        return value;
    }
    memcpy(&half, at, sizeof half);
    return element == F16 ? f16_to_f32(half) : bf16_to_f32(half);
}

static inline void write_element(char *at, int64_t element, float value)
{
    uint16_t half;
    if (element == F32) {
        memcpy(at, &value, sizeof value);
        return;
    }
    half = element == F16 ? f32_to_f16(value) : f32_to_bf16(value);
    memcpy(at, &half, sizeof half);
}

/* A sum goes where it belongs. */
static inline void write_sum(const struct rows *rows, int64_t batch, int64_t row, int64_t column,
                             float sum)
{
    char *at = rows->out + batch * rows->out_batch + row * rows->out_row
               + column * rows->out_column;
    if (rows->accumulate)
        sum += read_element(at, rows->out_element);
    write_element(at, rows->out_element, sum);
}

static inline int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

#endif
