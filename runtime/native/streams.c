/* The operand FIFO: what runtime/timing/streams/fifo.py says, one beat after the other. */
#include "streams.h"
#include "offered.h"

/* How much of something the first beats have together. */
struct share {
    int64_t each, rest, beats, upto, over;
};

static struct share share_of(int64_t total, int64_t beats, int64_t first)
{
    int64_t each = total / beats, rest = total % beats;
    return (struct share){each, rest, beats, each * first + rest * first / beats,
                          rest * first % beats};
}

/* The same of one more beat. */
ALWAYS_INLINE int64_t next(struct share *of)
{
    of->upto += of->each;
    of->over += of->rest;
    if (of->over >= of->beats) {
        of->over -= of->beats;
        of->upto++;
    }
    return of->upto;
}

/* The channels serve a beat; runs are its begin, its end, and what all so far served. */
ALWAYS_INLINE void serve(struct filling *all, int64_t begin, int64_t over)
{
    struct rows *runs = &all->runs;
    all->served += over - begin;
    if (runs->low == runs->high || begin > column(runs, 1)[runs->high - 1])
        column(runs, 0)[runs->high++] = begin;
    column(runs, 1)[runs->high - 1] = over;
    column(runs, 2)[runs->high - 1] = all->served;
}

/* A time in units: whole cycles, and what is left of them. */
struct fine {
    int64_t cycles, left;
};

static struct fine fine_of(int64_t time, int64_t unit)
{
    return (struct fine){time / unit, time % unit};
}

/* So many units later: mostly a cycle or two, for which no division is needed. */
ALWAYS_INLINE void pass(struct fine *time, int64_t taken, int64_t unit)
{
    time->left += taken;
    for (int turn = 0; turn < 2 && time->left >= unit; turn++) {
        time->left -= unit;
        time->cycles++;
    }
    if (time->left >= unit) {
        time->cycles += time->left / unit;
        time->left %= unit;
    }
}

/* Request the next beat, for which all but `depth` bytes up to it are known to be free, when the
 * last one is over; the cycle of its arrival. */
ALWAYS_INLINE int64_t request(struct filling *all, struct fine *last, struct share *bytes,
                              struct share *units)
{
    struct panel *panel = &all->panel;
    struct rows *freed = &all->freed;
    int64_t needed = panel->base + next(bytes) - all->depth, taken = units->upto;
    while (freed->low + 1 < freed->high && column(freed, 0)[freed->low] < needed)
        freed->low++;
    int64_t begin = column(freed, 1)[freed->low] * all->unit;
    if (begin > panel->last) {
        *last = (struct fine){column(freed, 1)[freed->low], 0};
        panel->ready = begin;
        panel->waits = 1;
    } else {
        begin = panel->last;
    }
    taken = next(units) - taken;
    pass(last, taken, all->unit);
    panel->last = begin + taken;
    panel->asked++;
    serve(all, begin, panel->last);
    return last->cycles + (last->left > 0) + all->latency;
}

static struct share bytes_of(const struct panel *panel, int64_t first)
{
    return share_of(panel->size, panel->beats, first);
}

static struct share units_of(const struct panel *panel)
{
    return share_of(panel->units, panel->beats, panel->asked);
}

/* Request beats of the panel as far as there is room, `most` of them. What a compiler knows by its
 * place is kept in registers. */
OFFERED void lpuc_request(struct filling *given, int64_t most)
{
    struct filling own = *given, *all = &own;
    struct panel *panel = &all->panel;
    struct share bytes = bytes_of(panel, panel->asked), units = units_of(panel);
    struct fine last = fine_of(panel->last, all->unit);
    int64_t known = column(&all->freed, 0)[all->freed.high - 1];
    for (; most && panel->asked < panel->beats; most--) {
        struct share upto = bytes;
        if (panel->base + next(&upto) - all->depth > known)
            break;
        column(&all->arrivals, 0)[all->arrivals.high++] = request(all, &last, &bytes, &units);
    }
    *given = own;
}

/* Drain the next beats of the panel, `most` of them, and request those that are not. Tiles are held
 * until `start` and as `delays` say; `behind` is by how much each beat is delayed. */
OFFERED void lpuc_drain(struct filling *given, const struct needs *given_needs,
                        const int64_t *delays, int64_t start, int64_t *behind, int64_t most)
{
    const struct needs whole = *given_needs, *needs = &whole;
    struct filling own = *given, *all = &own;
    struct panel *panel = &all->panel;
    struct product *product = &all->product;
    struct rows *freed = &all->freed;
    if (!panel->beats)
        return;
    struct share asked = bytes_of(panel, panel->asked), units = units_of(panel);
    struct share bytes = bytes_of(panel, product->done);
    struct share tiles = share_of(product->tiles, panel->beats, product->done);
    struct fine last = fine_of(panel->last, all->unit);
    for (; most && product->done < panel->beats; most--) {
        int64_t before = tiles.upto, upto = next(&tiles), arrived;
        if (product->done < panel->asked)
            arrived = column(&all->arrivals, 0)[all->arrivals.low++];
        else
            arrived = request(all, &last, &asked, &units);
        if (arrived - before >= product->late) {
            product->late = arrived - before;
            product->came = arrived;
        }
        behind[product->done++] = product->late;
        while (product->held < needs->needed && needs->begins[product->held] < upto)
            product->held++;
        int64_t held = product->held ? later(delays[product->held - 1], start) : start;
        column(freed, 0)[freed->high] = panel->base + next(&bytes);
        column(freed, 1)[freed->high++] = later(product->late, held) + upto;
    }
    *given = own;
}

/* When the product whose beats were delayed so leaves its ends. */
OFFERED void lpuc_leave(const struct filling *all, const struct needs *needs, const int64_t *delays,
                        int64_t start, const int64_t *behind, int64_t *left)
{
    int64_t beats = all->panel.beats, tiles = all->product.tiles;
    for (int64_t k = 0; k < needs->ends; k++) {
        int64_t begun = later(delays[needs->until[k]], start);
        if (beats)
            begun = later(begun, behind[(needs->left[k] * beats + tiles - 1) / tiles - 1]);
        left[k] = begun + needs->left[k];
    }
}
