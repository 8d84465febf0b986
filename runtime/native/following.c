/* Bursts that follow each other: what runtime/timing/hbm/channels.py does, for all channels. */
#include "channels.h"
#include "offered.h"

/* Where bursts lie, as runtime/timing/hbm/mapping.py says; of a number that is no power of two, or
 * that nothing moves, there are 0 bits. Of many bursts `edge` are looked at, and those between take
 * the clocks of `reads` or `writes`, which have entries for up to `known` bursts. */
struct places {
    int64_t channels, banks, row_bursts, channel_bits, group_bits, bank_bits, digit, edge, known;
    const int64_t *reads, *writes;
};

/* The bursts of some numbers; channels that are ahead serve none of them before `until`. */
struct following {
    int64_t first, last, writes, until;
};

/* Places that are found before any channel serves them. */
enum { TOGETHER = 64 };

/* The lowest bits of the exclusive-or of all digits. */
static int64_t fold(int64_t value, int64_t digit, int64_t bits)
{
    if (!bits)
        return 0;
    for (int64_t shift = digit; shift < 63; shift *= 2)
        value ^= value >> shift;
    return value & (((int64_t)1 << bits) - 1);
}

/* What the channels of the q-th bursts are moved by, with an exclusive-or. */
static int64_t moved(const struct places *of, int64_t q)
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

static void turn_group(const struct places *of, struct walk *at)
{
    at->group_by = fold(at->block ^ at->block >> 1, of->digit, of->group_bits);
}

static void turn_bank(const struct places *of, struct walk *at)
{
    at->bank_by = fold(at->row ^ at->row >> 1, of->digit, of->bank_bits);
}

static struct walk walk_from(const struct law *law, const struct places *of, int64_t q)
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

static struct place next(const struct law *law, const struct places *of, struct walk *at)
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
static int is_behind(const struct law *law, const struct clocks *clocks, int64_t channels,
                     int64_t until)
{
    for (int64_t channel = 0; channel < channels; channel++)
        if (clocks->last[channel] + law->burst < until)
            return 1;
    return 0;
}

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

/* A channel that was on other rows; none that is asked for is open. */
static void rest(const struct law *law, struct channel *own, int64_t row)
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
static void be_like(const struct law *law, struct channel *own, const struct channel *other,
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
