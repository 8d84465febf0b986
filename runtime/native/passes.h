/* Passes of the vector engine: one instruction over strided operands of up to four axes.
 *
 * Included by each kernel behind its vectors. What does not add up has the bits that numpy gives it:
 * sixteen bits are widened, the function is computed in f32, and the result rounded once. A sum has
 * the partial sums and the tree of the dot form, in whatever blocks a row is read.
 */
#define BLOCK 256

enum function {
    ADD, SUB, MUL, DIV, MAX, MIN, NEG, ABS, SQRT, RECIP, RELU, WIDEN, /* the result rounds */
    GELU_POWER, OVER_ONE_PLUS, ONE_PLUS_RECIP,
    ISNAN, MOVE, SELECT, SUM, GREATEST
};

/* `n` elements in f32: where they are if they follow each other, else in `to`, with zeros behind. */
TARGET static const float *fetch(const struct operand *x, const char *at, int64_t n, float *to)
{
    int64_t stride = x->strides[3], i = 0;
    if (x->element == F32 && stride == 4)
        return (const float *)at;
    if (stride == 0) {
        float value = read_element(at, x->element);
        for (; i < n; i += LANES)
            vector_store(to + i, vector_all(value));
        return to;
    }
    if (stride == 2 && x->element == F16)
        for (; i + LANES <= n; i += LANES)
            vector_store(to + i, vector_f16((const uint16_t *)at + i));
    if (stride == 2 && x->element == BF16)
        for (; i + LANES <= n; i += LANES)
            vector_store(to + i, vector_bf16((const uint16_t *)at + i));
    for (; i < n; i++)
        to[i] = read_element(at + i * stride, x->element);
    return to;
}

/* Where `n` results are computed: where they go, if they can, else in `buffer`. */
static float *place(const struct operand *out, char *at, float *buffer)
{
    return out->element == F32 && out->strides[3] == 4 ? (float *)at : buffer;
}

TARGET static void put(const struct operand *out, char *at, int64_t n, const float *from)
{
    int64_t stride = out->strides[3], i = 0;
    if (from == (const float *)at)
        return;
    if (stride == 2 && out->element == F16)
        for (; i + LANES <= n; i += LANES)
            vector_to_f16((uint16_t *)at + i, vector_load(from + i));
    if (stride == 2 && out->element == BF16)
        for (; i + LANES <= n; i += LANES)
            vector_to_bf16((uint16_t *)at + i, vector_load(from + i));
    for (; i < n; i++)
        write_element(at + i * stride, out->element, from[i]);
}

/* A vector of the last elements of a row, which may end before the vector does. */
TARGET static inline vector load_some(const float *at, int64_t n)
{
    float some[LANES] = {0};
    memcpy(some, at, (size_t)n * sizeof *at);
    return vector_load(some);
}

TARGET static inline void store_some(float *at, vector v, int64_t n)
{
    float some[LANES];
    vector_store(some, v);
    memcpy(at, some, (size_t)n * sizeof *at);
}

#define EACH(result)                                                                               \
    do {                                                                                           \
        int64_t i = 0;                                                                             \
        for (; i + LANES <= n; i += LANES) {                                                       \
            vector a = vector_load(x + i), b = vector_load(y + i);                                 \
            (void)b;                                                                               \
            vector_store(o + i, result);                                                           \
        }                                                                                          \
        if (i < n) {                                                                               \
            vector a = load_some(x + i, n - i), b = load_some(y + i, n - i);                       \
            (void)b;                                                                               \
            store_some(o + i, result, n - i);                                                      \
        }                                                                                          \
    } while (0)

/* -2 sqrt(2 / pi) (x + 0.044715 x^3), each step rounded. */
TARGET static inline vector gelu_power(vector x)
{
    vector cube = vector_mul(vector_mul(x, x), x);
    vector sum = vector_add(x, vector_mul(vector_all(0.044715f), cube));
    return vector_mul(vector_all(-1.5957691216057308f), sum);
}

TARGET static void compute(int64_t function, float *o, const float *x, const float *y, int64_t n)
{
    const vector one = vector_all(1.0f);
    switch (function) {
    case ADD: EACH(vector_add(a, b)); break;
    case SUB: EACH(vector_sub(a, b)); break;
    case MUL: EACH(vector_mul(a, b)); break;
    case DIV: EACH(vector_div(a, b)); break;
    case MAX: EACH(vector_max(a, b)); break;
    case MIN: EACH(vector_min(a, b)); break;
    case NEG: EACH(vector_neg(a)); break;
    case ABS: EACH(vector_abs(a)); break;
    case SQRT: EACH(vector_sqrt(a)); break;
    case RECIP: EACH(vector_div(one, a)); break;
    case RELU: EACH(vector_max(a, vector_zero())); break;
    case WIDEN: EACH(a); break;
    case GELU_POWER: EACH(gelu_power(a)); break;
    case OVER_ONE_PLUS: EACH(vector_div(a, vector_add(one, b))); break;
    case ONE_PLUS_RECIP: EACH(vector_div(one, vector_add(one, a))); break;
    }
}

TARGET static void compute_row(const struct pass *pass, char *const *at, int64_t count)
{
    float buffers[3][BLOCK];
    const struct operand *out = pass->operands, *a = out + 1, *b = out + 2;
    for (int64_t done = 0, n; done < count; done += n) {
        n = least(BLOCK, count - done);
        char *to = at[0] + done * out->strides[3];
        const float *x = fetch(a, at[1] + done * a->strides[3], n, buffers[1]), *y = x;
        if (pass->count == 3)
            y = fetch(b, at[2] + done * b->strides[3], n, buffers[2]);
        float *o = place(out, to, buffers[0]);
        compute(pass->function, o, x, y, n);
        put(out, to, n, o);
    }
}

/* Sixteen partial results of a row, which become one. */
TARGET static void combine_row(const struct pass *pass, char *const *at, int64_t count)
{
    const struct operand *out = pass->operands, *a = out + 1;
    int is_sum = pass->function == SUM;
    vector partials[PARTIALS / LANES], start = vector_all(is_sum ? 0.0f : -__builtin_inff());
    float buffer[BLOCK], lane[PARTIALS];
    for (int p = 0; p < PARTIALS / LANES; p++)
        partials[p] = start;
    for (int64_t done = 0, n; done < count; done += n) {
        n = least(BLOCK, count - done);
        const float *x = fetch(a, at[1] + done * a->strides[3], n, buffer);
        for (int64_t i = 0; i < n; i += LANES) {
            vector v, *p = partials + i / LANES % (PARTIALS / LANES);
            if (i + LANES <= n) {
                v = vector_load(x + i);
            } else {
                vector_store(lane, start);
                memcpy(lane, x + i, (size_t)(n - i) * sizeof *x);
                v = vector_load(lane);
            }
            *p = is_sum ? vector_add(*p, v) : vector_max(*p, v);
        }
    }
    if (is_sum) {
        write_element(at[0], out->element, vector_sum(partials));
        return;
    }
    for (int p = 0; p < PARTIALS / LANES; p++)
        vector_store(lane + p * LANES, partials[p]);
    for (int l = 1; l < PARTIALS; l++)
        if (lane[l] > lane[0] || lane[l] != lane[l])
            lane[0] = lane[0] != lane[0] ? lane[0] : lane[l];
    write_element(at[0], out->element, lane[0]);
}

static void isnan_row(const struct pass *pass, char *const *at, int64_t count)
{
    const struct operand *out = pass->operands, *a = out + 1;
    for (int64_t i = 0; i < count; i++) {
        float value = read_element(at[1] + i * a->strides[3], a->element);
        at[0][i * out->strides[3]] = value != value;
    }
}

#define MOVE_EACH(type)                                                                            \
    do {                                                                                           \
        for (int64_t i = 0; i < count; i++) {                                                      \
            type value;                                                                            \
            memcpy(&value, from + i * b, sizeof value);                                            \
            memcpy(to + i * a, &value, sizeof value);                                              \
        }                                                                                          \
    } while (0)

/* `count` elements of `size` bytes, whatever they are. */
static void move_row(char *to, int64_t a, const char *from, int64_t b, int64_t size, int64_t count)
{
    if (a == size && b == size) {
        if (to != from)
            memcpy(to, from, (size_t)(count * size));
        return;
    }
    switch (size) {
    case 1: MOVE_EACH(uint8_t); break;
    case 2: MOVE_EACH(uint16_t); break;
    case 4: MOVE_EACH(uint32_t); break;
    case 8: MOVE_EACH(uint64_t); break;
    }
}

static void select_row(const struct pass *pass, char *const *at, int64_t count)
{
    const struct operand *out = pass->operands, *flags = out + 1;
    int64_t step = flags->strides[3], whole = step == 0 ? count : 1;
    for (int64_t i = 0; i < count; i += whole) {
        int other = !at[1][i * step];
        const struct operand *chosen = out + 2 + other;
        move_row(at[0] + i * out->strides[3], out->strides[3],
                 at[2 + other] + i * chosen->strides[3], chosen->strides[3], pass->size, whole);
    }
}

TARGET static void one_row(const struct pass *pass, char *const *at)
{
    int64_t count = pass->extents[3];
    switch (pass->function) {
    case ISNAN: isnan_row(pass, at, count); break;
    case SELECT: select_row(pass, at, count); break;
    case SUM:
    case GREATEST: combine_row(pass, at, count); break;
    case MOVE:
        move_row(at[0], pass->operands[0].strides[3], at[1], pass->operands[1].strides[3],
                 pass->size, count);
        break;
    default: compute_row(pass, at, count);
    }
}

/* All rows of a pass, in the order of their indices. */
TARGET static void do_pass(const struct pass *pass)
{
    const int64_t *extents = pass->extents;
    for (int64_t i = 0; i < extents[0]; i++)
        for (int64_t j = 0; j < extents[1]; j++)
            for (int64_t k = 0; k < extents[2]; k++) {
                char *at[OPERANDS];
                for (int64_t n = 0; n < pass->count; n++) {
                    const struct operand *x = pass->operands + n;
                    at[n] = x->data + i * x->strides[0] + j * x->strides[1] + k * x->strides[2];
                }
                one_row(pass, at);
            }
}
