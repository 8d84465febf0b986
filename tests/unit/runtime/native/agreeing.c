/* The fastest kernel of a machine beside the portable one: the same products and passes.
 *
 * Products are of small integers, exact in any order; passes of any bits, where only what a NaN
 * carries and the sign of a zero that is one of two may differ. It says what differs and fails.
 */
#include "elements.h"

#include <stdio.h>
#include <stdlib.h>

#define TURNS 200
#define ELEMENTS 3
#define MOST 1200
#define ROUNDING 15

void lpuc_multiply(const struct kernel *kernel, const struct panel *panel, const struct rows *rows,
                   float *scratch, int threads);
void lpuc_passes(const struct kernel *kernel, const struct pass *passes, int64_t count);
const struct kernel *lpuc_kernel(int index);
const char *lpuc_name(const struct kernel *kernel);

static unsigned seed = 1;

static int64_t drawn(int64_t bound)
{
    return rand_r(&seed) % bound;
}

static int64_t bytes(int64_t element)
{
    return element == F32 ? 4 : 2;
}

static char *integers(int64_t count, int64_t element)
{
    char *all = malloc((size_t)(count * 4));
    for (int64_t i = 0; i < count; i++)
        write_element(all + i * bytes(element), element, (float)(drawn(9) - 4));
    return all;
}

static void fail(const char *what, int64_t a, int64_t b, int64_t c)
{
    printf("%s differs: %ld %ld %ld\n", what, (long)a, (long)b, (long)c);
    exit(1);
}

static void multiply_once(const struct kernel *kernel)
{
    int64_t depth = 1 + drawn(MOST), columns = 1 + drawn(150), rows = 1 + drawn(9);
    int64_t w = drawn(ELEMENTS), given = drawn(ELEMENTS), wanted = drawn(ELEMENTS);
    int64_t padded = (depth + PARTIALS - 1) / PARTIALS * PARTIALS;
    int is_outer = (int)drawn(2);
    char *x = integers(rows * depth, given), *values = integers(depth * columns, w);
    char *out = integers(rows * columns, wanted);
    float *scratch = malloc((size_t)(rows * padded) * sizeof(float));
    struct panel panel = {
        values, 0, is_outer ? columns * bytes(w) : bytes(w),
        is_outer ? bytes(w) : depth * bytes(w), 1, depth, columns, w, is_outer ? OUTER : DOT};
    struct rows all = {x, out, 0, depth * bytes(given), bytes(given), 0, columns * bytes(wanted),
                       bytes(wanted), rows, given, wanted, 0};
    lpuc_multiply(kernel, &panel, &all, scratch, 1 + (int)drawn(3));
    for (int64_t m = 0; m < rows; m++)
        for (int64_t n = 0; n < columns; n++) {
            char rounded[4];
            float sum = 0;
            for (int64_t k = 0; k < depth; k++)
                sum += read_element(x + (m * depth + k) * bytes(given), given)
                       * read_element(values + k * panel.depth_stride + n * panel.column_stride, w);
            write_element(rounded, wanted, sum);
            if (memcmp(rounded, out + (m * columns + n) * bytes(wanted), (size_t)bytes(wanted)))
                fail("a product", rows, depth, columns);
        }
    free(x), free(values), free(out), free(scratch);
}

static int is_same(const char *a, const char *b, int64_t element)
{
    float x = read_element(a, element), y = read_element(b, element);
    return x == y || (x != x && y != y);
}

static void pass_once(const struct kernel *kernel, const struct kernel *other)
{
    int64_t count = 1 + drawn(MOST), elements[] = {drawn(ELEMENTS), drawn(ELEMENTS), drawn(ELEMENTS)};
    int64_t function = drawn(ROUNDING), step = 1 + drawn(2);
    char *operands[4] = {integers(count * 2, F32), integers(count * 2, F32),
                         integers(count * 2, F32), integers(count * 2, F32)};
    struct pass pass = {function, 3, 4, {1, 1, 1, count}, {{0}}};
    for (int n = 1; n < 3; n++)
        for (int64_t i = 0; i < 4 * count; i++)
            if (drawn(2))
                ((uint16_t *)operands[n])[i] = (uint16_t)drawn(65536);
    for (int n = 0; n < 3; n++) {
        pass.operands[n].data = operands[n];
        pass.operands[n].element = elements[n];
        pass.operands[n].strides[3] = step * bytes(elements[n]);
    }
    lpuc_passes(kernel, &pass, 1);
    pass.operands[0].data = operands[3];
    lpuc_passes(other, &pass, 1);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = i * pass.operands[0].strides[3];
        if (!is_same(operands[0] + at, operands[3] + at, elements[0]))
            fail("a pass", function, count, i);
    }
    for (int n = 0; n < 4; n++)
        free(operands[n]);
}

int main(void)
{
    const struct kernel *kernel = lpuc_kernel(0), *other = kernel;
    for (int i = 1; lpuc_kernel(i); i++)
        other = lpuc_kernel(i);
    printf("%s %s\n", lpuc_name(kernel), lpuc_name(other));
    for (int i = 0; i < TURNS; i++) {
        multiply_once(kernel);
        pass_once(kernel, other);
    }
    return 0;
}
