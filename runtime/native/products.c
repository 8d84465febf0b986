/* The functions that the library offers. */
#include "elements.h"
#include "offered.h"

#ifndef DIGEST
#define DIGEST "unknown"
#endif

#define PIECE_BYTES 131072
#define PIECE_COLUMNS 48
#define PIECES 8 /* of a large panel for each thread */

/* The digest of the sources that this library was made from. */
OFFERED const char *lpuc_digest(void)
{
    return DIGEST;
}

/* Kernel `index` of those that run on this machine, the fastest first; NULL behind the last. */
OFFERED const struct kernel *lpuc_kernel(int index)
{
    const struct kernel *found[4] = {0};
    int count = 0;
#if defined(__x86_64__)
    if (runs_avx512())
        found[count++] = &avx512_kernel;
    if (runs_avx2())
        found[count++] = &avx2_kernel;
#elif defined(__aarch64__)
    found[count++] = &neon_kernel;
#endif
    found[count++] = &portable_kernel;
    return index < count ? found[index] : NULL;
}

OFFERED const char *lpuc_name(const struct kernel *kernel)
{
    return kernel->name;
}

/* How many f32 `x` takes: for rows of the depth, padded to a multiple of PARTIALS. */
static ptrdiff_t padded(int64_t depth)
{
    return (ptrdiff_t)((depth + PARTIALS - 1) / PARTIALS * PARTIALS);
}

/* Copy x into rows without gaps, in f32. */
static void gather_rows(const struct kernel *kernel, const struct panel *panel,
                        const struct rows *rows, float *to)
{
    ptrdiff_t width = padded(panel->depth);
    int dense = rows->x_depth == (rows->x_element == F32 ? 4 : 2);
    for (int64_t b = 0; b < panel->batch; b++)
        for (int64_t m = 0; m < rows->rows; m++, to += width) {
            const char *at = rows->x + b * rows->x_batch + m * rows->x_row;
            if (dense) {
                kernel->widen(at, rows->x_element, panel->depth, to);
                continue;
            }
            for (int64_t k = 0; k < panel->depth; k++)
                to[k] = read_element(at + k * rows->x_depth, rows->x_element);
            for (int64_t k = panel->depth; k < width; k++)
                to[k] = 0;
        }
}

static void multiply_piece(const void *argument, int64_t piece)
{
    const struct job *job = argument;
    int64_t batch = piece / job->pieces, first = piece % job->pieces * job->step;
    job->kernel->multiply(job, batch, first, least(first + job->step, job->panel->columns));
}

/* Columns of one piece, whole blocks: enough bytes to be worth a thread's while, and of a large
 * panel no more pieces than it takes to end together, as each begins new streams.
 */
static int64_t piece_columns(const struct panel *panel, int threads)
{
    int64_t bytes = panel->depth * (panel->element == F32 ? 4 : 2);
    int64_t few = PIECE_BYTES / (bytes + 1), many = panel->columns / (PIECES * threads);
    if (threads < 2)
        return panel->columns;
    return ((few > many ? few : many) / PIECE_COLUMNS + 1) * PIECE_COLUMNS;
}

/* The product of rows with a panel. `scratch` has room for B x M rows of the depth, padded to a
 * multiple of PARTIALS; results may lie where x does, but not where the panel does. */
OFFERED void lpuc_multiply(const struct kernel *kernel, const struct panel *panel,
                           const struct rows *rows, float *scratch, int threads)
{
    struct job job = {kernel, panel, rows, scratch, padded(panel->depth), 0, 0};
    if (!panel->columns || !panel->batch || !rows->rows)
        return;
    gather_rows(kernel, panel, rows, scratch);
    job.step = piece_columns(panel, threads);
    job.pieces = (panel->columns + job.step - 1) / job.step;
    share(threads, job.pieces * panel->batch, multiply_piece, &job);
}

/* Passes one after the other. */
OFFERED void lpuc_passes(const struct kernel *kernel, const struct pass *passes, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        kernel->pass(passes + i);
}
