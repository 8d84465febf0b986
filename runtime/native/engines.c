/* The engines of a device: what runtime/timing/engines.py does, one instruction after the other. */
#include "engines.h"
#include "offered.h"

static struct reason last_of(struct reason one, struct reason other)
{
    if (one.time != other.time)
        return one.time > other.time ? one : other;
    if (one.cause != other.cause)
        return one.cause > other.cause ? one : other;
    return one.waited > other.waited ? one : other;
}

/* Accesses to HBM that others may wait for: two rows of bytes, when they are over and for whom. */
static void forget(struct rows *of, int64_t now)
{
    while (of->low < of->high && column(of, 2)[of->low] <= now)
        of->low++;
}

/* Whether there is room for so many more rows; the oldest are moved to the front for that. */
static int has_room(struct rows *of, int64_t columns, int64_t count)
{
    int64_t held = of->high - of->low;
    if (of->high + count <= of->room)
        return 1;
    if (held + count > of->room)
        return 0;
    for (int64_t k = 0; k < columns; k++)
        memmove(column(of, k), column(of, k) + of->low, held * sizeof(int64_t));
    of->low = 0;
    of->high = held;
    return 1;
}

static int has_panels(struct panels *of)
{
    int64_t first = of->high - of->pushed;
    first = first < of->undrained ? first : of->undrained;
    if (of->high < of->room)
        return 1;
    if (!first)
        return 0;
    memmove(of->all, of->all + first, (of->high - first) * sizeof *of->all);
    of->undrained -= first;
    of->unsent -= first;
    of->high -= first;
    return 1;
}

static int has_sides(struct engines *all, int64_t count)
{
    for (struct side *side = all->sides; side < all->sides + SIDES; side++)
        if (!has_room(&side->sent, 2, count) || !has_room(&side->received, 2, 1))
            return 0;
    return 1;
}

/* Whether all that an instruction may note has room; of very many beats nobody asks for it. */
static int is_noted(struct engines *all, const struct step *step)
{
    const struct panels *panels = &all->panels;
    struct filling *fifo = all->fifo;
    int64_t beats = step->work->beats, sent = panels->high - panels->unsent + 1;
    for (int64_t k = panels->unsent; k < panels->high; k++)
        beats += panels->all[k].beats.beats - panels->all[k].beats.asked;
    if (panels->undrained < panels->high)
        beats += panels->all[panels->undrained].beats.beats;
    if (beats > MANY)
        return 0;
    all->wanted = later(beats, 1);
    return has_room(&fifo->arrivals, 1, beats) && has_room(&fifo->freed, 2, beats) &&
           has_room(&fifo->runs, 3, beats) && has_room(&all->bills, 2, 1) &&
           has_room(&all->writes, 4, 1) && has_room(&all->streams, 4, sent) &&
           has_panels(&all->panels) && has_sides(all, step->work->near.needed + 2);
}

/* Whether an instruction is left to others: it may end the run. */
static int is_left(const struct engines *all, const struct step *step)
{
    const struct panels *panels = &all->panels;
    const struct side *side = all->sides;
    switch (step->work->engine) {
    case ICP:
    case VXE:
        return 0;
    case SXE:
        return panels->undrained == panels->high;
    case STREAM:
        return panels->pushed == all->depth && !panels->all[panels->high - all->depth].is_begun;
    case TRANSFER:
        for (int64_t k = panels->unsent; step->work->writes && k < panels->high; k++)
            if (meet(step, panels->all[k].low, panels->all[k].high))
                return 1;
        return 0;
    case SEND_LEFT:
    case SEND_RIGHT:
        side += step->work->engine - SEND_LEFT;
        return !side->room && side->received.low == side->received.high;
    default:
        side += RECV_RIGHT - step->work->engine;
        return side->sent.low == side->sent.high;
    }
}

/* When the last of so many next words is there. */
static int64_t there(struct engines *all, int64_t words)
{
    all->words += words;
    return all->begun + (all->words - 1) * all->fetch;
}

/* When the queue of an engine has room. */
static struct wait room_of(const struct engines *all, int64_t engine)
{
    const struct queue *queue = &all->queues[engine];
    if (engine == STREAM) {
        const struct panels *panels = &all->panels;
        const struct held *oldest = panels->all + panels->high - panels->pushed;
        if (panels->pushed < all->depth)
            return (struct wait){0, NEVER};
        return (struct wait){up(oldest->begun, all->fifo->unit), oldest->number};
    }
    return queue->count < all->depth ? (struct wait){0, NEVER} : queue->waits[queue->first];
}

/* When an instruction is queued; a full queue holds the control processor. */
struct reason lpuc_issue(struct engines *all, const struct work *work)
{
    int64_t is_there = there(all, work->words) + all->control;
    int64_t free = later(all->free[ICP].time + work->words * all->control, is_there);
    struct wait room = room_of(all, work->engine);
    int64_t now = later(free, room.time);
    all->free[ICP] = (struct wait){now, all->number};
    forget(&all->writes, now);
    forget(&all->streams, now);
    if (room.time < free)
        return (struct reason){free, ISSUE, NEVER};
    return (struct reason){room.time, QUEUE, room.number};
}

/* When an engine takes an instruction up. */
struct reason lpuc_taken(const struct engines *all, int64_t engine, struct reason issued)
{
    struct wait free = all->free[engine];
    return free.time <= issued.time ? issued : (struct reason){free.time, ENGINE, free.number};
}

void lpuc_occupy(struct engines *all, int64_t engine, int64_t start, int64_t left)
{
    struct queue *queue = &all->queues[engine];
    if (queue->count == all->depth) {
        queue->first = queue->first + 1 < all->depth ? queue->first + 1 : 0;
        queue->count--;
    }
    queue->waits[(queue->first + queue->count++) % all->depth] = (struct wait){start, all->number};
    all->free[engine] = (struct wait){left, all->number};
}

/* The last reason of a pass that nothing else delays; it is noted in the LMU. */
static struct reason passed(struct engines *all, const struct work *work, struct reason reason,
                            int64_t shift)
{
    if (!work->near.needed)
        return reason;
    lpuc_pass(all->board, &work->near, all->delays, all->left, all->number, reason.time,
              work->latency, shift);
    if (all->board->late <= reason.time)
        return reason;
    return (struct reason){all->board->late, LMU, all->board->waited};
}

/* The reason of what else delays a pass, or of its granules, which delay the last step by `delays`. */
struct reason lpuc_delayed(struct engines *all, const struct work *work, struct reason taken)
{
    if (!work->near.needed)
        return taken;
    lpuc_delays(all->board, &work->near, all->delays);
    if (all->board->late <= taken.time)
        return taken;
    return (struct reason){all->board->late, LMU, all->board->waited};
}

static struct event control(struct engines *all, const struct work *work)
{
    int64_t is_there = there(all, work->words), free = later(all->free[ICP].time, is_there);
    struct reason start = passed(all, work, (struct reason){free, ISSUE, NEVER}, 0);
    int64_t end = start.time + work->steps;
    if (work->jumps) {
        all->begun = end;
        all->words = 0;
    }
    all->free[ICP] = (struct wait){end, all->number};
    return (struct event){all->number, work->pc, ICP, free, start.time, start.time, end, end,
                          work->steps, 0, start.cause, start.waited, start};
}

static struct event vector(struct engines *all, const struct work *work)
{
    struct reason issued = lpuc_issue(all, work), taken = lpuc_taken(all, VXE, issued);
    struct reason late = passed(all, work, taken, all->issue);
    int64_t busy = all->issue + work->steps, left = late.time + busy;
    lpuc_occupy(all, VXE, taken.time, left);
    return (struct event){all->number, work->pc, VXE, issued.time, taken.time, late.time, left,
                          left + work->latency, busy, 0, late.cause, late.waited, late};
}

/* When the accesses are over that a transfer may not pass. */
static struct reason hazard_of(const struct engines *all, const struct step *step)
{
    struct wait over = ready(&all->writes, step);
    if (step->work->writes) {
        struct wait other = ready(&all->streams, step);
        if (other.time > over.time || (other.time == over.time && other.number > over.number))
            over = other;
    }
    return (struct reason){over.time, HBM, over.number};
}

/* When the bus has turned behind the transfer before. */
static struct reason turned(const struct engines *all, const struct work *work)
{
    if (!work->bytes || work->writes == all->wrote || all->bus.number == NEVER)
        return (struct reason){0, ISSUE, NEVER};
    int64_t turn = work->writes ? all->to_write : all->to_read;
    return (struct reason){all->bus.time + turn, CHANNEL, all->bus.number};
}

static struct event transfer(struct engines *all, const struct step *step)
{
    const struct work *work = step->work;
    int64_t unit = all->fifo->unit, setup = work->bytes ? later(0, all->issue - work->steps) : 0;
    struct reason issued = lpuc_issue(all, work), taken = lpuc_taken(all, TRANSFER, issued);
    struct reason begun = last_of(last_of(taken, turned(all, work)), hazard_of(all, step));
    begun.time += setup + up(step->banks, unit);
    struct reason late = passed(all, work, begun, 0);
    int64_t left = late.time + work->steps, end = work->bytes ? left + work->latency : left;
    lpuc_occupy(all, TRANSFER, taken.time, left);
    if (work->bytes) {
        struct rows *open = &all->bills;
        column(open, 0)[open->high] = issued.time * unit;
        column(open, 1)[open->high++] = work->units + step->total;
        all->owed++;
        all->wrote = work->writes;
        all->bus = (struct wait){left, all->number};
        if (work->writes)
            note(&all->writes, step->low, step->high, (struct wait){end, all->number});
    }
    return (struct event){all->number, work->pc, TRANSFER, issued.time, taken.time, late.time, left,
                          end, work->units, work->bytes, late.cause, late.waited, late};
}

/* Go on with `count` instructions, as far as possible; how many were gone through. `events` has room
 * for one of each instruction, and of each panel that is not sent. */
OFFERED int64_t lpuc_execute(struct engines *all, const struct step *steps, int64_t count,
                             struct event *events)
{
    all->events = all->wanted = 0;
    for (int64_t k = 0; k < count; k++) {
        const struct step *step = steps + k;
        const struct work *work = step->work;
        if (is_left(all, step) || !is_noted(all, step))
            return k;
        all->wanted = 0;
        all->number++;
        int64_t sent = all->panels.unsent;
        switch (work->engine) {
        case ICP:
            events[all->events++] = control(all, work);
            break;
        case VXE:
            events[all->events++] = vector(all, work);
            break;
        case SXE:
            events[all->events++] = lpuc_matrix(all, work);
            break;
        case TRANSFER:
            events[all->events++] = transfer(all, step);
            break;
        case STREAM:
            lpuc_stream(all, step);
            break;
        case SEND_LEFT:
        case SEND_RIGHT:
            events[all->events++] = lpuc_send(all, work);
            break;
        default:
            events[all->events++] = lpuc_receive(all, work);
        }
        for (; sent < all->panels.unsent; sent++)
            events[all->events++] = lpuc_sent(all, all->panels.all + sent);
    }
    return count;
}
