/* The dot form: a column's elements follow each other.
 *
 * One row is multiplied column by column, straight from the panel. Of several rows, blocks of
 * BLOCK_DEPTH x BLOCK_COLUMNS elements are widened, which up to BLOCK_ROWS rows use: tiles of
 * TILE_ROWS x TILE_COLUMNS results keep their partial sums in registers and, between blocks of the
 * depth, in memory, which changes no bit of them.
 */
#define BLOCK_COLUMNS 48

struct dot_block {
    float values[BLOCK_COLUMNS * BLOCK_DEPTH] __attribute__((aligned(64)));
    float sums[BLOCK_ROWS * BLOCK_COLUMNS * PARTIALS] __attribute__((aligned(64)));
};

TARGET INLINE float dot_column(const float *x, const char *column, int element, int64_t depth)
{
    vector partials[CLASSES];
    int64_t k = 0, size = size_of(element);
    UNROLLED for (int c = 0; c < CLASSES; c++)
        partials[c] = vector_zero();
    for (; k + PARTIALS <= depth; k += PARTIALS) {
        prefetch(column + k * size + AHEAD);
        UNROLLED for (int c = 0; c < CLASSES; c++)
            partials[c] = vector_fma(vector_load(x + k + c * LANES),
                                     widened(column + (k + c * LANES) * size, element), partials[c]);
    }
    if (k < depth) {
        float rest[PARTIALS];
        widen_rest(column + k * size, element, depth - k, rest);
        UNROLLED for (int c = 0; c < CLASSES; c++)
            partials[c] = vector_fma(vector_load(x + k + c * LANES),
                                     vector_load(rest + c * LANES), partials[c]);
    }
    return vector_sum(partials);
}

TARGET INLINE void dot_row(const struct job *job, int64_t batch, int64_t first, int64_t end,
                           int element)
{
    const struct panel *panel = job->panel;
    const float *x = job->x + batch * job->padded;
    const char *data = panel->data + batch * panel->batch_stride;
    for (int64_t n = first; n < end; n++)
        write_sum(job->rows, batch, 0, n,
                  dot_column(x, data + n * panel->column_stride, element, panel->depth));
}

/* Add to the partial sums of `rows` x TILE_COLUMNS results; `rows` is known where this is used. */
TARGET INLINE void dot_tile(const float *x, ptrdiff_t padded, const float *block, int64_t depth,
                            float *sums, const int rows)
{
    for (int c = 0; c < CLASSES; c++) {
        vector partials[TILE_ROWS][TILE_COLUMNS], column[TILE_COLUMNS];
        UNROLLED for (int m = 0; m < rows; m++)
            UNROLLED for (int n = 0; n < TILE_COLUMNS; n++)
                partials[m][n] = vector_load(sums + (m * BLOCK_COLUMNS + n) * PARTIALS + c * LANES);
        for (int64_t k = c * LANES; k < depth; k += PARTIALS) {
            UNROLLED for (int n = 0; n < TILE_COLUMNS; n++)
                column[n] = vector_load(block + n * BLOCK_DEPTH + k);
            UNROLLED for (int m = 0; m < rows; m++) {
                vector row = vector_load(x + m * padded + k);
                UNROLLED for (int n = 0; n < TILE_COLUMNS; n++)
                    partials[m][n] = vector_fma(row, column[n], partials[m][n]);
            }
        }
        UNROLLED for (int m = 0; m < rows; m++)
            UNROLLED for (int n = 0; n < TILE_COLUMNS; n++)
                vector_store(sums + (m * BLOCK_COLUMNS + n) * PARTIALS + c * LANES, partials[m][n]);
    }
}

/* Add the products of a block, whose columns lie after each other, to the sums of `rows` rows. */
TARGET static void dot_tiles(const float *x, ptrdiff_t padded, struct dot_block *block, int64_t depth,
                             int64_t rows, int64_t columns)
{
    for (int64_t m = 0; m < rows; m += TILE_ROWS)
        for (int64_t n = 0; n < columns; n += TILE_COLUMNS) {
            const float *at = x + m * padded, *values = block->values + n * BLOCK_DEPTH;
            float *sums = block->sums + (m * BLOCK_COLUMNS + n) * PARTIALS;
            int64_t left = rows - m;
            if (left >= TILE_ROWS)
                dot_tile(at, padded, values, depth, sums, TILE_ROWS);
            else if (left == 1)
                dot_tile(at, padded, values, depth, sums, 1);
            else if (left == 2)
                dot_tile(at, padded, values, depth, sums, TILE_ROWS < 2 ? TILE_ROWS : 2);
            else
                dot_tile(at, padded, values, depth, sums, TILE_ROWS < 3 ? TILE_ROWS : 3);
        }
}

TARGET static void write_sums(const struct job *job, const struct dot_block *block, int64_t batch,
                              int64_t row, int64_t rows, int64_t column, int64_t columns)
{
    for (int64_t m = 0; m < rows; m++)
        for (int64_t n = 0; n < columns; n++) {
            const float *sums = block->sums + (m * BLOCK_COLUMNS + n) * PARTIALS;
            vector partials[CLASSES];
            UNROLLED for (int c = 0; c < CLASSES; c++)
                partials[c] = vector_load(sums + c * LANES);
            write_sum(job->rows, batch, row + m, column + n, vector_sum(partials));
        }
}

/* Rows `row` on with columns `column` on, as many as a block has. */
TARGET INLINE void dot_rows(const struct job *job, int64_t batch, int64_t row, int64_t rows,
                            int64_t column, int64_t columns, int element)
{
    const struct panel *panel = job->panel;
    const float *x = job->x + (batch * job->rows->rows + row) * job->padded;
    const char *data = panel->data + batch * panel->batch_stride + column * panel->column_stride;
    struct dot_block block;
    memset(block.sums, 0, (size_t)rows * sizeof block.sums / BLOCK_ROWS);
    for (int64_t k = 0; k < panel->depth; k += BLOCK_DEPTH) {
        int64_t depth = least(panel->depth - k, BLOCK_DEPTH);
        ptrdiff_t padded = least(job->padded - k, BLOCK_DEPTH);
        for (int64_t n = 0; n < columns; n++)
            widen(data + n * panel->column_stride + k * size_of(element), element, depth,
                  block.values + n * BLOCK_DEPTH);
        for (int64_t n = columns; n % TILE_COLUMNS; n++)
            memset(block.values + n * BLOCK_DEPTH, 0, sizeof(float) * BLOCK_DEPTH);
        dot_tiles(x + k, job->padded, &block, padded, rows, columns);
    }
    write_sums(job, &block, batch, row, rows, column, columns);
}
