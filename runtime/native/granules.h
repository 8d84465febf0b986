/* Granules of the LMU that a pass needs and leaves, as runtime/timing/scoreboard.py has them. */
#ifndef GRANULES_H
#define GRANULES_H

#include "times.h"

/* Granules by their numbers, or from `first` on where these are NULL. */
struct granules {
    int64_t first;
    const int64_t *numbers;
};

/* `needed` granules in the steps `begins`, and `ends` behind which others are left, the first
 * `split` of them read ones; `until` is the last of `begins` before each. */
struct needs {
    int64_t needed, ends, split;
    const int64_t *begins, *granules, *left, *until;
    struct granules read, written;
};

/* Times and instructions of `entries`: granule g is written at g and used at -1 - g, from the end.
 * `late` is by how much the last pass is delayed, and `waited` who is behind that. */
struct board {
    int64_t entries, *times;
    int32_t *numbers;
    int64_t late, waited;
};

/* What granules.c says of them. */
void lpuc_delays(struct board *board, const struct needs *of, int64_t *delays);
void lpuc_mark(const struct board *board, const struct needs *of, const int64_t *left,
               int64_t number, int64_t latency);
void lpuc_pass(struct board *board, const struct needs *of, int64_t *delays, int64_t *left,
               int64_t number, int64_t start, int64_t latency, int64_t shift);

static inline int64_t number_of(const struct granules *of, int64_t k)
{
    return of->numbers ? of->numbers[k] : of->first + k;
}

#endif
