/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_registry.c: pools come and go in four threads while all of them walk.
 *
 * Pools that stay, registered first, must head every walk. Pools of one thread come and go in
 * memory that is freed in between, so a walk that touched it would be seen by a sanitizer. One
 * pool is taken off by all threads at once: exactly one wins each time, and registers it again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cmocka_headers.h"
#include "crew.h"
#include "os/os_mempool.h"

enum { THREADS = 4, STAYING = 3, OWN = 6, BLOCKS = 8, BLOCK_SIZE = 32, WALK_MAX = 1000 };

struct town {
    struct os_mempool staying[STAYING];
    os_membuf_t staying_buffer[STAYING][OS_MEMPOOL_SIZE(BLOCKS, BLOCK_SIZE)];
    struct os_mempool contested;
    os_membuf_t contested_buffer[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_SIZE)];
};

/* A pool with its buffer, in memory of its own. */
struct house {
    struct os_mempool pool;
    char name[OS_MEMPOOL_INFO_NAME_LEN];
    os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_SIZE)];
};

static struct house *
house_build(struct crew_worker *worker, unsigned i)
{
    struct house *house = malloc(sizeof(*house));

    if (!crew_expect(worker, house != NULL)) {
        return NULL;
    }
    snprintf(house->name, sizeof(house->name), "house %u of %u", i, worker->number);
    crew_expect(worker, os_mempool_init(&house->pool, BLOCKS, BLOCK_SIZE, house->buffer,
                                        house->name) == OS_OK);
    crew_expect(worker, os_mempool_init(&house->pool, BLOCKS, BLOCK_SIZE, house->buffer,
                                        house->name) == OS_OK);
    return house;
}

/* A pool that is there must be found, by name and by the block that it gives. */
static void
house_use(struct crew_worker *worker, struct house *house)
{
    struct os_mempool_info info;
    void *block = os_memblock_get(&house->pool);

    crew_expect(worker, block != NULL);
    crew_expect(worker, os_mempool_get(house->name, &info) == &house->pool);
    crew_expect(worker, info.omi_num_free == BLOCKS - 1);
    crew_expect(worker, os_mempool_is_sane(&house->pool));
    crew_expect(worker, os_mempool_clear(&house->pool) == OS_OK);
    crew_expect(worker, os_memblock_put(&house->pool, block) == OS_INVALID_PARM);
    crew_expect(worker, os_mempool_get(house->name, &info) == &house->pool);
    crew_expect(worker, info.omi_num_free == BLOCKS && info.omi_min_free == BLOCKS);
}

static void
house_tear_down(struct crew_worker *worker, struct house *house)
{
    if (house != NULL) {
        crew_expect(worker, os_mempool_unregister(&house->pool) == OS_OK);
        crew_expect(worker, os_mempool_unregister(&house->pool) == OS_INVALID_PARM);
        free(house);
    }
}

/*
 * A walk may end early, when the pool that it stands on goes. It may also go on for long, as pools
 * are added at its end: after WALK_MAX steps it has seen enough.
 */
static void
walk(struct crew_worker *worker)
{
    struct town *town = worker->job;
    struct os_mempool_info info;
    struct os_mempool *mp = NULL;

    for (unsigned i = 0; i < WALK_MAX; i++) {
        mp = os_mempool_info_get_next(mp, &info);
        if (i < STAYING) {
            crew_expect(worker, mp == &town->staying[i]);
        }
        if (mp == NULL) {
            return;
        }
        crew_expect(worker, info.omi_num_blocks == BLOCKS && info.omi_block_size == BLOCK_SIZE);
    }
}

static void
contest(struct crew_worker *worker)
{
    struct town *town = worker->job;

    if (os_mempool_unregister(&town->contested) == OS_OK) {
        crew_expect(worker, os_mempool_init(&town->contested, BLOCKS, BLOCK_SIZE,
                                            town->contested_buffer, "contested") == OS_OK);
    }
}

static void
live(struct crew_worker *worker)
{
    struct house *houses[OWN] = {NULL};

    while (crew_goes_on(worker)) {
        unsigned i = crew_random(worker, OWN);

        if (houses[i] == NULL) {
            houses[i] = house_build(worker, i);
        } else {
            house_use(worker, houses[i]);
            house_tear_down(worker, houses[i]);
            houses[i] = NULL;
        }
        contest(worker);
        walk(worker);
        worker->rounds++;
    }
    for (unsigned i = 0; i < OWN; i++) {
        house_tear_down(worker, houses[i]);
    }
}

static void
assert_only_the_staying(const struct town *town)
{
    struct os_mempool *mp = NULL;

    for (unsigned i = 0; i < STAYING; i++) {
        mp = os_mempool_info_get_next(mp, NULL);
        assert_ptr_equal(mp, &town->staying[i]);
    }
    assert_null(os_mempool_info_get_next(mp, NULL));
}

static void
pools_come_and_go_while_all_walk(void **state)
{
    struct town *town = calloc(1, sizeof(*town));
    struct crew crew;

    assert_non_null(town);
    for (unsigned i = 0; i < STAYING; i++) {
        assert_int_equal(os_mempool_init(&town->staying[i], BLOCKS, BLOCK_SIZE,
                                         town->staying_buffer[i], "staying"),
                         OS_OK);
    }
    assert_int_equal(
        os_mempool_init(&town->contested, BLOCKS, BLOCK_SIZE, town->contested_buffer, "contested"),
        OS_OK);
    crew_begin(&crew, THREADS, live, town);
    crew_stop_after(&crew, crew_scale(300, 2000, 30000));
    crew_join(&crew);
    assert_int_equal(os_mempool_unregister(&town->contested), OS_OK);
    assert_only_the_staying(town);
    for (unsigned i = 0; i < STAYING; i++) {
        assert_int_equal(os_mempool_unregister(&town->staying[i]), OS_OK);
    }
    assert_null(os_mempool_info_get_next(NULL, NULL));
    free(town);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_come_and_go_while_all_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
