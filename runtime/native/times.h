/* Times that bound each other. */
#ifndef TIMES_H
#define TIMES_H

#include <stdint.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

static inline int64_t later(int64_t one, int64_t other)
{
    return one > other ? one : other;
}

#endif
