/* SPDX-License-Identifier: Apache-2.0 */
/* crimes_life.c: pools that are cleared, ended, copied and overwritten at the wrong moment. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crime.h"
#include "touch.h"

static void
clear_no_pool(struct scene *s)
{
    scene_expect(s, os_mempool_clear(NULL), OS_INVALID_PARM);
    scene_expect_true(s, !os_mempool_is_sane(NULL));
}

/* Two blocks are out, and put when they are free again. */
static void
clear_with_blocks_out(struct scene *s)
{
    void *first = place_take(&s->scene);
    void *second = place_take(&s->scene);

    os_mempool_clear(s->scene.pool);
    place_forget(&s->scene, first);
    place_forget(&s->scene, second);
    place_take(&s->scene);
    scene_refused(s, s->scene.pool, second);
}

/* The same block, but somebody else has it by then: his own put is one too many. */
static void
clear_and_put_late(struct scene *s)
{
    void *block = place_take(&s->scene);
    void *again;

    os_mempool_clear(s->scene.pool);
    place_forget(&s->scene, block);
    again = place_take(&s->scene);
    if (again != block) {
        scene_say("unexpected order after a clear");
    }
    place_give(&s->scene, block);
    scene_refused(s, s->scene.pool, again);
}

/* Put, got by somebody else, and put again by the first: the second user's put is refused. */
static void
put_again_after_reuse(struct scene *s)
{
    void *block, *again;

    place_take(&s->scene);
    block = place_take(&s->scene);
    place_give(&s->scene, block);
    again = place_take(&s->scene);
    if (again != block) {
        scene_say("unexpected order of blocks");
    }
    place_give(&s->scene, block);
    scene_refused(s, s->scene.pool, again);
}

static void
unregister_with_blocks_out(struct scene *s)
{
    void *block = place_take(&s->scene);
    void *other = place_take(&s->scene);

    s->scene.registered = false;
    scene_fine(s, os_mempool_unregister(s->scene.pool) == OS_OK);
    scene_expect(s, os_mempool_unregister(s->scene.pool), OS_INVALID_PARM);
    place_give(&s->scene, block);
    place_give(&s->scene, other);
}

static void
unregister_twice(struct scene *s)
{
    s->scene.registered = false;
    scene_fine(s, os_mempool_unregister(s->scene.pool) == OS_OK);
    scene_expect(s, os_mempool_unregister(s->scene.pool), OS_INVALID_PARM);
    scene_expect(s, os_mempool_unregister(NULL), OS_INVALID_PARM);
}

static void
unregister_garbage(struct scene *s)
{
    struct os_mempool pool;

    memset(&pool, 0xa5, sizeof(pool));
    scene_expect(s, os_mempool_unregister(&pool), OS_INVALID_PARM);
    memset(&pool, 0, sizeof(pool));
    scene_expect(s, os_mempool_unregister(&pool), OS_INVALID_PARM);
}

static void
put_twice_unregistered(struct scene *s)
{
    void *block = place_take(&s->scene);

    place_take(&s->scene);
    s->scene.registered = false;
    os_mempool_unregister(s->scene.pool);
    place_give(&s->scene, block);
    scene_refused(s, s->scene.pool, block);
}

static void
put_foreign_unregistered(struct scene *s)
{
    unsigned char *block = place_take(&s->scene);

    s->scene.registered = false;
    os_mempool_unregister(s->scene.pool);
    scene_refused(s, s->scene.pool, block + OS_ALIGNMENT);
    scene_refused(s, s->scene.pool, s);
}

/* Blocks of the old pool come to the new one on the same memory. */
static void
init_again_with_blocks_out(struct scene *s)
{
    struct place *place = &s->scene;
    unsigned char *block = place_take(place);
    uint32_t size = place->pool->mp_block_size;

    os_mempool_unregister(place->pool);
    place_forget(place, block);
    os_mempool_init(place->pool, SCENE_BLOCKS, size, place->buffer, "again");
    place_learn(place);
    place_take(place);
    scene_refused(s, place->pool, place_block(place, 1));
}

/* Upstream's programs do it, and the block of the old pool is the new one's. */
static void
init_registered_with_blocks_out(struct scene *s)
{
    struct place *place = &s->scene;
    unsigned char *block = place_take(place);
    uint32_t size = place->pool->mp_block_size;

    place_forget(place, block);
    scene_fine(s,
               os_mempool_init(place->pool, SCENE_BLOCKS, size, place->buffer, "again") == OS_OK);
    place_learn(place);
    place_take(place);
    scene_refused(s, place->pool, place_block(place, 1));
}

/* All pools are forgotten, and both of the scene work on. */
static void
drop_with_blocks_out(struct scene *s)
{
    place_take(&s->scene);
    os_mempool_module_init();
    s->scene.registered = false;
    s->bystander.registered = false;
    place_take_some(&s->scene);
    place_take_some(&s->bystander);
    scene_expect_true(s, os_mempool_info_get_next(NULL, NULL) == NULL);
    scene_expect(s, os_mempool_min_reset(s->scene.pool), OS_INVALID_PARM);
    scene_expect(s, os_mempool_cache_enable(s->scene.pool, 4), OS_INVALID_PARM);
}

static void
call_after_unregister(struct scene *s)
{
    struct os_mempool_stats stats;
    struct os_mempool *mp = s->scene.pool;

    s->scene.registered = false;
    os_mempool_unregister(mp);
    scene_expect_true(s, os_mempool_info_get_next(mp, NULL) == NULL);
    scene_expect_true(s, os_mempool_get("scene", NULL) == NULL);
    scene_expect(s, os_mempool_stats_get(mp, &stats, sizeof(stats)), OS_INVALID_PARM);
    scene_expect(s, os_mempool_min_reset(mp), OS_INVALID_PARM);
    scene_expect(s, os_mempool_cache_enable(mp, 4), OS_INVALID_PARM);
    scene_expect(s, os_mempool_cache_disable(mp), OS_INVALID_PARM);
}

/* The memory of the struct cannot be read any more. */
static void
walk_from_gone_pool(struct scene *s)
{
    os_membuf_t buffer[8];
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct os_mempool *gone = page;

    os_mempool_init(gone, 1, 8, buffer, "gone");
    os_mempool_unregister(gone);
    munmap(page, 4096);
    scene_expect_true(s, os_mempool_info_get_next(gone, NULL) == NULL);
    scene_expect(s, os_mempool_unregister(gone), OS_INVALID_PARM);
    scene_expect(s, os_mempool_min_reset(gone), OS_INVALID_PARM);
}

/* As a program does that means to begin anew, but has not unregistered the pool. */
static void
zero_while_registered(struct scene *s)
{
    struct place *place = &s->scene;
    struct os_mempool *mp = place->pool;
    uint32_t size = mp->mp_block_size;

    memset(mp, 0, sizeof(*mp));
    scene_expect_true(s, os_memblock_get(mp) == NULL);
    scene_expect(s, os_memblock_put(mp, place->buffer), OS_INVALID_PARM);
    scene_fine(s, os_mempool_init(mp, SCENE_BLOCKS, size, place->buffer, "anew") == OS_OK);
    place_learn(place);
}

/* The same, and then its end. */
static void
zero_and_unregister(struct scene *s)
{
    struct os_mempool *mp = s->bystander.pool;
    struct os_mempool before = *mp;

    memset(mp, 0, sizeof(*mp));
    scene_expect(s, os_mempool_unregister(mp), OS_INVALID_PARM);
    s->bystander.registered = false;
    *mp = before;
}

/* From the pool before it, from itself, and for a name. */
static void
life_walk_over(struct scene *s, int byte)
{
    struct os_mempool *mp = s->bystander.pool;
    struct os_mempool before = *mp;

    memset(mp, byte, sizeof(*mp));
    scene_expect_true(s, os_mempool_info_get_next(s->scene.pool, NULL) == NULL);
    scene_expect_true(s, os_mempool_info_get_next(mp, NULL) == NULL);
    scene_expect_true(s, os_mempool_get("bystander", NULL) == NULL);
    *mp = before;
}

static void
zero_and_walk(struct scene *s)
{
    life_walk_over(s, 0);
}

static void
garble_and_walk(struct scene *s)
{
    life_walk_over(s, 0xa5);
}

/* Two lists lead through the same blocks. */
static void
use_a_copy(struct scene *s)
{
    struct os_mempool copy = *s->scene.pool;
    unsigned char *block = os_memblock_get(&copy);

    place_take(&s->scene);
    if (block != NULL) {
        memset(block, 0x99, SCENE_SIZE);
        os_memblock_put(&copy, block);
    }
}

static void
leak_at_exit(struct scene *s)
{
    place_take(&s->scene);
    scene_say("done");
    exit(0);
}

/* A block that nobody gets any more. */
static void
write_before_exit(struct scene *s)
{
    unsigned char *block = place_take(&s->scene);

    place_give(&s->scene, block);
    touch_write(block, 0x5a);
    scene_say("done");
    exit(0);
}

static void
walk_for_nothing(struct scene *s)
{
    struct os_mempool_info info;

    scene_expect_true(s, os_mempool_get(NULL, &info) == NULL);
    scene_expect_true(s, os_mempool_get("nobody", &info) == NULL);
    scene_fine(s, os_mempool_info_get_next(NULL, NULL) == s->scene.pool);
}

static void
ask_for_nothing(struct scene *s)
{
    struct os_mempool_stats stats;
    const struct os_mempool *mp = s->scene.pool;

    scene_expect(s, os_mempool_stats_get(NULL, &stats, sizeof(stats)), OS_INVALID_PARM);
    scene_expect(s, os_mempool_stats_get(mp, NULL, sizeof(stats)), OS_INVALID_PARM);
    scene_expect(s, os_mempool_stats_get(mp, &stats, 3), OS_INVALID_PARM);
    scene_expect(s, os_mempool_min_reset(NULL), OS_INVALID_PARM);
}

static void
cache_badly(struct scene *s)
{
    struct os_mempool *mp = s->scene.pool;

    scene_expect(s, os_mempool_cache_enable(NULL, 4), OS_INVALID_PARM);
    scene_expect(s, os_mempool_cache_enable(mp, 0), OS_INVALID_PARM);
    scene_expect(s, os_mempool_cache_enable(mp, 65537), OS_INVALID_PARM);
    scene_expect(s, os_mempool_cache_disable(NULL), OS_INVALID_PARM);
}

static void
export_badly(struct scene *s)
{
    scene_expect(s, osmempool_export_start("not/absolute"), OS_INVALID_PARM);
    scene_expect(s, osmempool_export_start("/nonexistent/directory/x.sock"), OS_ERROR);
    scene_fine(s, osmempool_export_stop() == OS_OK);
}

const struct crime crimes_life[] = {
    CRIME(clear_no_pool, "clear and is_sane of NULL", KIND_SHARED, 0, "clear_null",
          ALWAYS("error")),
    CRIME(clear_with_blocks_out, "a put of a block from before a clear, still free", KINDS_ALL,
          WAYS_ALL, "double", ALWAYS("error, double put")),
    CRIME(clear_and_put_late, "a put of a block from before a clear, out again", KINDS_ALL, 0,
          "double", ALWAYS("error, double put")),
    CRIME(put_again_after_reuse, "a second put of a block that somebody else has", KINDS_ALL, 0,
          "double", ALWAYS("error, double put")),
    CRIME(unregister_with_blocks_out, "an end while two blocks are out, and once more", KINDS_ALL,
          0, "retired",
          ANSWERS("error, fine", "error, fine", "error, fine", "error, blocks out, fine",
                  "error, fine")),
    CRIME(unregister_twice, "unregister twice, and of NULL", KINDS_ALL, 0, NULL,
          ALWAYS("error, fine")),
    CRIME(unregister_garbage, "unregister of a struct full of garbage, or zeroes", KIND_SHARED, 0,
          NULL, ALWAYS("error")),
    CRIME(put_twice_unregistered, "a block twice to an unregistered pool", KINDS_ALL, WAYS_ALL,
          "double",
          ANSWERS("error, double put", "error, double put", "error, double put",
                  "error, blocks out, double put", "error, double put")),
    CRIME(put_foreign_unregistered, "foreign memory to an unregistered pool", KINDS_KEYED, WAYS_ALL,
          "range",
          ANSWERS("error, put inside a block, foreign put",
                  "error, put inside a block, foreign put",
                  "error, put inside a block, foreign put",
                  "error, blocks out, put inside a block, foreign put",
                  "error, put inside a block, foreign put")),
    CRIME(init_again_with_blocks_out, "a block from before unregister and init", KINDS_ALL,
          WAYS_ALL, "double",
          ANSWERS("error, double put", "error, double put", "error, double put",
                  "error, blocks out, double put", "error, double put")),
    CRIME(init_registered_with_blocks_out, "init of a registered pool, a block out, and its put",
          KINDS_ALL, WAYS_ALL, "double",
          ANSWERS("error, fine, double put", "error, reinit, fine, double put",
                  "error, fine, double put", "error, reinit, fine, double put",
                  "error, fine, double put")),
    CRIME(drop_with_blocks_out,
          "module_init with a block out, and calls that want a registered pool", KINDS_ALL, 0,
          "dropped", ALWAYS("error")),
    CRIME(call_after_unregister, "walks, statistics and caches of an unregistered pool", KINDS_ALL,
          0, "registered", ALWAYS("error")),
    CRIME(walk_from_gone_pool, "calls with a pool whose memory is gone", KIND_SHARED, 0,
          "registered", ALWAYS("error")),
    CRIME(zero_while_registered, "a struct set to zero while registered, then init", KIND_SHARED, 0,
          "zero", ALWAYS("error, foreign put, fine")),
    CRIME(zero_and_unregister, "a struct set to zero while registered, then unregister",
          KIND_SHARED, 0, "intact", ALWAYS("error, overwritten pool")),
    CRIME(zero_and_walk, "a struct set to zero while registered, then a walk", KIND_SHARED, 0,
          "walk", ALWAYS("error, overwritten pool")),
    CRIME(garble_and_walk, "a struct set to garbage while registered, then a walk", KIND_SHARED, 0,
          "walk", ALWAYS("error, overwritten pool")),
    CRIME(use_a_copy, "get and put with a copy of the struct", KIND_SHARED, 0, NULL,
          ANSWERS("corrupt", "damaged counters", "silent", "damaged counters", "silent")),
    CRIME(leak_at_exit, "an exit while a block is out", KIND_SHARED, 0, NULL,
          ANSWERS("silent", "silent", "silent", "blocks out at exit", "silent")),
    CRIME(
        write_before_exit, "a write after put, and then an exit", KIND_SHARED, 0, NULL,
        ANSWERS("silent", "write after put at exit", "silent", "write after put at exit", "trap")),
    CRIME(walk_for_nothing, "a search for NULL and for nobody, a walk without a place to write",
          KIND_SHARED, 0, "get_name", ALWAYS("error, fine")),
    CRIME(ask_for_nothing, "statistics of NULL, into NULL, into 3 bytes", KIND_SHARED, 0, "stats",
          ALWAYS("error")),
    CRIME(cache_badly, "caches for NULL, of depth 0 and 65,537", KINDS_ALL, 0, "cache",
          ALWAYS("error")),
    CRIME(export_badly, "an export to a relative path, and to no directory", KIND_SHARED, 0,
          "export", ALWAYS("error, fine")),
    {.name = NULL},
};
