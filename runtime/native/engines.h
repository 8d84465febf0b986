/* What the engines of a device know, as runtime/timing/engines.py has it. */
#ifndef ENGINES_H
#define ENGINES_H

#include "streams.h"

#include <string.h>

/* In the order of runtime/timing/events.py. */
enum engine { ICP, STREAM, TRANSFER, SXE, VXE, SEND_LEFT, SEND_RIGHT, RECV_LEFT, RECV_RIGHT, ENGINES };

/* In the order of their names: of two at the same time the last one counts. */
enum cause { CHANNEL, ENGINE, HBM, ISSUE, LINK, LMU, PANEL, QUEUE, ROOM };

enum { NEVER = -1 };

/* Beats that are gone through at once. */
enum { MANY = 1 << 17 };

enum { SIDES = 2 };

struct wait {
    int64_t time, number;
};

struct reason {
    int64_t time, cause, waited;
};

struct event {
    int64_t number, pc, engine, issued, start, ready, left, end, busy, bytes, cause, waited;
    struct reason first;
};

/* An instruction of a place in the code: `runtime.timing.work`. */
struct work {
    int64_t pc, engine, words, steps, latency, bytes, beats, units, jumps, writes;
    struct needs near;
};

/* One that comes next: its bytes in HBM, and the border of its request. */
struct step {
    const struct work *work;
    int64_t low, high, total, banks;
};

struct queue {
    int64_t first, count;
    struct wait *waits;
};

/* A panel that was streamed; `reason` is what it waited for last, the time of it is `beats.ready`. */
struct held {
    struct panel beats;
    int64_t number, pc, low, high, issued, bills;
    struct wait hazard;
    int64_t border, is_begun, begun;
    struct reason reason, first;
};

/* Panels in their order, of which the last `pushed` may be in the queue. */
struct panels {
    int64_t undrained, unsent, high, pushed, room;
    struct held *all;
};

/* Messages to a side: for each a row of its number and of how many follow but one, and these are the
 * first step of each lag, and the lag; when others were received, and room on the link. */
struct side {
    struct rows sent, received;
    int64_t room;
};

/* The first part is what does not change. `wanted` is for how many beats there is no
 * room. */
struct engines {
    int64_t control, fetch, issue, depth, to_write, to_read, hop;
    struct board *board;
    struct filling *fifo;
    int64_t *delays, *left, *behind;
    int64_t number, wrote, begun, words;
    struct wait bus, free[ENGINES];
    struct queue queues[ENGINES];
    struct rows bills, writes, streams;
    struct side sides[SIDES];
    struct panels panels;
    struct wait before;
    int64_t earliest, total, drainer, owed, settled, idle;
    int64_t events, wanted;
};

/* Whole units, of which the last one may have begun. */
static inline int64_t up(int64_t time, int64_t unit)
{
    return time / unit + (time % unit > 0);
}

static inline int meet(const struct step *one, int64_t low, int64_t high)
{
    return later(one->low, low) < (one->high < high ? one->high : high);
}

/* Accesses to HBM that others may wait for: bytes, when it is over, and for whom. */
static inline struct wait ready(const struct rows *of, const struct step *step)
{
    for (int64_t k = of->high - 1; k >= of->low; k--)
        if (meet(step, column(of, 0)[k], column(of, 1)[k]))
            return (struct wait){column(of, 2)[k], column(of, 3)[k]};
    return (struct wait){0, NEVER};
}

static inline void note(struct rows *of, int64_t low, int64_t high, struct wait over)
{
    if (low >= high)
        return;
    column(of, 0)[of->high] = low;
    column(of, 1)[of->high] = high;
    column(of, 2)[of->high] = over.time;
    column(of, 3)[of->high++] = over.number;
}

/* What engines.c says of all engines. */
struct reason lpuc_issue(struct engines *all, const struct work *work);
struct reason lpuc_taken(const struct engines *all, int64_t engine, struct reason issued);
struct reason lpuc_delayed(struct engines *all, const struct work *work, struct reason taken);
void lpuc_occupy(struct engines *all, int64_t engine, int64_t start, int64_t left);

/* Those that panels.c and messages.c have. */
void lpuc_stream(struct engines *all, const struct step *step);
struct event lpuc_matrix(struct engines *all, const struct work *work);
struct event lpuc_sent(struct engines *all, const struct held *panel);
struct event lpuc_send(struct engines *all, const struct work *work);
struct event lpuc_receive(struct engines *all, const struct work *work);

#endif
