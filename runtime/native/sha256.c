/* SHA-256 of the blocks that bytes arriving in order make up, two blocks at once: a round waits for
 * the one before it, so one block leaves half of the unit idle. */
#include "offered.h"
#include "products.h"

#include <string.h>

#define LANES 2
#define WORDS 8
#define UNIT 64
#define DIGEST_BYTES 32

/* A hash of `count` bytes, of which the last ones wait in `rest` until they are a unit. */
struct hash {
    uint32_t state[WORDS];
    int64_t count;
    uint8_t rest[UNIT];
};

struct blocks {
    int64_t size;
    struct hash last;
};

OFFERED int64_t lpuc_blocks_bytes(void)
{
    return sizeof(struct blocks);
}

#if defined(__x86_64__) && defined(__GNUC__)

#include <cpuid.h>
#include <immintrin.h>

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))

static const uint32_t first[WORDS] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

OFFERED int lpuc_runs_sha256(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1))
        return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 29));
}

/* Four words of the message behind the sixteen in `m`, of which number `r` is the oldest four. */
#define NEXT_WORDS(m, r)                                                                           \
    _mm_sha256msg2_epu32(                                                                          \
        _mm_add_epi32(_mm_sha256msg1_epu32(m[(r) & 3], m[((r) + 1) & 3]),                          \
                      _mm_alignr_epi8(m[((r) + 3) & 3], m[((r) + 2) & 3], 4)),                     \
        m[((r) + 3) & 3])

/* Hash `units` units into each of `count` states; a constant `count` makes it two functions. */
static inline __attribute__((always_inline)) TARGET void
compress(uint32_t *const state[], const uint8_t *const data[], int64_t units, int count)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i abef[LANES], cdgh[LANES];
    for (int w = 0; w < count; w++) {
        __m128i low = _mm_loadu_si128((const __m128i *)state[w]);
        __m128i high = _mm_loadu_si128((const __m128i *)(state[w] + 4));
        low = _mm_shuffle_epi32(low, 0xb1), high = _mm_shuffle_epi32(high, 0x1b);
        abef[w] = _mm_alignr_epi8(low, high, 8), cdgh[w] = _mm_blend_epi16(high, low, 0xf0);
    }
    for (int64_t i = 0; i < units; i++) {
        __m128i before[LANES][2], m[LANES][4];
        for (int w = 0; w < count; w++)
            before[w][0] = abef[w], before[w][1] = cdgh[w];
#pragma GCC unroll 16
        for (int r = 0; r < 16; r++) {
#pragma GCC unroll 2
            for (int w = 0; w < count; w++) {
                const uint8_t *at = data[w] + UNIT * i + 16 * r;
                __m128i words = r < 4 ? _mm_shuffle_epi8(_mm_loadu_si128((const void *)at), swap)
                                      : NEXT_WORDS(m[w], r);
                m[w][r & 3] = words;
                words = _mm_add_epi32(words, _mm_load_si128((const void *)(constants + 4 * r)));
                cdgh[w] = _mm_sha256rnds2_epu32(cdgh[w], abef[w], words);
                words = _mm_shuffle_epi32(words, 0x0e);
                abef[w] = _mm_sha256rnds2_epu32(abef[w], cdgh[w], words);
            }
        }
        for (int w = 0; w < count; w++) {
            abef[w] = _mm_add_epi32(abef[w], before[w][0]);
            cdgh[w] = _mm_add_epi32(cdgh[w], before[w][1]);
        }
    }
    for (int w = 0; w < count; w++) {
        __m128i low = _mm_shuffle_epi32(abef[w], 0x1b), high = _mm_shuffle_epi32(cdgh[w], 0xb1);
        _mm_storeu_si128((__m128i *)state[w], _mm_blend_epi16(low, high, 0xf0));
        _mm_storeu_si128((__m128i *)(state[w] + 4), _mm_alignr_epi8(high, low, 8));
    }
}

static TARGET void compress_one(uint32_t *state, const uint8_t *data, int64_t units)
{
    uint32_t *states[1] = {state};
    const uint8_t *all[1] = {data};
    compress(states, all, units, 1);
}

static TARGET void compress_two(uint32_t *const state[], const uint8_t *const data[], int64_t units)
{
    compress(state, data, units, 2);
}

static void begin(struct hash *hash)
{
    memcpy(hash->state, first, sizeof first);
    hash->count = 0;
}

static void finish(struct hash *hash, uint8_t *digest)
{
    uint64_t bits = (uint64_t)hash->count * 8;
    size_t filled = (size_t)(hash->count % UNIT);
    uint8_t end[2 * UNIT] = {0};
    int64_t units = filled + 9 > UNIT ? 2 : 1;
    memcpy(end, hash->rest, filled);
    end[filled] = 0x80;
    for (int i = 0; i < 8; i++)
        end[units * UNIT - 1 - i] = (uint8_t)(bits >> 8 * i);
    compress_one(hash->state, end, units);
    for (int i = 0; i < DIGEST_BYTES; i++)
        digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - i % 4 * 8));
}

/* The part of one block that arrives: its digest, if it ends here, goes to `digest`. */
struct lane {
    struct hash hash;
    const uint8_t *data;
    int64_t size;
    uint8_t *digest;
};

/* Give a hash as many bytes as make its rest a unit, or all. */
static void fill_rest(struct lane *lane)
{
    size_t filled = (size_t)(lane->hash.count % UNIT);
    size_t taken = filled ? (size_t)lane->size < UNIT - filled ? (size_t)lane->size : UNIT - filled
                          : 0;
    memcpy(lane->hash.rest + filled, lane->data, taken);
    lane->hash.count += (int64_t)taken, lane->data += taken, lane->size -= (int64_t)taken;
    if (taken && filled + taken == UNIT)
        compress_one(lane->hash.state, lane->hash.rest, 1);
}

struct arriving {
    struct blocks *blocks;
    const uint8_t *data;
    int64_t size;
    uint8_t *digests;
};

/* Load the next block's part into a lane; 0 if there is none. */
static int load(struct lane *lane, struct arriving *all)
{
    int64_t room;
    if (!all->size)
        return 0;
    lane->hash = all->blocks->last;
    begin(&all->blocks->last);
    room = all->blocks->size - lane->hash.count;
    lane->data = all->data, lane->size = all->size < room ? all->size : room;
    lane->digest = all->digests;
    all->data += lane->size, all->size -= lane->size, all->digests += DIGEST_BYTES;
    fill_rest(lane);
    return 1;
}

static void unload(struct lane *lane, struct blocks *blocks)
{
    memcpy(lane->hash.rest, lane->data, (size_t)lane->size);
    lane->hash.count += lane->size;
    if (lane->hash.count == blocks->size)
        finish(&lane->hash, lane->digest);
    else
        blocks->last = lane->hash;
}

static void advance(struct lane *lane, int64_t units)
{
    lane->hash.count += UNIT * units;
    lane->data += UNIT * units;
    lane->size -= UNIT * units;
}

OFFERED void lpuc_blocks_begin(struct blocks *blocks, int64_t size)
{
    blocks->size = size;
    begin(&blocks->last);
}

/* Take bytes; the digests of all blocks that end among them go to `digests`, which has room for
 * one more. */
OFFERED void lpuc_blocks_update(struct blocks *blocks, const uint8_t *data, int64_t size,
                                uint8_t *digests)
{
    struct arriving all = {blocks, data, size, digests};
    struct lane lanes[LANES];
    int loaded[LANES] = {load(&lanes[0], &all), load(&lanes[1], &all)};
    while (loaded[0] || loaded[1]) {
        for (int w = 0; w < LANES; w++)
            while (loaded[w] && lanes[w].size < UNIT) {
                unload(&lanes[w], blocks);
                loaded[w] = load(&lanes[w], &all);
            }
        if (loaded[0] && loaded[1]) {
            uint32_t *state[LANES] = {lanes[0].hash.state, lanes[1].hash.state};
            const uint8_t *both[LANES] = {lanes[0].data, lanes[1].data};
            int64_t least = lanes[0].size < lanes[1].size ? lanes[0].size : lanes[1].size;
            compress_two(state, both, least / UNIT);
            advance(&lanes[0], least / UNIT), advance(&lanes[1], least / UNIT);
            continue;
        }
        for (int w = 0; w < LANES; w++)
            if (loaded[w]) {
                int64_t units = lanes[w].size / UNIT;
                compress_one(lanes[w].hash.state, lanes[w].data, units);
                advance(&lanes[w], units);
            }
    }
}

/* The digest of the last block, if it is a shorter one; 0 if there is none. */
OFFERED int lpuc_blocks_finish(struct blocks *blocks, uint8_t *digest)
{
    if (!blocks->last.count)
        return 0;
    finish(&blocks->last, digest);
    begin(&blocks->last);
    return 1;
}

#else

OFFERED int lpuc_runs_sha256(void)
{
    return 0;
}

OFFERED void lpuc_blocks_begin(struct blocks *blocks, int64_t size)
{
    (void)blocks, (void)size;
}

OFFERED void lpuc_blocks_update(struct blocks *blocks, const uint8_t *data, int64_t size,
                                uint8_t *digests)
{
    (void)blocks, (void)data, (void)size, (void)digests;
}

OFFERED int lpuc_blocks_finish(struct blocks *blocks, uint8_t *digest)
{
    (void)blocks, (void)digest;
    return 0;
}

#endif
