/* What channels of the memory do: the rules of runtime/timing/hbm/banks.py, in clocks. */
#include <stdint.h>

#include "offered.h"

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

/* Queues of bursts, each of another channel. The k-th burst of queue i is entry
 * k * along + i * across of `group`, `place` and `row`; rows count from `base`. */
struct bursts {
    int64_t queues, along, across, base, writes;
    const int64_t *channels, *counts, *group, *place, *row;
};

static int64_t later(int64_t one, int64_t other)
{
    return one > other ? one : other;
}

/* Open the row of a burst; `seen` is when the controller sees it. */
static void open_row(const struct law *law, int64_t seen, int64_t closable, int64_t *opened,
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

static void serve_queue(const struct law *law, const struct clocks *of, const struct bursts *bursts,
                        int64_t queue)
{
    int64_t channel = bursts->channels[queue], at = queue * bursts->across;
    int64_t *columns = of->columns + channel * law->seen, *rows = of->rows + channel * law->places;
    int64_t *opened = of->opened + channel * law->places;
    int64_t *closable = of->closable + channel * law->places;
    int64_t *groups = of->group + channel * law->groups, *opens = of->opens + channel * 4;
    int64_t last = of->last[channel], number = of->number[channel], wrote = of->wrote[channel];
    int64_t to_column = bursts->writes ? law->opened_to_write : law->opened_to_read;
    int64_t to_close = bursts->writes ? law->write_to_close : law->read_to_close;
    int64_t gap = law->burst;
    if (wrote >= 0 && wrote != bursts->writes)
        gap = bursts->writes ? law->to_write : law->to_read;
    for (int64_t k = 0; k < bursts->counts[queue]; k++, at += bursts->along) {
        int64_t place = bursts->place[at], row = bursts->row[at] + bursts->base;
        int64_t *group = groups + bursts->group[at];
        if (rows[place] != row)
            open_row(law, columns[number], closable[place], opened + place, opens);
        rows[place] = row;
        last = later(last + gap, later(opened[place] + to_column, *group + law->group));
        columns[number] = *group = last;
        closable[place] = later(closable[place], last + to_close);
        number = number + 1 < law->seen ? number + 1 : 0;
        gap = law->burst;
    }
    of->last[channel] = last;
    of->number[channel] = number;
    of->wrote[channel] = bursts->writes;
}

/* Serve bursts behind all that were served before. */
OFFERED void lpuc_serve(const struct law *law, const struct clocks *clocks,
                        const struct bursts *bursts)
{
    for (int64_t queue = 0; queue < bursts->queues; queue++)
        serve_queue(law, clocks, bursts, queue);
}
