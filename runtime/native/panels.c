/* Panels on their way to the MAC trees: what runtime/timing/engines.py and streams/ do with them. */
#include "engines.h"

/* When the first bills are paid, if no stream begins before; all before are served. */
static int64_t paid(struct engines *all, int64_t count)
{
    struct rows *runs = &all->fifo->runs, *open = &all->bills;
    for (; all->settled < count; all->settled++, open->low++) {
        int64_t issued = column(open, 0)[open->low], served = all->fifo->served;
        while (runs->low < runs->high && column(runs, 1)[runs->low] < issued)
            runs->low++;
        if (runs->low < runs->high)
            served = column(runs, 2)[runs->low] - column(runs, 1)[runs->low] +
                     later(column(runs, 0)[runs->low], issued);
        all->idle = later(issued - served, all->idle) + column(open, 1)[open->low];
    }
    return count ? all->idle + all->fifo->served : 0;
}

/* Take a panel up, behind the one before it and what it waits for. */
static void take_up(struct engines *all, struct held *panel)
{
    int64_t unit = all->fifo->unit, is_paid = panel->beats.beats ? paid(all, panel->bills) : 0;
    int64_t busy = later(is_paid, all->before.time), hazard = panel->hazard.time * unit;
    int64_t met = busy ? busy + later(0, panel->border) : 0, issued = panel->issued * unit;
    struct reason reasons[] = {{all->earliest, ENGINE, all->before.number},
                               {all->before.time, ENGINE, all->before.number},
                               {is_paid, CHANNEL, NEVER},
                               {met, CHANNEL, all->before.number},
                               {hazard, HBM, panel->hazard.number}};
    struct reason last = {issued, ISSUE, NEVER};
    int64_t saved = later(0, -panel->border), early = busy;
    for (int64_t k = 0; k < (int64_t)(sizeof reasons / sizeof *reasons); k++)
        if (reasons[k].time > last.time)
            last = reasons[k];
    panel->is_begun = 1;
    panel->begun = panel->beats.last = panel->beats.ready = last.time;
    panel->reason = last;
    panel->first = (struct reason){up(last.time, unit), last.cause, last.waited};
    early = later(0, early - later(later(issued, all->earliest), hazard));
    panel->beats.units -= saved < early ? saved : early;
    all->earliest = last.time + all->issue * unit;
}

static void waits(const struct engines *all, struct held *panel)
{
    if (panel->beats.waits)
        panel->reason = (struct reason){0, ROOM, all->drainer};
    panel->beats.waits = 0;
}

/* Request beats as far as there is room. */
static void fill(struct engines *all)
{
    struct filling *fifo = all->fifo;
    for (; all->panels.unsent < all->panels.high; all->panels.unsent++) {
        struct held *panel = all->panels.all + all->panels.unsent;
        struct panel *beats = &panel->beats;
        if (!panel->is_begun)
            take_up(all, panel);
        while (beats->asked < beats->beats) {
            int64_t upto = beats->base + beats->size * (beats->asked + 1) / beats->beats;
            if (upto - fifo->depth > column(&fifo->freed, 0)[fifo->freed.high - 1])
                return;
            fifo->panel = *beats;
            lpuc_request(fifo, beats->beats);
            *beats = fifo->panel;
            waits(all, panel);
        }
        all->before = (struct wait){beats->last, panel->number};
    }
}

/* Drain the oldest panel from a time on. */
static struct held *drain(struct engines *all, const struct work *work, int64_t start)
{
    struct held *panel = all->panels.all + all->panels.undrained++;
    struct filling *fifo = all->fifo;
    all->drainer = all->number;
    fifo->panel = panel->beats;
    fifo->product = (struct product){work->steps, 0, 0, start, start};
    lpuc_drain(fifo, &work->near, all->delays, start, all->behind, fifo->panel.beats);
    lpuc_leave(fifo, &work->near, all->delays, start, all->behind, all->left);
    panel->beats = fifo->panel;
    waits(all, panel);
    return panel;
}

/* A product, which drains the oldest panel. */
struct event lpuc_matrix(struct engines *all, const struct work *work)
{
    struct reason issued = lpuc_issue(all, work), taken = lpuc_taken(all, SXE, issued);
    struct reason first = lpuc_delayed(all, work, taken), last = first;
    const struct needs *near = &work->near;
    for (int64_t k = 0; k < near->needed; k++)
        all->delays[k] += all->issue;
    struct held *panel = drain(all, work, taken.time + all->issue);
    struct product product = all->fifo->product;
    int64_t late = near->needed ? all->delays[near->needed - 1] : product.late;
    if (product.late > first.time + all->issue)
        last = (struct reason){product.came, PANEL, panel->number};
    int64_t over = later(product.late, late) + work->steps;
    fill(all);
    lpuc_mark(all->board, near, all->left, all->number, work->latency);
    lpuc_occupy(all, SXE, taken.time, over);
    return (struct event){all->number, work->pc, SXE, issued.time, taken.time, last.time, over,
                          over + work->latency, all->issue + work->steps, 0, last.cause,
                          last.waited, first};
}

void lpuc_stream(struct engines *all, const struct step *step)
{
    const struct work *work = step->work;
    struct panels *panels = &all->panels;
    int64_t issued = lpuc_issue(all, work).time;
    panels->all[panels->high++] = (struct held){
        .beats = {.base = all->total, .size = work->bytes, .beats = work->beats,
                  .units = work->units},
        .number = all->number, .pc = work->pc, .low = step->low, .high = step->high,
        .issued = issued, .bills = all->owed, .hazard = ready(&all->writes, step),
        .border = step->total, .reason = {0, ISSUE, NEVER}, .first = {0, ISSUE, NEVER}};
    panels->pushed += panels->pushed < all->depth;
    all->total += work->bytes;
    fill(all);
}

/* The event of a stream whose last byte is requested. */
struct event lpuc_sent(struct engines *all, const struct held *panel)
{
    int64_t unit = all->fifo->unit, sent = up(panel->beats.last, unit);
    note(&all->streams, panel->low, panel->high, (struct wait){sent, panel->number});
    return (struct event){panel->number, panel->pc, STREAM, panel->issued, up(panel->begun, unit),
                          up(panel->beats.ready, unit), sent,
                          panel->beats.size ? sent + all->fifo->latency : sent,
                          panel->beats.units, panel->beats.size, panel->reason.cause,
                          panel->reason.waited, panel->first};
}
