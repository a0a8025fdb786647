/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_unasked.c: a program that knows of no caches, under OSMEMPOOL_CACHE. It decides by
 * mp_num_free, which it reads without a lock. Workers hold so many blocks each at most, so so many
 * are free at any moment; meanwhile the main thread reads the counter as often as it can: it is
 * never below the lesser of that and a quarter of all blocks. Nor does a get ever fail.
 */
#include <stdlib.h>
#include <time.h>

#include "cmocka_headers.h"
#include "crew.h"
#include "osmempool.h"

enum { WORKERS = 3, BLOCK_SIZE = 64, HELD_MAX = 100, BULK_MAX = 8 };

/* The deepest that a pool can make use of, and one that takes batch after batch. */
static const char variable[] = "64;4:shallow*";

struct plan {
    const char *name;
    uint32_t blocks;
    uint32_t held_max; /* by each worker */
    bool in_bulk;
    bool visited; /* a worker also makes the calls that pause the caches */
};

struct job {
    const struct plan *plan;
    struct os_mempool pool;
    void *buffer;
};

struct hand {
    void *blocks[HELD_MAX];
    uint32_t n;
};

static void
get_one(struct crew_worker *worker, struct hand *hand)
{
    struct job *job = worker->job;
    void *block = os_memblock_get(&job->pool);

    if (crew_expect(worker, block != NULL)) {
        hand->blocks[hand->n++] = block;
    }
}

static void
put_one(struct crew_worker *worker, struct hand *hand)
{
    struct job *job = worker->job;

    hand->n--;
    crew_expect(worker, os_memblock_put(&job->pool, hand->blocks[hand->n]) == OS_OK);
}

static void
get_some(struct crew_worker *worker, struct hand *hand, uint32_t n)
{
    struct job *job = worker->job;
    os_error_t error = os_memblock_get_bulk(&job->pool, &hand->blocks[hand->n], n);

    if (crew_expect(worker, error == OS_OK)) {
        hand->n += n;
    }
}

static void
put_some(struct crew_worker *worker, struct hand *hand, uint32_t n)
{
    struct job *job = worker->job;

    hand->n -= n;
    crew_expect(worker, os_memblock_put_bulk(&job->pool, &hand->blocks[hand->n], n) == OS_OK);
}

/* Until it holds so many, in steps that leave it at most there. */
static void
move_towards(struct crew_worker *worker, struct hand *hand, uint32_t wanted)
{
    const struct job *job = worker->job;

    while (hand->n != wanted && worker->wrong == NULL) {
        uint32_t distance = hand->n < wanted ? wanted - hand->n : hand->n - wanted;
        uint32_t n = distance < BULK_MAX ? distance : BULK_MAX;

        if (hand->n < wanted) {
            job->plan->in_bulk ? get_some(worker, hand, n) : get_one(worker, hand);
        } else {
            job->plan->in_bulk ? put_some(worker, hand, n) : put_one(worker, hand);
        }
    }
}

static void
visit(struct crew_worker *worker)
{
    struct job *job = worker->job;

    if (crew_random(worker, 2) == 0) {
        crew_expect(worker, os_mempool_is_sane(&job->pool));
    } else {
        crew_expect(worker, os_mempool_min_reset(&job->pool) == OS_OK);
    }
}

static void
hold_some(struct crew_worker *worker)
{
    const struct job *job = worker->job;
    struct hand hand = {.n = 0};

    while (crew_goes_on(worker)) {
        move_towards(worker, &hand, crew_random(worker, job->plan->held_max + 1));
        if (job->plan->visited && worker->number == 1 && worker->rounds % 64 == 0) {
            visit(worker);
        }
        worker->rounds++;
    }
    move_towards(worker, &hand, 0);
}

static void
job_begin(struct job *job, const struct plan *plan)
{
    job->plan = plan;
    job->buffer = malloc(OS_MEMPOOL_BYTES(plan->blocks, BLOCK_SIZE));
    assert_non_null(job->buffer);
    assert_int_equal(os_mempool_init(&job->pool, plan->blocks, BLOCK_SIZE, job->buffer, plan->name),
                     OS_OK);
    crew_is_read_unlocked(&job->pool.mp_num_free, sizeof(job->pool.mp_num_free));
}

static void
job_end(struct job *job)
{
    struct os_mempool_stats stats;

    assert_int_equal(os_mempool_stats_get(&job->pool, &stats, sizeof(stats)), OS_OK);
    assert_int_equal(stats.num_free, job->plan->blocks);
    assert_int_equal(stats.failed, 0);
    assert_true(os_mempool_is_sane(&job->pool));
    assert_int_equal(os_mempool_unregister(&job->pool), OS_OK);
    free(job->buffer);
}

static uint64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The lowest count that a program reads for some time. */
static uint32_t
read_for(const struct os_mempool *mp, unsigned ms)
{
    const uint64_t until = now_ms() + ms;
    uint32_t lowest = UINT32_MAX;

    do {
        for (unsigned i = 0; i < 1000; i++) {
            uint32_t num_free = __atomic_load_n(&mp->mp_num_free, __ATOMIC_RELAXED);

            lowest = num_free < lowest ? num_free : lowest;
        }
    } while (now_ms() < until);
    return lowest;
}

static void
watch_a_crew(const struct plan *plan)
{
    const uint32_t least_free = plan->blocks - WORKERS * plan->held_max;
    const uint32_t quarter = (plan->blocks + 3) / 4;
    struct job job;
    struct crew crew;
    uint32_t lowest;

    job_begin(&job, plan);
    crew_begin(&crew, WORKERS, hold_some, &job);
    lowest = read_for(&job.pool, crew_scale(20, 200, 30000));
    crew_stop_after(&crew, 0);
    crew_join(&crew);
    print_message(
        "# %s, %u blocks, at least %u of them free: mp_num_free was read as %u at least\n",
        plan->name, plan->blocks, least_free, lowest);
    assert_true(lowest >= (least_free < quarter ? least_free : quarter));
    job_end(&job);
}

static void
mp_num_free_is_never_below_what_is_free_or_a_quarter(void **state)
{
    static const struct plan plans[] = {
        {.name = "many free", .blocks = 128, .held_max = 30},
        {.name = "few free", .blocks = 128, .held_max = 40},
        {.name = "smallest", .blocks = 64, .held_max = 20},
        {.name = "odd", .blocks = 67, .held_max = 16},
        {.name = "shallow", .blocks = 128, .held_max = 35},
        {.name = "bulk, many free", .blocks = 128, .held_max = 30, .in_bulk = true},
        {.name = "bulk, few free", .blocks = 128, .held_max = 41, .in_bulk = true},
        {.name = "large", .blocks = 1000, .held_max = HELD_MAX},
        {.name = "visited", .blocks = 128, .held_max = 38, .visited = true},
        {.name = "shallow, visited", .blocks = 100, .held_max = 25, .visited = true},
    };

    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        watch_a_crew(&plans[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mp_num_free_is_never_below_what_is_free_or_a_quarter),
    };

    setenv("OSMEMPOOL_CACHE", variable, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
