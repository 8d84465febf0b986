/* Products from several threads, each on several threads, with each kernel of this machine.
 *
 * It is linked with the sources of the library under a sanitizer, which ends it where memory is used
 * wrongly or two threads disagree. Elements are small integers: sums are exact in any order.
 */
#include "products.h"

#include <pthread.h>
#include <stdlib.h>

#define CALLERS 3
#define TURNS 60

void lpuc_multiply(const struct kernel *kernel, const struct panel *panel, const struct rows *rows,
                   float *scratch, int threads);
const struct kernel *lpuc_kernel(int index);

int __real_pthread_attr_setstacksize(pthread_attr_t *attributes, size_t bytes);

/* Threads have room for what a sanitizer keeps there, too. */
int __wrap_pthread_attr_setstacksize(pthread_attr_t *attributes, size_t bytes)
{
    return __real_pthread_attr_setstacksize(attributes, bytes + ((size_t)64 << 20));
}

static unsigned drawn(unsigned *seed, int bound)
{
    return (unsigned)rand_r(seed) % (unsigned)bound;
}

static float *numbers(unsigned *seed, size_t count)
{
    float *all = malloc(count * sizeof *all);
    for (size_t i = 0; i < count; i++)
        all[i] = (float)drawn(seed, 9) - 4;
    return all;
}

/* Element [k, n] of a panel of either form. */
static float at(const struct panel *panel, int64_t k, int64_t n)
{
    return *(const float *)(panel->data + k * panel->depth_stride + n * panel->column_stride);
}

static void check(const struct panel *panel, const float *x, const float *out, int64_t rows)
{
    for (int64_t m = 0; m < rows; m++)
        for (int64_t n = 0; n < panel->columns; n++) {
            float sum = 0;
            for (int64_t k = 0; k < panel->depth; k++)
                sum += x[m * panel->depth + k] * at(panel, k, n);
            if (sum != out[m * panel->columns + n])
                abort();
        }
}

static void turn(unsigned *seed)
{
    int64_t depth = 1 + drawn(seed, 300), columns = 1 + drawn(seed, 600), rows = 1 + drawn(seed, 9);
    int64_t element = sizeof(float), padded = (depth + PARTIALS - 1) / PARTIALS * PARTIALS;
    int threads = 1 + (int)drawn(seed, 4), is_outer = (int)drawn(seed, 2);
    const struct kernel *kernel = lpuc_kernel((int)drawn(seed, 3));
    float *x = numbers(seed, rows * depth), *values = numbers(seed, depth * columns);
    float *out = numbers(seed, rows * columns), *scratch = malloc(rows * padded * sizeof(float));
    struct panel panel = {
        (char *)values, 0, is_outer ? columns * element : element,
        is_outer ? element : depth * element, 1, depth, columns, F32, is_outer ? OUTER : DOT};
    struct rows given = {(char *)x, (char *)out, 0, depth * element, element,
                         0, columns * element, element, rows, F32, F32, 0};
    lpuc_multiply(kernel ? kernel : lpuc_kernel(0), &panel, &given, scratch, threads);
    check(&panel, x, out, rows);
    free(x);
    free(values);
    free(out);
    free(scratch);
}

static void *turns(void *number)
{
    unsigned seed = (unsigned)(uintptr_t)number;
    for (int i = 0; i < TURNS; i++)
        turn(&seed);
    return NULL;
}

int main(void)
{
    pthread_t threads[CALLERS];
    for (uintptr_t i = 0; i < CALLERS; i++)
        if (pthread_create(&threads[i], NULL, turns, (void *)i))
            abort();
    for (int i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
