/* What a channel of the memory does: the rules of runtime/timing/hbm/banks.py, in clocks. */
#ifndef CHANNELS_H
#define CHANNELS_H

#include "times.h"

/* Openings of a channel that it knows of. */
enum { OPENS = 4 };

/* The target. A channel has `groups` groups of banks and `places` banks; `seen` of its bursts. */
struct law {
    int64_t seen, groups, places;
    int64_t burst, group, opened_to_read, opened_to_write, read_to_close, write_to_close;
    int64_t close, opened_to_opened, opened_to_another, opened_to_fifth, to_write, to_read;
};

/* What is known of all channels: arrays with one entry, or some in a row, for each. */
struct clocks {
    int64_t *last, *columns, *number, *rows, *opened, *closable, *group, *opens, *wrote;
};

/* A burst of a channel: group, bank of all groups, row. */
struct place {
    int64_t group, bank, row;
};

/* A channel at work in one direction; `gap` is for its next burst. */
struct channel {
    int64_t *columns, *rows, *opened, *closable, *group, *opens;
    int64_t last, number, gap, to_column, to_close;
};

/* Clocks from the last burst of a channel to its next one. */
static inline int64_t gap_of(const struct law *law, int64_t wrote, int64_t writes)
{
    if (wrote >= 0 && wrote != writes)
        return writes ? law->to_write : law->to_read;
    return law->burst;
}

static inline struct channel begin(const struct law *law, const struct clocks *of, int64_t channel,
                            int64_t writes)
{
    return (struct channel){
        .columns = of->columns + channel * law->seen,
        .rows = of->rows + channel * law->places,
        .opened = of->opened + channel * law->places,
        .closable = of->closable + channel * law->places,
        .group = of->group + channel * law->groups,
        .opens = of->opens + channel * OPENS,
        .last = of->last[channel],
        .number = of->number[channel],
        .gap = gap_of(law, of->wrote[channel], writes),
        .to_column = writes ? law->opened_to_write : law->opened_to_read,
        .to_close = writes ? law->write_to_close : law->read_to_close,
    };
}

static inline void end(const struct clocks *of, int64_t channel, const struct channel *own, int64_t writes)
{
    of->last[channel] = own->last;
    of->number[channel] = own->number;
    of->wrote[channel] = writes;
}

/* Open the row of a burst; `seen` is when the controller sees it. */
static inline void open_row(const struct law *law, int64_t seen, int64_t closable, int64_t *opened,
                     int64_t *opens)
{
    int64_t when = later(seen, closable) + law->close;
    when = later(when, *opened + law->opened_to_opened);
    when = later(when, opens[3] + law->opened_to_another);
    when = later(when, opens[0] + law->opened_to_fifth);
    opens[0] = opens[1];
    opens[1] = opens[2];
    opens[2] = opens[3];
    opens[3] = *opened = when;
}

/* The next burst of a channel. What a compiler knows of `own` by its place is kept in registers. */
ALWAYS_INLINE void serve(const struct law *law, struct channel *own, struct place at)
{
    int64_t *group = own->group + at.group, *opened = own->opened + at.bank;
    if (own->rows[at.bank] != at.row)
        open_row(law, own->columns[own->number], own->closable[at.bank], opened, own->opens);
    own->rows[at.bank] = at.row;
    own->last = later(own->last + own->gap, later(*opened + own->to_column, *group + law->group));
    own->columns[own->number] = *group = own->last;
    own->closable[at.bank] = later(own->closable[at.bank], own->last + own->to_close);
    own->number = own->number + 1 < law->seen ? own->number + 1 : 0;
    own->gap = law->burst;
}

#endif
