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

static inline int64_t number_of(const struct granules *of, int64_t k)
{
    return of->numbers ? of->numbers[k] : of->first + k;
}

#endif
