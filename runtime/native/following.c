/* Bursts that follow each other: what runtime/timing/hbm/channels.py does, for all channels. */
#include "places.h"
#include "offered.h"

/* Places that are found before any channel serves them. */
enum { TOGETHER = 64 };

/* One burst of each of some channels, `by` which they are moved; they wait for those behind. */
static void across(const struct law *law, const struct places *of, const struct clocks *clocks,
                   const struct following *asked, int64_t q, int64_t first, int64_t last)
{
    struct walk from = walk_from(law, of, q);
    struct place at = next(law, of, &from);
    int64_t by = moved(of, q), waits = is_behind(law, clocks, of->channels, asked->until);
    for (int64_t k = first; k <= last; k++) {
        struct channel own = begin(law, clocks, k ^ by, asked->writes);
        if (waits)
            own.last = later(own.last, asked->until - own.gap);
        serve(law, &own, at);
        end(clocks, k ^ by, &own, asked->writes);
    }
}

/* Clocks of ascending bursts of a channel. */
static int64_t dense(const struct places *of, int64_t count, int64_t writes)
{
    const int64_t *known = writes ? of->writes : of->reads;
    int64_t whole = of->known, half = of->known / 2, each = whole - half;
    if (count <= whole)
        return known[count];
    return known[whole] + ((count - whole) * (known[whole] - known[half]) + each - 1) / each;
}

/* All banks are as those of a channel that was on other rows, behind some bursts, and the bus is as
 * it was. The first channel serves them; the others come before itself, which is changed last. */
static void leave(const struct law *law, const struct places *of, const struct clocks *clocks,
                  int64_t low, int64_t count, int64_t writes)
{
    struct walk at = walk_from(law, of, low);
    struct channel first = begin(law, clocks, 0, writes);
    rest(law, &first, at.row);
    for (int64_t k = 0; k < count; k++)
        serve(law, &first, next(law, of, &at));
    for (int64_t channel = of->channels - 1; channel >= 0; channel--) {
        struct channel own = begin(law, clocks, channel, writes);
        be_like(law, &own, &first, own.last - first.last);
        end(clocks, channel, &own, writes);
    }
}

/* The same `count` bursts of all channels, from the `low`-th on. */
static void ascend(const struct law *law, const struct places *of, const struct clocks *clocks,
                   const struct following *asked, int64_t low, int64_t count)
{
    int64_t around = of->row_bursts * law->places;
    int64_t is_long = count > of->edge + around, looked_at = is_long ? of->edge : count;
    int64_t waits = is_behind(law, clocks, of->channels, asked->until), between = 0;
    struct walk at = walk_from(law, of, low);
    if (is_long)
        between = dense(of, count, asked->writes) - dense(of, of->edge, asked->writes);
    for (int64_t begun = 0; begun < looked_at; begun += TOGETHER) {
        struct place several[TOGETHER];
        int64_t number = looked_at - begun < TOGETHER ? looked_at - begun : TOGETHER;
        for (int64_t k = 0; k < number; k++)
            several[k] = next(law, of, &at);
        for (int64_t channel = 0; channel < of->channels; channel++) {
            struct channel own = begin(law, clocks, channel, asked->writes);
            if (waits && !begun)
                own.last = later(own.last, asked->until - own.gap);
            for (int64_t k = 0; k < number; k++)
                serve(law, &own, several[k]);
            end(clocks, channel, &own, asked->writes);
        }
    }
    for (int64_t channel = 0; channel < of->channels; channel++)
        clocks->last[channel] += between;
    if (is_long)
        leave(law, of, clocks, low + count - around, around, asked->writes);
}

/* Serve bursts that follow each other. */
OFFERED void lpuc_follow(const struct law *law, const struct places *of,
                         const struct clocks *clocks, const struct following *asked)
{
    int64_t most = of->channels - 1;
    int64_t low = asked->first / of->channels, first = asked->first % of->channels;
    int64_t high = asked->last / of->channels, last = asked->last % of->channels;
    int64_t is_cut = first > 0, is_left = last < most;
    if (low == high && (is_cut || is_left)) {
        across(law, of, clocks, asked, low, first, last);
        return;
    }
    if (is_cut)
        across(law, of, clocks, asked, low, first, most);
    if (high - low + 1 - is_cut - is_left)
        ascend(law, of, clocks, asked, low + is_cut, high - low + 1 - is_cut - is_left);
    if (is_left)
        across(law, of, clocks, asked, high, 0, last);
}
