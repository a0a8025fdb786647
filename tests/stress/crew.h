/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crew.h: threads that work at the same time until they are told to stop.
 *
 * cmocka's asserts jump, so a worker must not use them: it records the first thing that it saw
 * wrong, with crew_expect(), and the main thread asserts in crew_join().
 *
 * How long the tests take: some seconds in all; OSMEMPOOL_TEST_LONG=1 in the environment asks for a
 * run of minutes, OSMEMPOOL_TEST_SHORT=1 for one that Helgrind can bear. The workers' random
 * numbers are the same in every run, unless OSMEMPOOL_TEST_SEED asks for others; the seed is
 * printed.
 */
#ifndef STRESS_CREW_H
#define STRESS_CREW_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CREW_MAX = 16 };

struct crew_worker;
typedef void crew_work_fn(struct crew_worker *worker);

struct crew_worker {
    unsigned number; /* from 1 */
    void *job;       /* the test's, shared by the crew */
    crew_work_fn *work;
    struct crew *crew;
    uint64_t rounds;   /* the worker counts here what it did */
    uint64_t random;   /* state of crew_random() */
    const char *wrong; /* what crew_expect() saw first, NULL for nothing */
    pthread_t thread;
};

struct crew {
    unsigned n;
    bool stop;
    pthread_barrier_t start;
    struct crew_worker workers[CREW_MAX];
};

/* One of the three, by how long the run shall be. */
unsigned crew_scale(unsigned in_short, unsigned usual, unsigned in_long);

/*
 * Whether a child may start threads, as the exporter does there, while others do in its parent: not
 * under AddressSanitizer, whose list of threads stays locked in the child (gcc 12), nor under
 * Helgrind, which takes its parent's locks for the child's.
 */
bool crew_children_may_start_threads(void);

/* Starts n workers, which begin together. */
void crew_begin(struct crew *crew, unsigned n, crew_work_fn *work, void *job);

/* For a worker: whether to go on. */
bool crew_goes_on(const struct crew_worker *worker);

/* For a worker: a number from 0 to below - 1. */
unsigned crew_random(struct crew_worker *worker, unsigned below);

/* Lets the crew work for ms milliseconds, then tells it to stop. */
void crew_stop_after(struct crew *crew, unsigned ms);

/* Waits for all workers; asserts that none saw anything wrong and that each did something. */
void crew_join(struct crew *crew);

/*
 * For a forked child: what the crew did to this memory was done before the fork. Helgrind believes
 * that the threads, which the child does not have, may be at it still.
 */
void crew_is_left_behind(void *memory, size_t bytes);

/* For memory that is written under a lock and read without it, by atomic operations. */
void crew_is_read_unlocked(void *memory, size_t bytes);

#define CREW_TEXT_OF(line) #line
#define CREW_TEXT(line)    CREW_TEXT_OF(line)

/* For a worker: records the condition if it does not hold; true if it does. */
#define crew_expect(worker, condition)                                                             \
    crew_record((worker), (condition), __FILE__ ":" CREW_TEXT(__LINE__) ": " #condition)

static inline bool
crew_record(struct crew_worker *worker, bool holds, const char *text)
{
    if (!holds && worker->wrong == NULL) {
        worker->wrong = text;
    }
    return holds;
}

#endif
