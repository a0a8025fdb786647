/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "clock.h"
#include "shuffle.h"
#include "succession.h"

/* Some microseconds: long beside the clock's own time, short beside what is to be found. */
#define CHUNK_OPERATIONS 1024
#define CHUNKS           (SUCCESSION_OPERATIONS_MAX / CHUNK_OPERATIONS)
/* A thread is as fast as the median of so many chunks: one interrupted chunk is no news. */
#define CHUNKS_JUDGED 9
#define FAST_ENOUGH   1.1

struct reign {
    const struct engine *engine;
    struct lane lane;
    uint64_t chunk_ns[CHUNKS];
};

static void *
reign_work(void *arg)
{
    struct reign *reign = arg;
    uint32_t n_batches = CHUNK_OPERATIONS / 2 / reign->lane.live;

    for (uint32_t i = 0; i < CHUNKS; i++) {
        uint64_t begin_ns = clock_now_ns();

        reign->engine->batches(&reign->lane, n_batches);
        reign->chunk_ns[i] = clock_now_ns() - begin_ns;
    }
    return NULL;
}

static int
compare_times(const void *left, const void *right)
{
    const uint64_t *a = left;
    const uint64_t *b = right;

    return (*a > *b) - (*a < *b);
}

static uint64_t
median_ns(const uint64_t *chunk_ns, uint32_t n)
{
    uint64_t sorted[CHUNKS];

    memcpy(sorted, chunk_ns, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), compare_times);
    return sorted[n / 2];
}

/* The first one's second half is its speed: its own way to ownership is behind it. */
static uint32_t
operations_until_fast(const struct reign *first, const struct reign *second)
{
    double enough_ns = FAST_ENOUGH * (double)median_ns(first->chunk_ns + CHUNKS / 2, CHUNKS / 2);

    for (uint32_t i = 0; i + CHUNKS_JUDGED <= CHUNKS; i++) {
        if ((double)second->chunk_ns[i] <= enough_ns &&
            (double)median_ns(second->chunk_ns + i, CHUNKS_JUDGED) <= enough_ns) {
            return i * CHUNK_OPERATIONS;
        }
    }
    return SUCCESSION_OPERATIONS_MAX;
}

uint32_t
succession_operations(const struct engine *engine, const struct bench_case *what)
{
    static struct reign reigns[2];
    void *pool = engine->open(what->block_bytes, 2 * what->live, what->depth);
    void **window = buffer_new(what->live * sizeof(*window));
    uint32_t *order = shuffle_new(what->live, what->shuffled);
    pthread_t thread;

    for (uint32_t i = 0; i < 2; i++) {
        reigns[i].engine = engine;
        reigns[i].lane = (struct lane){.pool = pool,
                                       .block_bytes = what->block_bytes,
                                       .live = what->live,
                                       .window = window,
                                       .order = order};
    }
    reign_work(&reigns[0]);
    if (pthread_create(&thread, NULL, reign_work, &reigns[1]) != 0) {
        die("cannot start a second thread");
    }
    pthread_join(thread, NULL);
    engine->close(pool);
    free(window);
    free(order);
    return operations_until_fast(&reigns[0], &reigns[1]);
}
