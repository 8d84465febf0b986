/* Sums of the words of blocks, by their places modulo two numbers without a common factor:
 * `runtime.weights.checksums` says what they are for. Words are little-endian, as the machine is. */
#include "offered.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#if !defined(_WIN32)
#include <unistd.h>
#endif

#define FIRST 1024
#define SECOND 1021
#define WORD 8
#define LANES 4

struct part {
    int64_t start, stop;
};

#if defined(__GNUC__)
/* Words of memory that need not be aligned. */
typedef uint64_t lanes __attribute__((vector_size(LANES * WORD), aligned(1), may_alias));

/* Add as many words as are whole vectors to the sums of places that follow each other. */
static int64_t add_vectors(uint64_t *sums, const uint8_t *words, int64_t count)
{
    int64_t k = 0;
    for (; k + LANES <= count; k += LANES)
        *(lanes *)(sums + k) += *(const lanes *)(words + WORD * k);
    return k;
}
#else
#define add_vectors(sums, words, count) 0
#endif

/* Add words to the sums of `count` places that follow each other. */
static void add_run(uint64_t *sums, const uint8_t *words, int64_t count)
{
    for (int64_t k = add_vectors(sums, words, count); k < count; k++) {
        uint64_t word;
        memcpy(&word, words + WORD * k, WORD);
        sums[k] += word;
    }
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Words of a block that lie in whole rows of the second kind; it has whole rows of the first. */
static int64_t in_rows(int64_t bytes)
{
    int64_t words = (bytes + FIRST * WORD - 1) / (FIRST * WORD) * FIRST;
    return words / SECOND * SECOND;
}

/* Add whole words, of which the first is number `at` of its block, to the sums of both kinds. */
static void add(uint64_t *sums, const uint8_t *words, int64_t at, int64_t count, int64_t rows)
{
    while (count) {
        int64_t a = at % FIRST, b = at % SECOND, some = least(count, FIRST - a);
        if (at < rows)
            some = least(least(some, SECOND - b), rows - at);
        add_run(sums + a, words, some);
        if (at < rows)
            add_run(sums + FIRST + b, words, some);
        words += WORD * some, at += some, count -= some;
    }
}

/* The same of bytes, of which only the last ones of a block are no word: zeros fill it up. */
static void add_bytes(uint64_t *sums, const uint8_t *data, int64_t at, int64_t bytes, int64_t rows)
{
    int64_t words = bytes / WORD, rest = bytes % WORD;
    uint8_t last[WORD] = {0};
    add(sums, data, at, words, rows);
    memcpy(last, data + bytes - rest, (size_t)rest);
    if (rest)
        add(sums, last, at + words, 1, rows);
}

/* The sums of a block, those of the first kind in front. */
OFFERED void lpuc_sum_block(const uint8_t *data, int64_t bytes, uint64_t *sums)
{
    memset(sums, 0, (FIRST + SECOND) * sizeof *sums);
    add_bytes(sums, data, 0, bytes, in_rows(bytes));
}

#if !defined(_WIN32)

/* Read as many bytes: 0, what went wrong, or -1 if the file ends before. */
static int fill(int descriptor, uint8_t *piece, int64_t bytes, int64_t offset)
{
    while (bytes) {
        ssize_t got = pread(descriptor, piece, (size_t)bytes, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got ? errno : -1;
        piece += got, bytes -= got, offset += got;
    }
    return 0;
}

/* The sums of parts of a file, which is read in pieces of whole words that a near cache holds; the
 * result is that of `fill`. */
OFFERED int lpuc_sum_parts(int descriptor, const struct part *parts, int64_t count, uint8_t *piece,
                           int64_t size, uint64_t *sums)
{
    for (; count--; parts++, sums += FIRST + SECOND) {
        int64_t rows = in_rows(parts->stop - parts->start);
        memset(sums, 0, (FIRST + SECOND) * sizeof *sums);
        for (int64_t at = parts->start; at < parts->stop; at += size) {
            int64_t bytes = least(size, parts->stop - at);
            int wrong = fill(descriptor, piece, bytes, at);
            if (wrong)
                return wrong;
            add_bytes(sums, piece, (at - parts->start) / WORD, bytes, rows);
        }
    }
    return 0;
}

#endif
