/* Messages between devices: what runtime/timing/engines.py and links.py do with them. */
#include "engines.h"

/* By how much a step of the oldest message is behind its number. */
static int64_t lag(const struct rows *sent, int64_t step)
{
    int64_t low = 0, high = column(sent, 1)[sent->low];
    const int64_t *begins = column(sent, 0) + sent->low + 2, *lags = column(sent, 1) + sent->low + 1;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (begins[middle] <= step)
            low = middle + 1;
        else
            high = middle;
    }
    return lags[low];
}

static struct event event_of(const struct engines *all, const struct work *work,
                             struct reason issued, struct reason taken, struct reason late)
{
    int64_t left = late.time + all->issue + work->steps;
    return (struct event){all->number, work->pc, work->engine, issued.time, taken.time, late.time,
                          left, left + work->latency, all->issue + work->steps, work->bytes,
                          late.cause, late.waited, late};
}

/* A message is sent: the first row says whose it is and how many lags follow. */
static void put(struct engines *all, struct rows *sent, const struct work *work, int64_t begin)
{
    int64_t at = sent->high;
    column(sent, 0)[at] = all->number;
    column(sent, 1)[at++] = work->near.needed;
    column(sent, 0)[at] = 0;
    column(sent, 1)[at++] = begin + all->hop;
    for (int64_t k = 0; k < work->near.needed; k++, at++) {
        column(sent, 0)[at] = work->near.begins[k];
        column(sent, 1)[at] = later(all->delays[k] + all->issue, begin) + all->hop;
    }
    sent->high = at;
}

struct event lpuc_send(struct engines *all, const struct work *work)
{
    struct side *side = all->sides + work->engine - SEND_LEFT;
    const struct needs *near = &work->near;
    struct reason issued = lpuc_issue(all, work), taken = lpuc_taken(all, work->engine, issued);
    struct reason room = {0, LINK, NEVER}, late = lpuc_delayed(all, work, taken);
    int64_t setup = all->issue, begin, left;
    if (!side->room) {
        room.time = column(&side->received, 0)[side->received.low];
        room.waited = column(&side->received, 1)[side->received.low++];
    } else {
        side->room--;
    }
    begin = later(taken.time + setup, room.time);
    if (room.time > late.time + setup)
        late = (struct reason){room.time - setup, LINK, room.waited};
    left = late.time + setup + work->steps;
    for (int64_t k = 0; k < near->ends; k++)
        all->left[k] = later(all->delays[near->until[k]] + setup, begin) + near->left[k];
    lpuc_mark(all->board, near, all->left, all->number, work->latency);
    lpuc_occupy(all, work->engine, taken.time, left);
    put(all, &side->sent, work, begin);
    return event_of(all, work, issued, taken, late);
}

struct event lpuc_receive(struct engines *all, const struct work *work)
{
    struct side *other = all->sides + RECV_RIGHT - work->engine;
    struct rows *sent = &other->sent, *received = &other->received;
    const struct needs *near = &work->near;
    struct reason issued = lpuc_issue(all, work), taken = lpuc_taken(all, work->engine, issued);
    struct reason late = lpuc_delayed(all, work, taken);
    int64_t setup = all->issue, there = lag(sent, later(0, work->steps - 1)), left;
    if (there > late.time + setup)
        late = (struct reason){there - setup, LINK, column(sent, 0)[sent->low]};
    left = late.time + setup + work->steps;
    for (int64_t k = 0; k < near->ends; k++) {
        int64_t held = later(all->delays[near->until[k]], taken.time) + setup;
        all->left[k] = later(held, lag(sent, near->left[k] - 1)) + near->left[k];
    }
    lpuc_mark(all->board, near, all->left, all->number, work->latency);
    lpuc_occupy(all, work->engine, taken.time, left);
    sent->low += column(sent, 1)[sent->low] + 2;
    column(received, 0)[received->high] = left;
    column(received, 1)[received->high++] = all->number;
    return event_of(all, work, issued, taken, late);
}
