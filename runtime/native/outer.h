/* The outer form: a row's elements follow each other, and results add rows in their order.
 *
 * For one row of x, sums of OUTER_WIDTH results lie in memory and take OUTER_DEPTH rows of the panel
 * at once. Of several, blocks of OUTER_BLOCK x OUTER_COLUMNS elements are widened, which up to
 * BLOCK_ROWS rows use: tiles of TILE_ROWS rows and OUTER_VECTORS vectors keep sums in registers.
 */
#define OUTER_WIDTH 1024
#define OUTER_DEPTH 8
#define OUTER_BLOCK 256
#define OUTER_COLUMNS 48
#define OUTER_VECTORS 3

/* Add `count` rows of `columns` elements, each times a number, to sums; `count` is known. */
TARGET INLINE void outer_add(const float *x, const char *at, int64_t stride, const int count,
                             int64_t columns, float *sums, int element)
{
    int64_t n = 0, size = size_of(element);
    float rest[PARTIALS];
    for (; n + LANES <= columns; n += LANES) {
        vector sum = vector_load(sums + n);
        UNROLLED for (int k = 0; k < count; k++) {
            const char *from = at + k * stride + n * size;
            prefetch(from + OUTER_DEPTH * stride);
            sum = vector_fma(vector_all(x[k]), widened(from, element), sum);
        }
        vector_store(sums + n, sum);
    }
    if (n == columns)
        return;
    for (int k = 0; k < count; k++) {
        widen_rest(at + k * stride + n * size, element, columns - n, rest);
        vector_store(sums + n, vector_fma(vector_all(x[k]), vector_load(rest), vector_load(sums + n)));
    }
}

TARGET INLINE void outer_row(const struct job *job, int64_t batch, int64_t first, int64_t end,
                             int element)
{
    const struct panel *panel = job->panel;
    const float *x = job->x + batch * job->padded;
    const char *data = panel->data + batch * panel->batch_stride;
    float sums[OUTER_WIDTH + PARTIALS] __attribute__((aligned(64)));
    for (int64_t n = first; n < end; n += OUTER_WIDTH) {
        int64_t columns = least(end - n, OUTER_WIDTH), stride = panel->depth_stride, k = 0;
        const char *at = data + n * size_of(element);
        memset(sums, 0, sizeof sums);
        for (; k + OUTER_DEPTH <= panel->depth; k += OUTER_DEPTH)
            outer_add(x + k, at + k * stride, stride, OUTER_DEPTH, columns, sums, element);
        for (; k < panel->depth; k++)
            outer_add(x + k, at + k * stride, stride, 1, columns, sums, element);
        for (int64_t i = 0; i < columns; i++)
            write_sum(job->rows, batch, 0, n + i, sums[i]);
    }
}

struct outer_block {
    float values[OUTER_BLOCK * OUTER_COLUMNS] __attribute__((aligned(64)));
    float sums[BLOCK_ROWS * OUTER_COLUMNS] __attribute__((aligned(64)));
};

/* Add to the sums of `rows` x OUTER_VECTORS vectors; `rows` is known where this is used. */
TARGET INLINE void outer_tile(const float *x, ptrdiff_t padded, const float *block, int64_t depth,
                              float *sums, const int rows)
{
    vector sum[TILE_ROWS][OUTER_VECTORS], values[OUTER_VECTORS];
    UNROLLED for (int m = 0; m < rows; m++)
        UNROLLED for (int v = 0; v < OUTER_VECTORS; v++)
            sum[m][v] = vector_load(sums + m * OUTER_COLUMNS + v * LANES);
    for (int64_t k = 0; k < depth; k++) {
        UNROLLED for (int v = 0; v < OUTER_VECTORS; v++)
            values[v] = vector_load(block + k * OUTER_COLUMNS + v * LANES);
        UNROLLED for (int m = 0; m < rows; m++) {
            vector number = vector_all(x[m * padded + k]);
            UNROLLED for (int v = 0; v < OUTER_VECTORS; v++)
                sum[m][v] = vector_fma(number, values[v], sum[m][v]);
        }
    }
    UNROLLED for (int m = 0; m < rows; m++)
        UNROLLED for (int v = 0; v < OUTER_VECTORS; v++)
            vector_store(sums + m * OUTER_COLUMNS + v * LANES, sum[m][v]);
}

TARGET static void outer_tiles(const float *x, ptrdiff_t padded, struct outer_block *block,
                               int64_t depth, int64_t rows, int64_t columns)
{
    for (int64_t n = 0; n < columns; n += OUTER_VECTORS * LANES) {
        int64_t m = 0;
        for (; m + TILE_ROWS <= rows; m += TILE_ROWS)
            outer_tile(x + m * padded, padded, block->values + n, depth,
                       block->sums + m * OUTER_COLUMNS + n, TILE_ROWS);
        for (; m < rows; m++)
            outer_tile(x + m * padded, padded, block->values + n, depth,
                       block->sums + m * OUTER_COLUMNS + n, 1);
    }
}

/* Rows `row` on with columns `column` on, as many as a block has. */
TARGET INLINE void outer_rows(const struct job *job, int64_t batch, int64_t row, int64_t rows,
                              int64_t column, int64_t columns, int element)
{
    const struct panel *panel = job->panel;
    const float *x = job->x + (batch * job->rows->rows + row) * job->padded;
    const char *data = panel->data + batch * panel->batch_stride + column * size_of(element);
    struct outer_block block;
    memset(&block, 0, sizeof block);
    for (int64_t k = 0; k < panel->depth; k += OUTER_BLOCK) {
        int64_t depth = least(panel->depth - k, OUTER_BLOCK);
        for (int64_t i = 0; i < depth; i++)
            widen(data + (k + i) * panel->depth_stride, element, columns,
                  block.values + i * OUTER_COLUMNS);
        outer_tiles(x + k, job->padded, &block, depth, rows, columns);
    }
    for (int64_t m = 0; m < rows; m++)
        for (int64_t n = 0; n < columns; n++)
            write_sum(job->rows, batch, row + m, column + n, block.sums[m * OUTER_COLUMNS + n]);
}
