/* Products of rows with panels: what the library offers and what its parts share.
 *
 * A panel is B matrices of K x N elements, rows are B matrices of M x K and results B of M x N, each
 * at an address with byte strides. Sums are f32. Sixteen-bit elements are widened as they are read.
 *
 * Each result is added in an order that depends on K and on the panel's form alone: not on the
 * other rows and columns, on blocks, on threads or on alignment. In the dot form, where a column's
 * elements follow each other, there are 16 partial sums, of which number l has the products of
 * elements l, l + 16, l + 32 and so on, in this order, K padded with zeros to a multiple of 16; at
 * the end 16 sums become 8, 4, 2 and 1, each time adding the upper half to the lower one. In the
 * outer form, where a row's elements follow each other, elements are added in their order.
 */
#ifndef PRODUCTS_H
#define PRODUCTS_H

#include <stddef.h>
#include <stdint.h>

#define PARTIALS 16

enum element { F32, F16, BF16 };
enum form { DOT, OUTER };

struct panel {
    const char *data;
    int64_t batch_stride, depth_stride, column_stride;
    int64_t batch, depth, columns;
    int64_t element, form;
};

/* `accumulate` adds what the results were; each is rounded to its type once. */
struct rows {
    const char *x;
    char *out;
    int64_t x_batch, x_row, x_depth;
    int64_t out_batch, out_row, out_column;
    int64_t rows, x_element, out_element, accumulate;
};

struct kernel;

/* What the threads share: `x` is [B, M, padded] f32, with zeros behind the depth. */
struct job {
    const struct kernel *kernel;
    const struct panel *panel;
    const struct rows *rows;
    const float *x;
    ptrdiff_t padded;
    int64_t step, pieces;
};

/* Columns `first` to `end` of one of the batch, for all rows. */
typedef void (*multiply_columns)(const struct job *job, int64_t batch, int64_t first, int64_t end);

/* Elements that follow each other in f32, padded with zeros to a multiple of PARTIALS. */
typedef void (*widen_elements)(const char *at, int64_t element, int64_t count, float *to);

#define OPERANDS 4

/* A strided operand of an instruction; F32, F16 and BF16 are computed with, others are moved. */
struct operand {
    char *data;
    int64_t strides[4];
    int64_t element;
};

/* One instruction of the vector engine on `count` operands, of which the first is the result; `size`
 * is that of the elements, where they are only moved. Operands lie apart from the result or exactly
 * where it does. */
struct pass {
    int64_t function, count, size;
    int64_t extents[4];
    struct operand operands[OPERANDS];
};

struct kernel {
    const char *name;
    multiply_columns multiply;
    widen_elements widen;
    void (*pass)(const struct pass *pass);
};

extern const struct kernel avx2_kernel, avx512_kernel, neon_kernel, portable_kernel;

/* Whether this machine runs a kernel. */
int runs_avx2(void);
int runs_avx512(void);

typedef void (*work)(const void *job, int64_t piece);

/* Do pieces 0 to `pieces` - 1 on up to so many threads, this one included. */
void share(int threads, int64_t pieces, work work, const void *job);

#endif
