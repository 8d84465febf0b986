/* The tree of the dot form for four results whose partial sums lie after each other. */
TARGET static inline void vector_sums(const float *sums, float *results)
{
    for (int i = 0; i < 4; i++) {
        vector partials[PARTIALS / LANES];
        for (int c = 0; c < PARTIALS / LANES; c++)
            partials[c] = vector_load(sums + i * PARTIALS + c * LANES);
        results[i] = vector_sum(partials);
    }
}
