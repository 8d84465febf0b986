/* Both forms for the vectors of one kind of machine, whose file defines them and includes this one. */
#define CLASSES (PARTIALS / LANES)
#define BLOCK_ROWS 64
#define SUMMED 4 /* results of which the last additions are done together */
#define AHEAD 8192
#define INLINE static inline __attribute__((always_inline))
#define UNROLLED _Pragma("GCC unroll 16")

/* LANES elements in f32; `element` is known where this is used. */
TARGET INLINE vector widened(const char *at, int element)
{
    if (element == F32)
        return vector_load((const float *)(const void *)at);
    return element == F16 ? vector_f16((const uint16_t *)(const void *)at)
                          : vector_bf16((const uint16_t *)(const void *)at);
}

INLINE int64_t size_of(int element)
{
    return element == F32 ? 4 : 2;
}

/* The first `count` of PARTIALS elements in f32, zeros behind them. */
static void widen_rest(const char *at, int element, int64_t count, float *to)
{
    memset(to, 0, PARTIALS * sizeof *to);
    for (int64_t k = 0; k < count; k++)
        to[k] = read_element(at + k * size_of(element), element);
}

/* `count` elements that follow each other, padded with zeros to a multiple of PARTIALS. */
TARGET INLINE void widen(const char *at, int element, int64_t count, float *to)
{
    int64_t k = 0;
    for (; k + PARTIALS <= count; k += PARTIALS) {
        prefetch(at + k * size_of(element) + AHEAD);
        UNROLLED for (int c = 0; c < CLASSES; c++)
            vector_store(to + k + c * LANES,
                         widened(at + (k + c * LANES) * size_of(element), element));
    }
    if (k < count)
        widen_rest(at + k * size_of(element), element, count - k, to + k);
}

TARGET static void widen_row(const char *at, int64_t element, int64_t count, float *to)
{
    if (element == F32)
        widen(at, F32, count, to);
    else if (element == F16)
        widen(at, F16, count, to);
    else
        widen(at, BF16, count, to);
}

#include "dot.h"
#include "outer.h"

TARGET INLINE void multiply_elements(const struct job *job, int64_t batch, int64_t first,
                                     int64_t end, int element)
{
    int is_dot = job->panel->form == DOT;
    int64_t rows = job->rows->rows, block = is_dot ? BLOCK_COLUMNS : OUTER_COLUMNS;
    if (rows == 1) {
        if (is_dot)
            dot_row(job, batch, first, end, element);
        else
            outer_row(job, batch, first, end, element);
        return;
    }
    for (int64_t n = first; n < end; n += block)
        for (int64_t m = 0; m < rows; m += BLOCK_ROWS) {
            int64_t height = least(rows - m, BLOCK_ROWS), width = least(end - n, block);
            if (is_dot)
                dot_rows(job, batch, m, height, n, width, element);
            else
                outer_rows(job, batch, m, height, n, width, element);
        }
}

TARGET static void multiply(const struct job *job, int64_t batch, int64_t first, int64_t end)
{
    if (job->panel->element == F32)
        multiply_elements(job, batch, first, end, F32);
    else if (job->panel->element == F16)
        multiply_elements(job, batch, first, end, F16);
    else
        multiply_elements(job, batch, first, end, BF16);
}
