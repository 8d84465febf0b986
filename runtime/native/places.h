/* Where bursts lie, as runtime/timing/hbm/mapping.py says, and channels that were elsewhere. */
#ifndef PLACES_H
#define PLACES_H

#include "channels.h"

/* Of a number that is no power of two, or that nothing moves, there are 0 bits. Of many bursts `edge`
 * are looked at, and those between take the clocks of `reads` or `writes`, which have entries for up
 * to `known` bursts. */
struct places {
    int64_t channels, banks, row_bursts, channel_bits, group_bits, bank_bits, digit, edge, known;
    const int64_t *reads, *writes;
};

/* The bursts of some numbers; channels that are ahead serve none of them before `until`. */
struct following {
    int64_t first, last, writes, until;
};

/* Serve them. */
void lpuc_follow(const struct law *law, const struct places *of, const struct clocks *clocks,
                 const struct following *asked);

/* The lowest bits of the exclusive-or of all digits. */
static inline int64_t fold(int64_t value, int64_t digit, int64_t bits)
{
    if (!bits)
        return 0;
    for (int64_t shift = digit; shift < 63; shift *= 2)
        value ^= value >> shift;
    return value & (((int64_t)1 << bits) - 1);
}

/* What the channels of the q-th bursts are moved by, with an exclusive-or. */
static inline int64_t moved(const struct places *of, int64_t q)
{
    int64_t folded = fold(q, of->channel_bits, of->channel_bits), found = 0;
    for (int64_t bit = 0; bit < of->channel_bits; bit++)
        found |= (folded >> bit & 1) << (of->channel_bits - 1 - bit);
    return found;
}

/* Where the bursts of all channels lie that follow each other. */
struct walk {
    int64_t group, column, bank, row, group_by, bank_by, block;
};

static inline void turn_group(const struct places *of, struct walk *at)
{
    at->group_by = fold(at->block ^ at->block >> 1, of->digit, of->group_bits);
}

static inline void turn_bank(const struct places *of, struct walk *at)
{
    at->bank_by = fold(at->row ^ at->row >> 1, of->digit, of->bank_bits);
}

static inline struct walk walk_from(const struct law *law, const struct places *of, int64_t q)
{
    int64_t block = q / law->groups, stripe = block / of->row_bursts;
    struct walk at = {.group = q % law->groups,
                      .column = block % of->row_bursts,
                      .bank = stripe % of->banks,
                      .row = stripe / of->banks,
                      .block = block};
    turn_group(of, &at);
    turn_bank(of, &at);
    return at;
}

static inline struct place next(const struct law *law, const struct places *of, struct walk *at)
{
    int64_t group = at->group ^ at->group_by, bank = at->bank ^ at->bank_by;
    struct place found = {group, group * of->banks + bank, at->row};
    if (++at->group < law->groups)
        return found;
    at->group = 0;
    at->block++;
    turn_group(of, at);
    if (++at->column < of->row_bursts)
        return found;
    at->column = 0;
    if (++at->bank < of->banks)
        return found;
    at->bank = 0;
    at->row++;
    turn_bank(of, at);
    return found;
}

/* Whether a channel is behind a clock. */
static inline int is_behind(const struct law *law, const struct clocks *clocks, int64_t channels,
                            int64_t until)
{
    for (int64_t channel = 0; channel < channels; channel++)
        if (clocks->last[channel] + law->burst < until)
            return 1;
    return 0;
}

/* A channel that was on other rows; none that is asked for is open. */
static inline void rest(const struct law *law, struct channel *own, int64_t row)
{
    const int64_t long_ago = -((int64_t)1 << 62);
    own->last = -law->burst;
    own->gap = law->burst;
    own->number = 0;
    for (int64_t k = 0; k < law->seen; k++)
        own->columns[k] = (k - law->seen) * law->burst;
    for (int64_t k = 0; k < law->places; k++) {
        own->rows[k] = long_ago + row;
        own->opened[k] = own->closable[k] = long_ago;
    }
    for (int64_t k = 0; k < law->groups; k++)
        own->group[k] = long_ago;
    for (int64_t k = 0; k < OPENS; k++)
        own->opens[k] = long_ago;
}

/* The banks of a channel are as those of another one, so much later. */
static inline void be_like(const struct law *law, struct channel *own, const struct channel *other,
                           int64_t by)
{
    for (int64_t k = 0; k < law->seen; k++)
        own->columns[k] = other->columns[k] + by;
    for (int64_t k = 0; k < law->places; k++) {
        own->rows[k] = other->rows[k];
        own->opened[k] = other->opened[k] + by;
        own->closable[k] = other->closable[k] + by;
    }
    for (int64_t k = 0; k < law->groups; k++)
        own->group[k] = other->group[k] + by;
    for (int64_t k = 0; k < OPENS; k++)
        own->opens[k] = other->opens[k] + by;
    own->number = other->number;
}

#endif
