/* The dot form: a column's elements follow each other.
 *
 * One row is multiplied straight from the panel, whose columns are read as STREAMS streams: one
 * column at a time cannot be multiplied as fast as memory is read, and of neighbours the processor
 * does not see that it should read ahead. Neither does it where columns lie apart: those are asked
 * for one column ahead.
 *
 * Of several rows, blocks of BLOCK_DEPTH x BLOCK_COLUMNS elements are widened, which up to
 * BLOCK_ROWS rows use: tiles of TILE_ROWS x TILE_COLUMNS results keep their partial sums in
 * registers and, between blocks of the depth, in memory, which changes no bit of them.
 */
#define STREAMS 4
#define APART 256 /* bytes between columns that follow each other, at most */

struct dot_block {
    float values[BLOCK_COLUMNS * BLOCK_DEPTH] __attribute__((aligned(64)));
    float sums[BLOCK_ROWS * BLOCK_COLUMNS * PARTIALS] __attribute__((aligned(64)));
};

/* The elements of a column behind the last whole PARTIALS, in f32, with zeros behind them; they lie
 * in `room`.
 */
TARGET INLINE const float *last_of_column(const char *column, int element, int64_t depth,
                                          float room[2 * PARTIALS])
{
    if (depth < PARTIALS) {
        widen_rest(column, element, depth, room);
        return room;
    }
    column += (depth - PARTIALS) * size_of(element);
    UNROLLED for (int c = 0; c < CLASSES; c++) {
        vector_store(room + c * LANES, widened(column + c * LANES * size_of(element), element));
        vector_store(room + PARTIALS + c * LANES, vector_zero());
    }
    return room + PARTIALS - depth % PARTIALS;
}

/* The results of `count` columns of one row that lie `stride` apart. What lies `ahead` of each is
 * asked for, unless that is 0: into the second cache, as columns at a distance of a power of two
 * drive each other out of the first. `count` and whether `ahead` is 0 are known where this is used.
 */
TARGET INLINE void dot_columns(const float *x, const char *data, int64_t stride, int element,
                               int64_t depth, const int count, int64_t ahead, float *results)
{
    vector partials[STREAMS][CLASSES];
    int64_t k = 0, size = size_of(element);
    UNROLLED for (int n = 0; n < count; n++)
        UNROLLED for (int c = 0; c < CLASSES; c++)
            partials[n][c] = vector_zero();
    for (; k + PARTIALS <= depth; k += PARTIALS)
        UNROLLED for (int c = 0; c < CLASSES; c++) {
            const char *at = data + (k + c * LANES) * size;
            vector row = vector_load(x + k + c * LANES);
            UNROLLED for (int n = 0; n < count; n++) {
                if (ahead && c == 0)
                    prefetch_second(at + n * stride + ahead);
                partials[n][c] = vector_fma(row, widened(at + n * stride, element), partials[n][c]);
            }
        }
    if (k < depth)
        UNROLLED for (int n = 0; n < count; n++) {
            float room[2 * PARTIALS];
            const float *rest = last_of_column(data + n * stride, element, depth, room);
            UNROLLED for (int c = 0; c < CLASSES; c++)
                partials[n][c] = vector_fma(vector_load(x + k + c * LANES),
                                            vector_load(rest + c * LANES), partials[n][c]);
        }
    UNROLLED for (int n = 0; n < count; n++)
        results[n] = vector_sum(partials[n]);
}

TARGET INLINE void dot_row(const struct job *job, int64_t batch, int64_t first, int64_t end,
                           int element)
{
    const struct panel *panel = job->panel;
    const float *x = job->x + batch * job->padded;
    const char *data = panel->data + batch * panel->batch_stride;
    int64_t depth = panel->depth, stride = panel->column_stride, part = (end - first) / STREAMS;
    int is_apart = stride - depth * size_of(element) > APART;
    float results[STREAMS];
    for (int64_t n = first; n < first + part; n++) {
        const char *column = data + n * stride;
        if (is_apart)
            dot_columns(x, column, part * stride, element, depth, STREAMS, stride, results);
        else
            dot_columns(x, column, part * stride, element, depth, STREAMS, 0, results);
        for (int i = 0; i < STREAMS; i++)
            write_sum(job->rows, batch, 0, n + i * part, results[i]);
    }
    for (int64_t n = first + part * STREAMS; n < end; n++) {
        dot_columns(x, data + n * stride, 0, element, depth, 1, 0, results);
        write_sum(job->rows, batch, 0, n, results[0]);
    }
}

/* Add to the partial sums of `rows` x TILE_COLUMNS results, or begin them; `rows` and `begins` are
 * known where this is used.
 */
TARGET INLINE void dot_tile(const float *x, ptrdiff_t padded, const float *block, int64_t depth,
                            float *sums, const int rows, const int begins)
{
    for (int c = 0; c < CLASSES; c++) {
        vector partials[TILE_ROWS][TILE_COLUMNS], column[TILE_COLUMNS];
        UNROLLED for (int m = 0; m < rows; m++)
            UNROLLED for (int n = 0; n < TILE_COLUMNS; n++)
                partials[m][n] = begins ? vector_zero() : vector_load(
                    sums + (m * BLOCK_COLUMNS + n) * PARTIALS + c * LANES);
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

/* Add the products of a block, whose columns lie after each other, to the sums of `rows` rows, of
 * which there are TILE_ROWS at most.
 */
TARGET static void dot_tiles(const float *x, ptrdiff_t padded, const float *values, int64_t depth,
                             float *sums, int64_t rows, int64_t columns, int begins)
{
    for (int64_t n = 0; n < columns; n += TILE_COLUMNS) {
        const float *block = values + n * BLOCK_DEPTH;
        float *to = sums + n * PARTIALS;
        if (rows == TILE_ROWS && begins)
            dot_tile(x, padded, block, depth, to, TILE_ROWS, 1);
        else if (rows == TILE_ROWS)
            dot_tile(x, padded, block, depth, to, TILE_ROWS, 0);
        else
            for (int64_t m = 0; m < rows; m++)
                if (begins)
                    dot_tile(x + m * padded, padded, block, depth,
                             to + m * BLOCK_COLUMNS * PARTIALS, 1, 1);
                else
                    dot_tile(x + m * padded, padded, block, depth,
                             to + m * BLOCK_COLUMNS * PARTIALS, 1, 0);
    }
}

/* The results of rows whose partial sums are complete. */
TARGET static void write_sums(const struct job *job, const float *sums, int64_t batch, int64_t row,
                              int64_t rows, int64_t column, int64_t columns)
{
    const struct rows *to = job->rows;
    int plain = to->out_element == F32 && to->out_column == sizeof(float) && !to->accumulate;
    for (int64_t m = row; m < row + rows; m++, sums += BLOCK_COLUMNS * PARTIALS)
        for (int64_t n = 0; n < columns; n += SUMMED) {
            int64_t count = least(columns - n, SUMMED);
            float results[SUMMED];
            vector_sums(sums + n * PARTIALS, results);
            if (plain && count == SUMMED)
                memcpy(to->out + batch * to->out_batch + m * to->out_row
                           + (column + n) * to->out_column, results, sizeof results);
            else
                for (int64_t i = 0; i < count; i++)
                    write_sum(to, batch, m, column + n + i, results[i]);
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
    int64_t k = 0;
    for (int64_t n = columns; n % TILE_COLUMNS; n++)
        memset(block.values + n * BLOCK_DEPTH, 0, sizeof(float) * BLOCK_DEPTH);
    do {
        int64_t depth = least(panel->depth - k, BLOCK_DEPTH);
        ptrdiff_t padded = least(job->padded - k, BLOCK_DEPTH);
        for (int64_t n = 0; n < columns; n++)
            widen(data + n * panel->column_stride + k * size_of(element), element, depth,
                  block.values + n * BLOCK_DEPTH);
        for (int64_t m = 0; m < rows; m += TILE_ROWS) {
            float *sums = block.sums + m * BLOCK_COLUMNS * PARTIALS;
            int64_t height = least(rows - m, TILE_ROWS);
            dot_tiles(x + m * job->padded + k, job->padded, block.values, padded, sums, height,
                      columns, k == 0);
            if (k + BLOCK_DEPTH >= panel->depth)
                write_sums(job, sums, batch, row + m, height, column, columns);
        }
        k += BLOCK_DEPTH;
    } while (k < panel->depth);
}
