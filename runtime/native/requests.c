/* Borders of requests: what runtime/timing/hbm/borders.py and parts.py do, one after the other. */
#include "places.h"
#include "offered.h"

#include <string.h>

enum kind { ASCENDING, PIECES, BY_INDEX };
enum { AXES = 4 };

/* A request that takes so many clocks: pieces of `run` bytes along axes, the shortest stride first,
 * each of which ends before the next one begins. What is written is read before, `reads_first`. */
struct pattern {
    int64_t kind, run, writes, reads_first, took, pieces, axes, strides[AXES], extents[AXES];
};

/* A request whose first byte is `low`. */
struct request {
    int64_t low;
    const struct pattern *pattern;
};

/* Units of the channels, as in runtime/timing/hbm/borders.py. */
struct border {
    int64_t total, banks;
};

/* The memory. A burst has `size` bytes and takes `beat` units; where it `merges`, bursts that are
 * written in part are read before. `front` and `back` are other channels, `numbers` and `is_cut` have
 * room for two lists of `room` bursts, `counts` and `seen` for all channels. `wrote` is the direction
 * of the last request, -1 of none, and all channels are free when they are `over`. */
struct memory {
    int64_t size, beat, lead, merges, room, *numbers, *is_cut, *counts, *seen;
    struct clocks front, back;
    int64_t over, wrote;
};

/* Everything that all requests share. */
struct all {
    const struct law *law;
    const struct places *places;
    const struct clocks *clocks;
    struct memory *memory;
};

/* Bursts in ascending order, and which of them are not touched whole. */
struct list {
    int64_t count;
    const int64_t *numbers, *is_cut;
};

/* Of a channel all bursts of a list count, or the first or the last `edge`. */
enum part { ALL, FIRST, LAST };

/* The next piece: by how much its first byte is behind that of the first piece. */
static int64_t next_piece(const struct pattern *of, int64_t *index, int64_t offset)
{
    for (int64_t axis = 0; axis < of->axes; axis++) {
        if (++index[axis] < of->extents[axis])
            return offset + of->strides[axis];
        offset -= of->strides[axis] * (of->extents[axis] - 1);
        index[axis] = 0;
    }
    return offset;
}

/* Up to `most` bursts of `count` pieces, the first of which begins at `low`; each of the others is
 * behind it, or before it where `step` is -1. Two that follow share a burst at most, which is cut as
 * the first of them says. */
static struct list list_of(const struct all *all, const struct pattern *of, int64_t low,
                           int64_t count, int64_t most, int64_t step)
{
    const struct memory *memory = all->memory;
    int64_t index[AXES] = {0}, offset = 0, found = 0, before = -1;
    int64_t begin = step < 0 ? memory->room : 0, at = step < 0 ? 2 * memory->room - 1 : 0;
    for (int64_t k = 0; k < count; k++, offset = next_piece(of, index, offset)) {
        int64_t start = low + step * offset, size = memory->size;
        int64_t first = start / size, last = (start + of->run - 1) / size;
        int64_t from = step < 0 ? last : first, to = step < 0 ? first : last;
        from += from == before ? step : 0;
        for (int64_t burst = from; step * (to - burst) >= 0 && found < most; burst += step) {
            memory->numbers[at] = burst;
            memory->is_cut[at] = burst * size < start || (burst + 1) * size > start + of->run;
            at += step;
            found++;
        }
        before = to;
    }
    begin = step < 0 ? at + 1 : begin;
    return (struct list){found, memory->numbers + begin, memory->is_cut + begin};
}

/* How many bursts from `first` to `last` each channel has, but for those that all have. */
static int64_t count_between(const struct places *of, int64_t first, int64_t last, int64_t *counts)
{
    int64_t rounds = 0;
    while (first <= last) {
        int64_t q = first / of->channels, at = first % of->channels, end = last - q * of->channels;
        if (!at && end >= of->channels - 1) {
            rounds += (end + 1) / of->channels;
            first += (end + 1) / of->channels * of->channels;
            continue;
        }
        end = end < of->channels ? end : of->channels - 1;
        for (int64_t by = moved(of, q); at <= end; at++, first++)
            counts[at ^ by]++;
    }
    return rounds;
}

/* The bursts of each channel in all pieces. */
static void count_pieces(const struct all *all, const struct pattern *of, int64_t low,
                         int64_t *counts)
{
    int64_t index[AXES] = {0}, offset = 0, before = -1, rounds = 0, size = all->memory->size;
    for (int64_t k = 0; k < of->pieces; k++, offset = next_piece(of, index, offset)) {
        int64_t first = (low + offset) / size, last = (low + offset + of->run - 1) / size;
        rounds += count_between(all->places, first + (first == before), last, counts);
        before = last;
    }
    for (int64_t channel = 0; channel < all->places->channels; channel++)
        counts[channel] += rounds;
}

/* The same of a list, or of what of it is cut. */
static void count_list(const struct all *all, const struct list *of, int only_cut, int64_t *counts)
{
    for (int64_t k = 0; k < of->count; k++)
        if (!only_cut || of->is_cut[k])
            count_between(all->places, of->numbers[k], of->numbers[k], counts);
}

static int64_t most_of(const struct all *all, const int64_t *counts)
{
    int64_t most = 0;
    for (int64_t channel = 0; channel < all->places->channels; channel++)
        most = later(most, counts[channel]);
    return most;
}

static void clear(const struct all *all, int64_t *counts)
{
    memset(counts, 0, all->places->channels * sizeof *counts);
}

/* Serve bursts of a list, or what of it is cut; channels that are ahead of others wait. */
static void serve_list(const struct all *all, const struct clocks *clocks, const struct list *of,
                       int only_cut, enum part part, int64_t writes, int64_t until)
{
    const struct places *places = all->places;
    int64_t edge = places->edge, *seen = all->memory->seen, q = -1, by = 0;
    int64_t waits = is_behind(all->law, clocks, places->channels, until);
    struct place at = {0};
    clear(all, seen);
    if (part == LAST)
        count_list(all, of, only_cut, seen);
    for (int64_t channel = 0; part == LAST && channel < places->channels; channel++)
        seen[channel] = edge - seen[channel];
    for (int64_t k = 0; k < of->count; k++) {
        if (only_cut && !of->is_cut[k])
            continue;
        if (of->numbers[k] / places->channels != q) {
            q = of->numbers[k] / places->channels;
            struct walk walk = walk_from(all->law, places, q);
            by = moved(places, q);
            at = next(all->law, places, &walk);
        }
        int64_t channel = of->numbers[k] % places->channels ^ by, number = seen[channel]++;
        if ((part == FIRST && number >= edge) || (part == LAST && number < 0))
            continue;
        struct channel own = begin(all->law, clocks, channel, writes);
        if (waits)
            own.last = later(own.last, until - own.gap);
        serve(all->law, &own, at);
        end(clocks, channel, &own, writes);
    }
}

/* All channels were on other rows, for some clocks. */
static void rest_all(const struct all *all, const struct clocks *clocks, int64_t until,
                     int64_t wrote)
{
    for (int64_t channel = 0; channel < all->places->channels; channel++) {
        struct channel own = begin(all->law, clocks, channel, 0);
        rest(all->law, &own, 0);
        be_like(all->law, &own, &own, until);
        own.last += until;
        end(clocks, channel, &own, wrote);
    }
}

/* What comes before a request itself: bursts that are read, all or those that are cut. */
enum before { NOTHING, ALL_READ, CUT_READ };

static enum before before_of(const struct all *all, const struct pattern *of,
                             const struct list *list)
{
    if (of->reads_first)
        return ALL_READ;
    for (int64_t k = 0; k < list->count && of->writes && all->memory->merges; k++)
        if (list->is_cut[k])
            return CUT_READ;
    return NOTHING;
}

/* What lies behind the first bursts takes what the law says less what these take alone, and the last
 * bursts leave banks as if they came alone. */
static void serve_ends(const struct all *all, const struct pattern *of, const struct list *first,
                       const struct list *last, int64_t until)
{
    const struct memory *memory = all->memory;
    const struct law *law = all->law;
    enum before before = before_of(all, of, first);
    int64_t writes = before ? 0 : of->writes, most = later(1, most_of(all, memory->counts));
    rest_all(all, &memory->front, 0, -1);
    rest_all(all, &memory->back, 0, -1);
    serve_list(all, all->clocks, first, before == CUT_READ, FIRST, writes, until);
    serve_list(all, &memory->front, first, before == CUT_READ, FIRST, writes, INT64_MIN);
    serve_list(all, &memory->back, last, 0, LAST, of->writes, INT64_MIN);
    for (int64_t channel = 0; channel < all->places->channels; channel++) {
        struct channel own = begin(law, all->clocks, channel, 0);
        struct channel other = begin(law, &memory->back, channel, 0);
        int64_t alone = memory->front.last[channel] + law->burst, wrote = memory->back.wrote[channel];
        int64_t took = (memory->counts[channel] * of->took + most - 1) / most;
        int64_t by = later(0, took - alone);
        be_like(law, &own, &own, by);
        own.last += by;
        if (wrote >= 0)
            be_like(law, &own, &other, own.last - other.last);
        end(all->clocks, channel, &own, wrote >= 0 ? wrote : all->clocks->wrote[channel]);
    }
}

/* Serve pieces that are few, or of which the first and the last bursts are looked at; the direction
 * of what comes first. */
static int64_t serve_pieces(const struct all *all, int64_t low, const struct pattern *of,
                            int64_t until)
{
    struct memory *memory = all->memory;
    int64_t size = memory->size, edge = all->places->edge, most = edge * all->places->channels;
    int64_t each = (of->run + size - 1) / size, count = of->pieces, end = low;
    int is_near = count * each <= 2 * most;
    clear(all, memory->counts);
    if (!is_near) {
        int64_t shortest = of->axes ? of->strides[0] : size;
        each = (size + shortest - 1) / shortest * ((most + each - 1) / each);
        count = count < each ? count : each;
        count_pieces(all, of, low, memory->counts);
    }
    struct list first = list_of(all, of, low, count, is_near ? memory->room : most, 1);
    struct list last = first;
    enum before before = before_of(all, of, &first);
    if (is_near) {
        if (before)
            count_list(all, &first, before == CUT_READ, memory->counts);
        count_list(all, &first, 0, memory->counts);
    } else {
        for (int64_t axis = 0; axis < of->axes; axis++)
            end += of->strides[axis] * (of->extents[axis] - 1);
        last = list_of(all, of, end, count, most, -1);
    }
    if (!is_near || most_of(all, memory->counts) > 2 * edge) {
        serve_ends(all, of, &first, &last, until);
        return before ? 0 : of->writes;
    }
    if (before)
        serve_list(all, all->clocks, &first, before == CUT_READ, ALL, 0, until);
    serve_list(all, all->clocks, &first, 0, ALL, of->writes, until);
    return before ? 0 : of->writes;
}

/* Clocks for which the bus turns, which transfers are told to wait besides. */
static int64_t turn_of(const struct all *all, int64_t wrote, int64_t writes)
{
    int64_t turn = writes ? all->law->to_write : all->law->to_read;
    return wrote < 0 || wrote == writes ? 0 : later(0, turn - all->law->burst);
}

static int64_t in_units(const struct all *all, int64_t took)
{
    int64_t units = took * all->memory->beat, burst = all->law->burst;
    return units / burst + (units % burst > 0);
}

/* The border of the next request. */
static struct border behind(const struct all *all, int64_t low, const struct pattern *of)
{
    struct memory *memory = all->memory;
    int64_t over = memory->over, until = over - memory->lead * all->law->burst, turn, total;
    int64_t last = low + of->run - 1, wrote = memory->wrote;
    if (of->kind == BY_INDEX) {
        memory->over += of->took;
        memory->wrote = of->writes;
        rest_all(all, all->clocks, memory->over, of->writes);
        return (struct border){0, 0};
    }
    memory->wrote = of->writes;
    if (of->kind == ASCENDING) {
        struct following asked = {low / memory->size, last / memory->size, of->writes, until};
        lpuc_follow(all->law, all->places, all->clocks, &asked);
        turn = turn_of(all, wrote, of->writes);
    } else {
        turn = turn_of(all, wrote, serve_pieces(all, low, of, until));
    }
    memory->over = all->clocks->last[0];
    for (int64_t channel = 0; channel < all->places->channels; channel++)
        memory->over = later(memory->over, all->clocks->last[channel]);
    memory->over += all->law->burst;
    total = memory->over - over - of->took;
    return (struct border){in_units(all, total), in_units(all, later(0, total - turn))};
}

/* The borders of requests that follow each other. */
OFFERED void lpuc_borders(const struct law *law, const struct places *places,
                          const struct clocks *clocks, struct memory *memory,
                          const struct request *requests, int64_t count, struct border *borders)
{
    const struct all all = {law, places, clocks, memory};
    for (int64_t k = 0; k < count; k++)
        borders[k] = behind(&all, requests[k].low, requests[k].pattern);
}
