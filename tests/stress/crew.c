/* SPDX-License-Identifier: Apache-2.0 */
#include "crew.h"

#include <stdlib.h>
#include <time.h>

#include "cmocka_headers.h"

#if CREW_UNDER_VALGRIND
#include <valgrind/helgrind.h>
#else
#define VALGRIND_HG_DISABLE_CHECKING(bytes, n) ((void)(bytes), (void)(n))
#define VALGRIND_HG_CLEAN_MEMORY(bytes, n)     ((void)(bytes), (void)(n))
#endif

bool
crew_children_may_start_threads(void)
{
    return !CREW_UNDER_ASAN && crew_scale(0, 1, 1) != 0;
}

unsigned
crew_scale(unsigned in_short, unsigned usual, unsigned in_long)
{
    if (getenv("OSMEMPOOL_TEST_SHORT") != NULL) {
        return in_short;
    }
    return getenv("OSMEMPOOL_TEST_LONG") != NULL ? in_long : usual;
}

/* Printed once, so that a run that fails can be had again, as far as threads let it. */
static uint64_t
crew_seed(void)
{
    static bool printed;
    const char *wish = getenv("OSMEMPOOL_TEST_SEED");
    uint64_t seed = wish != NULL ? strtoull(wish, NULL, 0) : 0;

    if (!printed) {
        print_message("# random numbers from OSMEMPOOL_TEST_SEED=%llu\n", (unsigned long long)seed);
        printed = true;
    }
    return seed;
}

static void *
crew_thread(void *arg)
{
    struct crew_worker *worker = arg;

    pthread_barrier_wait(&worker->crew->start);
    worker->work(worker);
    return NULL;
}

void
crew_begin(struct crew *crew, unsigned n, crew_work_fn *work, void *job)
{
    assert_in_range(n, 1, CREW_MAX);
    crew->n = n;
    crew->stop = false;
    crew_is_read_unlocked(&crew->stop, sizeof(crew->stop));
    assert_int_equal(pthread_barrier_init(&crew->start, NULL, n), 0);
    for (unsigned i = 0; i < n; i++) {
        struct crew_worker *worker = &crew->workers[i];

        *worker = (struct crew_worker){.number = i + 1,
                                       .job = job,
                                       .work = work,
                                       .crew = crew,
                                       .random = crew_seed() * CREW_MAX + i + 1};
        assert_int_equal(pthread_create(&worker->thread, NULL, crew_thread, worker), 0);
    }
}

/*
 * Everybody does at least one round, however late it gets a CPU. Relaxed: nothing but the wish to
 * stop is told.
 */
bool
crew_goes_on(const struct crew_worker *worker)
{
    return worker->wrong == NULL &&
           (worker->rounds == 0 || !__atomic_load_n(&worker->crew->stop, __ATOMIC_RELAXED));
}

/* A linear congruential generator: each worker's sequence follows from the seed. */
unsigned
crew_random(struct crew_worker *worker, unsigned below)
{
    worker->random = worker->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(worker->random >> 33) % below;
}

void
crew_stop_after(struct crew *crew, unsigned ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000l};

    while (nanosleep(&time, &time) != 0) {
    }
    __atomic_store_n(&crew->stop, true, __ATOMIC_RELAXED);
}

void
crew_join(struct crew *crew)
{
    for (unsigned i = 0; i < crew->n; i++) {
        assert_int_equal(pthread_join(crew->workers[i].thread, NULL), 0);
    }
    pthread_barrier_destroy(&crew->start);
    for (unsigned i = 0; i < crew->n; i++) {
        if (crew->workers[i].wrong != NULL) {
            fail_msg("worker %u: %s", i + 1, crew->workers[i].wrong);
        }
        assert_true(crew->workers[i].rounds > 0);
    }
}

/* Helgrind takes plain atomics for races. */
void
crew_is_read_unlocked(void *memory, size_t bytes)
{
    VALGRIND_HG_DISABLE_CHECKING(memory, bytes);
}

void
crew_is_left_behind(void *memory, size_t bytes)
{
    VALGRIND_HG_CLEAN_MEMORY(memory, bytes);
}
