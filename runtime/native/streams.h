/* The operand FIFO, as runtime/timing/streams/fifo.py has it. */
#ifndef STREAMS_H
#define STREAMS_H

#include "granules.h"

/* Columns of numbers that come one after the other, with `room` for so many; those from `low` up to
 * `high` count. */
struct rows {
    int64_t low, high, room, *values;
};

/* The first part is what does not change. Of panels, `base` are the bytes of those before. */
struct filling {
    int64_t unit, depth, latency;
    struct rows arrivals, freed, runs;
    int64_t served;
    struct panel {
        int64_t base, size, beats, units, asked, last, ready, waits;
    } panel;
    struct product {
        int64_t tiles, done, held, late, came;
    } product;
};

ALWAYS_INLINE int64_t *column(const struct rows *of, int64_t index)
{
    return of->values + index * of->room;
}

/* What streams.c says of them. */
void lpuc_request(struct filling *given, int64_t most);
void lpuc_drain(struct filling *given, const struct needs *needs, const int64_t *delays,
                int64_t start, int64_t *behind, int64_t most);
void lpuc_leave(const struct filling *all, const struct needs *needs, const int64_t *delays,
                int64_t start, const int64_t *behind, int64_t *left);

#endif
