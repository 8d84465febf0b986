/* The pieces of a job on several threads, which claim one after the other.
 *
 * The caller works, too, and waits only for pieces that others have begun: threads that wake late,
 * or that a fork left behind, cost nothing but their help. One job is shared at a time; who comes
 * meanwhile from another thread works alone.
 */
#include "products.h"

#if defined(_WIN32)

void share(int threads, int64_t pieces, work work, const void *job)
{
    (void)threads;
    for (int64_t piece = 0; piece < pieces; piece++)
        work(job, piece);
}

#else

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define MOST 64
#define SPINS 20000
#define STACK_BYTES (1 << 20)

static struct {
    pthread_mutex_t owner, mutex;
    pthread_cond_t begun, left;
    work work;
    const void *job;
    int64_t pieces;
    atomic_llong next;
    atomic_int generation, inside;
    int is_open, threads, wanted;
} pool = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
          PTHREAD_COND_INITIALIZER, 0, 0, 0, 0, 0, 0, 0, 0, 0};

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void work_on(work work, const void *job, int64_t pieces)
{
    for (;;) {
        int64_t piece = atomic_fetch_add(&pool.next, 1);
        if (piece >= pieces)
            return;
        work(job, piece);
    }
}

/* Wait for a job that this thread has not seen, and say which it is. */
static int next_generation(int seen)
{
    for (int spin = 0; spin < SPINS && atomic_load(&pool.generation) == seen; spin++)
        pause_briefly();
    pthread_mutex_lock(&pool.mutex);
    while (atomic_load(&pool.generation) == seen)
        pthread_cond_wait(&pool.begun, &pool.mutex);
    return atomic_load(&pool.generation);
}

static void *serve(void *number)
{
    int index = (int)(intptr_t)number, seen = 0;
    for (;;) {
        seen = next_generation(seen);
        if (!pool.is_open || index >= pool.wanted) {
            pthread_mutex_unlock(&pool.mutex);
            continue;
        }
        atomic_fetch_add(&pool.inside, 1);
        work work = pool.work;
        const void *job = pool.job;
        int64_t pieces = pool.pieces;
        pthread_mutex_unlock(&pool.mutex);
        work_on(work, job, pieces);
        pthread_mutex_lock(&pool.mutex);
        if (atomic_fetch_sub(&pool.inside, 1) == 1)
            pthread_cond_signal(&pool.left);
        pthread_mutex_unlock(&pool.mutex);
    }
    return NULL;
}

/* The child of a fork has none of the threads, and locks in any state. */
static void forget_threads(void)
{
    pthread_mutex_init(&pool.owner, NULL);
    pthread_mutex_init(&pool.mutex, NULL);
    pthread_cond_init(&pool.begun, NULL);
    pthread_cond_init(&pool.left, NULL);
    pool.threads = 0;
    pool.is_open = 0;
    atomic_store(&pool.inside, 0);
}

static void register_fork(void)
{
    pthread_atfork(NULL, NULL, forget_threads);
}

/* Have `count` threads, or as many as there can be; signals are for the threads of the caller. */
static void start_threads(int count)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    sigset_t all, before;
    pthread_attr_t attributes;
    if (pool.threads >= count)
        return;
    pthread_once(&once, register_fork);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    while (pool.threads < count) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, serve, (void *)(intptr_t)pool.threads))
            break;
        pool.threads++;
    }
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void begin(int helpers, int64_t pieces, work work, const void *job)
{
    pthread_mutex_lock(&pool.mutex);
    pool.work = work;
    pool.job = job;
    pool.pieces = pieces;
    pool.wanted = helpers;
    pool.is_open = 1;
    atomic_store(&pool.next, 0);
    atomic_fetch_add(&pool.generation, 1);
    pthread_cond_broadcast(&pool.begun);
    pthread_mutex_unlock(&pool.mutex);
}

/* Let no thread in any more, and wait for those that are. */
static void finish(void)
{
    for (int spin = 0; spin < SPINS && atomic_load(&pool.inside); spin++)
        pause_briefly();
    pthread_mutex_lock(&pool.mutex);
    pool.is_open = 0;
    while (atomic_load(&pool.inside))
        pthread_cond_wait(&pool.left, &pool.mutex);
    pthread_mutex_unlock(&pool.mutex);
}

void share(int threads, int64_t pieces, work work, const void *job)
{
    int helpers = threads > MOST ? MOST - 1 : threads - 1;
    if (helpers < 1 || pieces < 2 || pthread_mutex_trylock(&pool.owner)) {
        for (int64_t piece = 0; piece < pieces; piece++)
            work(job, piece);
        return;
    }
    start_threads(helpers);
    begin(helpers, pieces, work, job);
    work_on(work, job, pieces);
    finish();
    pthread_mutex_unlock(&pool.owner);
}

#endif
