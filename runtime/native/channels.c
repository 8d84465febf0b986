/* Bursts that channels of the memory serve, each its own. */
#include "channels.h"
#include "offered.h"

/* Queues of bursts, each of another channel. The k-th burst of queue i is entry k * queues + i of
 * `group`, `place` and `row`. */
struct bursts {
    int64_t queues, writes;
    const int64_t *channels, *counts, *group, *place, *row;
};

/* Serve bursts behind all that were served before. */
OFFERED void lpuc_serve(const struct law *law, const struct clocks *clocks,
                        const struct bursts *bursts)
{
    for (int64_t queue = 0; queue < bursts->queues; queue++) {
        int64_t channel = bursts->channels[queue], at = queue;
        struct channel own = begin(law, clocks, channel, bursts->writes);
        for (int64_t k = 0; k < bursts->counts[queue]; k++, at += bursts->queues)
            serve(law, &own,
                  (struct place){bursts->group[at], bursts->place[at], bursts->row[at]});
        end(clocks, channel, &own, bursts->writes);
    }
}
