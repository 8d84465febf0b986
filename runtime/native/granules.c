/* When granules of the LMU are free: what runtime/timing/scoreboard.py does, one by one. */
#include "granules.h"
#include "offered.h"

static int64_t at(const struct board *board, int64_t granule)
{
    return granule < 0 ? board->entries + granule : granule;
}

/* By how much each granule delays a pass, and those before; it needs one at least. */
OFFERED void lpuc_delays(struct board *board, const struct needs *of, int64_t *delays)
{
    int64_t late = INT64_MIN, which = 0;
    for (int64_t k = 0; k < of->needed; k++) {
        int64_t delay = board->times[at(board, of->granules[k])] - of->begins[k];
        if (delay > late) {
            late = delay;
            which = k;
        }
        delays[k] = late;
    }
    board->late = late;
    board->waited = board->numbers[at(board, of->granules[which])];
}

/* Note a pass whose ends are `left`; what is written becomes valid `latency` behind that. */
OFFERED void lpuc_mark(const struct board *board, const struct needs *of, const int64_t *left,
                       int64_t number, int64_t latency)
{
    for (int64_t k = 0; k < of->split; k++) {
        int64_t used = board->entries - 1 - number_of(&of->read, k);
        if (left[k] > board->times[used]) {
            board->times[used] = left[k];
            board->numbers[used] = (int32_t)number;
        }
    }
    for (int64_t k = of->split; k < of->ends; k++) {
        int64_t written = number_of(&of->written, k - of->split);
        int64_t used = board->entries - 1 - written;
        board->times[written] = board->times[used] = left[k] + latency;
        board->numbers[written] = board->numbers[used] = (int32_t)number;
    }
}

/* A pass that nothing else delays from `start` on, `shift` behind all of it. */
OFFERED void lpuc_pass(struct board *board, const struct needs *of, int64_t *delays, int64_t *left,
                       int64_t number, int64_t start, int64_t latency, int64_t shift)
{
    lpuc_delays(board, of, delays);
    for (int64_t k = 0; k < of->ends; k++)
        left[k] = later(delays[of->until[k]], start) + of->left[k] + shift;
    lpuc_mark(board, of, left, number, latency);
}
