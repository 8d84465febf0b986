/* The tree of the dot form from eight sums on, in registers of AVX. */
TARGET static inline __m128 four_of_eight(__m256 eight)
{
    return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
}

TARGET static inline float one_of_eight(__m256 eight)
{
    __m128 four = four_of_eight(eight);
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* The tree for four results whose partial sums lie after each other. */
TARGET static inline void vector_sums(const float *sums, float *results)
{
    __m128 four[4], left, right;
    for (int i = 0; i < 4; i++)
        four[i] = four_of_eight(_mm256_add_ps(_mm256_loadu_ps(sums + i * PARTIALS),
                                              _mm256_loadu_ps(sums + i * PARTIALS + 8)));
    left = _mm_add_ps(_mm_movelh_ps(four[0], four[1]), _mm_movehl_ps(four[1], four[0]));
    right = _mm_add_ps(_mm_movelh_ps(four[2], four[3]), _mm_movehl_ps(four[3], four[2]));
    _mm_storeu_ps(results, _mm_add_ps(_mm_shuffle_ps(left, right, _MM_SHUFFLE(2, 0, 2, 0)),
                                      _mm_shuffle_ps(left, right, _MM_SHUFFLE(3, 1, 3, 1))));
}
