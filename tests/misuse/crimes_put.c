/* SPDX-License-Identifier: Apache-2.0 */
/* crimes_put.c: puts of what is no block, not the pool's, or not out; and numbers of such. */
#include <string.h>

#include "crime.h"

static void
put_into_no_pool(struct scene *s)
{
    scene_refused(s, NULL, place_take(&s->scene));
    scene_refused(s, NULL, NULL);
}

static void
put_no_block(struct scene *s)
{
    place_take_some(&s->scene);
    scene_refused(s, s->scene.pool, NULL);
}

static void
put_stack_memory(struct scene *s)
{
    os_membuf_t block[8] = {0};

    place_take_some(&s->scene);
    scene_refused(s, s->scene.pool, block);
}

static void
put_before_first(struct scene *s)
{
    place_take_some(&s->scene);
    scene_refused(s, s->scene.pool, place_block(&s->scene, 0) - place_stride(&s->scene));
}

static void
put_behind_last(struct scene *s)
{
    place_take_some(&s->scene);
    scene_refused(s, s->scene.pool, place_block(&s->scene, SCENE_BLOCKS));
}

/* Addresses that no process has, on the stride of the pool. */
static void
put_wild(struct scene *s)
{
    uintptr_t block = (uintptr_t)place_take(&s->scene);

    place_take_some(&s->scene);
    scene_refused(s, s->scene.pool, (void *)(block ^ (uintptr_t)1 << (8 * sizeof(block) - 1)));
    scene_refused(s, s->scene.pool, (void *)OS_ALIGNMENT);
    scene_refused(s, s->scene.pool, (void *)(UINTPTR_MAX & ~(uintptr_t)(OS_ALIGNMENT - 1)));
}

static void
put_the_pool(struct scene *s)
{
    place_take_some(&s->scene);
    scene_refused(s, s->scene.pool, s->scene.pool);
}

static void
put_others_block(struct scene *s)
{
    place_take_some(&s->scene);
    scene_refused(s, s->scene.pool, place_take(&s->bystander));
}

/* A word further on: on the alignment, but not on a block. One-word blocks have no inside. */
static void
put_inside(struct scene *s)
{
    unsigned char *block = place_take(&s->scene);

    place_take_some(&s->scene);
    scene_refused(s, s->scene.pool, block + OS_ALIGNMENT);
    scene_refused(s, s->scene.pool, block + place_stride(&s->scene) - OS_ALIGNMENT);
}

static void
put_misaligned(struct scene *s)
{
    unsigned char *block = place_take(&s->scene);

    place_take_some(&s->scene);
    for (unsigned off = 1; off < OS_ALIGNMENT; off++) {
        scene_refused(s, s->scene.pool, block + off);
    }
}

static void
put_never_got(struct scene *s)
{
    place_take_some(&s->scene);
    scene_refused(s, s->scene.pool, place_block(&s->scene, SCENE_BLOCKS - 1));
}

static void
put_twice(struct scene *s)
{
    void *block;

    place_take_some(&s->scene);
    block = place_take(&s->scene);
    place_give(&s->scene, block);
    scene_refused(s, s->scene.pool, block);
}

/* Deep in the list. */
static void
put_twice_late(struct scene *s)
{
    void *block = place_take(&s->scene);
    void *others[8];

    for (unsigned i = 0; i < 8; i++) {
        others[i] = place_take(&s->scene);
    }
    place_give(&s->scene, block);
    for (unsigned i = 0; i < 7; i++) {
        place_give(&s->scene, others[i]);
    }
    scene_refused(s, s->scene.pool, block);
}

/* Its bytes were all written, and then those of the put are. */
static void
put_too_many(struct scene *s)
{
    void *block = place_take(&s->scene);

    place_give(&s->scene, block);
    for (unsigned i = 0; i < SCENE_BLOCKS; i++) {
        scene_expect(s, os_memblock_put(s->scene.pool, place_block(&s->scene, i)), OS_INVALID_PARM);
    }
}

static void
put_twice_in_array(struct scene *s)
{
    void *block = place_take(&s->scene);
    void *other = place_take(&s->scene);
    void *blocks[] = {block, other, block};

    place_take(&s->scene);
    scene_expect(s, os_memblock_put_bulk(s->scene.pool, blocks, 3), OS_INVALID_PARM);
    place_forget(&s->scene, block);
    place_forget(&s->scene, other);
    scene_expect(s, os_memblock_put_bulk(s->scene.pool, blocks, 2), OS_OK);
}

/* Nothing tells beforehand: no room for a key, and no look at one block beside the others. */
static void
put_twice_in_array_small(struct scene *s)
{
    void *block = place_take(&s->scene);
    void *blocks[] = {block, block};
    os_error_t error;

    place_take(&s->scene);
    error = os_memblock_put_bulk(s->scene.pool, blocks, 2);
    if (error == OS_OK) {
        place_forget(&s->scene, block);
    } else {
        scene_expect(s, error, OS_INVALID_PARM);
    }
}

/* Not found beforehand there: the rest goes back, the second of the two is refused. */
static void
put_twice_in_array_late(struct scene *s)
{
    void *block = place_take(&s->scene);
    void *other = place_take(&s->scene);
    void *blocks[] = {block, other, block};

    place_take(&s->scene);
    place_forget(&s->scene, block);
    place_forget(&s->scene, other);
    scene_expect(s, os_memblock_put_bulk(s->scene.pool, blocks, 3), OS_INVALID_PARM);
}

static void
put_bulk_of_nothing(struct scene *s)
{
    void *block = place_take(&s->scene);

    scene_expect(s, os_memblock_put_bulk(s->scene.pool, NULL, 1), OS_INVALID_PARM);
    scene_expect(s, os_memblock_put_bulk(NULL, &block, 1), OS_INVALID_PARM);
    scene_expect(s, os_memblock_put_bulk(s->scene.pool, NULL, 0), OS_INVALID_PARM);
}

static void
put_bulk_of_too_many(struct scene *s)
{
    void *blocks[SCENE_BLOCKS + 1];

    for (unsigned i = 0; i <= SCENE_BLOCKS; i++) {
        blocks[i] = place_block(&s->scene, i % SCENE_BLOCKS);
    }
    scene_expect(s, os_memblock_put_bulk(s->scene.pool, blocks, SCENE_BLOCKS + 1), OS_INVALID_PARM);
}

/* A count that went below 0, with an array that has one block. */
static void
put_bulk_of_absurd_number(struct scene *s)
{
    void *block = place_take(&s->scene);

    for (uint32_t less = 1; less != 0; less *= 2) {
        scene_expect(s, os_memblock_put_bulk(s->scene.pool, &block, 0 - less), OS_INVALID_PARM);
    }
}

static void
get_bulk_of_absurd_number(struct scene *s)
{
    void *blocks[2] = {s, s};

    for (uint32_t less = 1; less != 0; less *= 2) {
        scene_expect(s, os_memblock_get_bulk(s->scene.pool, blocks, 0 - less), OS_ENOMEM);
    }
    scene_expect_true(s, blocks[0] == s && blocks[1] == s);
}

/* At the words that are written when the block is put. */
static void
put_bulk_from_block(struct scene *s, uint32_t n, uint32_t which)
{
    void *blocks[4];

    for (uint32_t i = 0; i < n; i++) {
        blocks[i] = place_take(&s->scene);
    }
    for (uint32_t i = 0; i < n; i++) {
        place_forget(&s->scene, blocks[i]);
    }
    memcpy(blocks[which], blocks, n * sizeof(blocks[0]));
    scene_fine(s, os_memblock_put_bulk(s->scene.pool, blocks[which], n) == OS_OK);
}

static void
put_bulk_from_own_block(struct scene *s)
{
    uint32_t n = s->scene.pool->mp_block_size / sizeof(void *) < 4 ? 1 : 4;

    put_bulk_from_block(s, n, 0);
    put_bulk_from_block(s, n, n / 2);
}

static void
put_into_zeroed(struct scene *s)
{
    static struct os_mempool_ext zeroed;

    scene_refused(s, &zeroed.mpe_mp, place_take(&s->scene));
    scene_refused(s, &zeroed.mpe_mp, NULL);
    scene_expect_true(s, os_memblock_get(&zeroed.mpe_mp) == NULL);
    scene_expect_true(s, os_memblock_from(&zeroed.mpe_mp, NULL) == 0);
    scene_expect_true(s, os_memblock_from(&zeroed.mpe_mp, s->scene.held[0].block) == 0);
    scene_expect(s, os_mempool_unregister(&zeroed.mpe_mp), OS_INVALID_PARM);
}

/* More free blocks than a put walks. */
static void
put_twice_many_small(struct scene *s)
{
    static os_membuf_t buffer[OS_MEMPOOL_SIZE(200, OS_ALIGNMENT)];
    struct os_mempool pool;
    void *first, *again;
    os_error_t error;

    os_mempool_init(&pool, 200, OS_ALIGNMENT, buffer, "small");
    os_memblock_get(&pool);
    first = os_memblock_get(&pool);
    os_memblock_put(&pool, first);
    error = os_memblock_put(&pool, first);
    if (error != OS_OK) {
        scene_expect(s, error, OS_INVALID_PARM);
    }
    first = os_memblock_get(&pool);
    again = os_memblock_get(&pool);
    if (first == again) {
        scene_say("corrupt a block was handed out twice");
    }
    os_mempool_clear(&pool);
    os_mempool_unregister(&pool);
}

static void
get_from_no_pool(struct scene *s)
{
    void *blocks[1];

    scene_expect_true(s, os_memblock_get(NULL) == NULL);
    scene_expect(s, os_memblock_get_bulk(NULL, blocks, 1), OS_INVALID_PARM);
    scene_expect(s, os_memblock_get_bulk(s->scene.pool, NULL, 1), OS_INVALID_PARM);
}

static void
get_from_empty(struct scene *s)
{
    void *blocks[1];

    while (s->scene.n_held < SCENE_BLOCKS) {
        place_take(&s->scene);
    }
    for (unsigned i = 0; i < 100; i++) {
        scene_expect_true(s, os_memblock_get(s->scene.pool) == NULL);
    }
    scene_expect(s, os_memblock_get_bulk(s->scene.pool, blocks, 1), OS_ENOMEM);
}

static void
get_bulk_too_many(struct scene *s)
{
    void *blocks[SCENE_BLOCKS + 1];

    scene_expect(s, os_memblock_get_bulk(s->scene.pool, blocks, SCENE_BLOCKS + 1), OS_ENOMEM);
    place_take(&s->scene);
    scene_expect(s, os_memblock_get_bulk(s->scene.pool, blocks, SCENE_BLOCKS), OS_ENOMEM);
}

static void
from_no_block(struct scene *s)
{
    unsigned char *block = place_take(&s->scene);

    scene_expect_true(s, os_memblock_from(s->scene.pool, NULL) == 0);
    scene_expect_true(s, os_memblock_from(NULL, block) == 0);
    scene_expect_true(s, os_memblock_from(s->scene.pool, block + 1) == 0);
    scene_expect_true(s, os_memblock_from(s->bystander.pool, block) == 0);
}

static void
number_of_no_block(struct scene *s)
{
    static struct os_mempool zeroed;
    unsigned char *block = place_take(&s->scene);
    unsigned char *first = place_block(&s->scene, 0);
    unsigned char *last = place_block(&s->scene, SCENE_BLOCKS - 1);
    const void *addresses[] = {NULL,
                               s,
                               first - 1,
                               last + place_stride(&s->scene),
                               s->scene.pool,
                               place_take(&s->bystander),
                               (void *)UINTPTR_MAX};

    for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        scene_expect_true(s, os_memblock_index(s->scene.pool, addresses[i]) == UINT32_MAX);
    }
    scene_expect_true(s, os_memblock_index(NULL, block) == UINT32_MAX);
    scene_expect_true(s, os_memblock_index(&zeroed, block) == UINT32_MAX);
}

static void
block_of_no_number(struct scene *s)
{
    static struct os_mempool zeroed;

    for (uint32_t more = 1; more != 0; more *= 2) {
        scene_expect_true(s, os_memblock_at(s->scene.pool, SCENE_BLOCKS - 1 + more) == NULL);
        scene_expect_true(s, os_memblock_at(s->scene.pool, 0 - more) == NULL);
    }
    scene_expect_true(s, os_memblock_at(NULL, 0) == NULL);
    scene_expect_true(s, os_memblock_at(&zeroed, 0) == NULL);
}

const struct crime crimes_put[] = {
    CRIME(put_into_no_pool, "a block to NULL", KIND_SHARED, WAYS_ALL, "put_null",
          ALWAYS("error, put of NULL")),
    CRIME(put_no_block, "NULL to a pool", KINDS_ALL, WAYS_ALL, "range",
          ALWAYS("error, put of NULL")),
    CRIME(put_stack_memory, "memory on the stack", KINDS_ALL, WAYS_ALL, "range",
          ALWAYS("error, foreign put")),
    CRIME(put_before_first, "what lies before the first block", KINDS_ALL, WAYS_ALL, "range",
          ALWAYS("error, foreign put")),
    CRIME(put_behind_last, "what lies behind the last block", KINDS_ALL, WAYS_ALL, "range",
          ALWAYS("error, foreign put")),
    CRIME(put_wild, "addresses that no process has", KINDS_ALL, WAYS_ALL, "range",
          ALWAYS("error, foreign put")),
    CRIME(put_the_pool, "the pool itself", KINDS_ALL, WAYS_ALL, "range",
          ALWAYS("error, foreign put")),
    CRIME(put_others_block, "another pool's block", KINDS_ALL, WAYS_ALL, "range",
          ALWAYS("error, foreign put")),
    CRIME(put_inside, "a pointer into a block", KINDS_KEYED, WAYS_ALL, "range",
          ALWAYS("error, put inside a block")),
    CRIME(put_misaligned, "a pointer off the alignment", KINDS_ALL, WAYS_ALL, "range",
          ALWAYS("error, put inside a block")),
    CRIME(put_never_got, "a block that was never got", KINDS_ALL, WAYS_ALL, "double",
          ALWAYS("error, double put")),
    CRIME(put_twice, "a block twice", KINDS_ALL, WAYS_ALL, "double", ALWAYS("error, double put")),
    CRIME(put_twice_late, "a block twice, seven others between", KINDS_ALL, WAYS_ALL, "double",
          ALWAYS("error, double put")),
    CRIME(put_too_many, "every block to a pool that has all", KINDS_ALL, 0, NULL,
          ALWAYS("error, double put")),
    CRIME(put_twice_in_array, "a block twice in one array", KINDS_KEYED & ~KIND_EXTENDED, 0,
          "twins", ALWAYS("error, twice in an array")),
    CRIME(put_twice_in_array_late, "a block twice in one array, through callbacks", KIND_EXTENDED,
          0, NULL, ALWAYS("error, double put")),
    CRIME(put_twice_in_array_small, "a one-word block twice in one array", KIND_ONE_WORD, 0, NULL,
          ANSWERS("is_sane false, double put at put, corrupt", "error, twice in an array",
                  "error, twice in an array", "error, twice in an array",
                  "error, twice in an array")),
    CRIME(put_bulk_of_nothing, "NULL for an array or a pool", KINDS_ALL, 0, "bulk_null",
          ALWAYS("error, put of NULL")),
    CRIME(put_bulk_of_too_many, "more blocks at once than the pool has", KINDS_ALL, 0, NULL,
          ALWAYS("error, too many puts")),
    CRIME(put_bulk_of_absurd_number, "a number of blocks that went below 0", KINDS_ALL, 0,
          "bulk_number", ALWAYS("error, too many puts")),
    CRIME(put_bulk_from_own_block, "an array in one of its own blocks", KINDS_ALL, 0, "bulk_array",
          ALWAYS("fine")),
    CRIME(put_into_zeroed, "to a pool that is all zeroes", KIND_SHARED, WAY_PUT | WAY_FROM_CB, NULL,
          ALWAYS("error, foreign put, put of NULL")),
    CRIME_AS(put_into_zeroed_in_bulk, put_into_zeroed, "the same, in bulk", KIND_SHARED, WAY_BULK,
             NULL, ALWAYS("error, too many puts")),
    CRIME(put_twice_many_small, "a one-word block twice, 198 others free", KIND_SHARED, 0, NULL,
          ANSWERS("corrupt", "error, double put", "error, double put", "error, double put",
                  "error, double put")),
    CRIME(get_from_no_pool, "get from NULL", KIND_SHARED, 0, "get_null", ALWAYS("error")),
    CRIME(get_from_empty, "get from an empty pool", KINDS_ALL, 0, NULL, ALWAYS("error")),
    CRIME(get_bulk_too_many, "more blocks at once than there are", KINDS_ALL, 0, NULL,
          ALWAYS("error")),
    CRIME(get_bulk_of_absurd_number, "a number of blocks that went below 0", KINDS_ALL, 0, NULL,
          ALWAYS("error")),
    CRIME(from_no_block, "memblock_from of NULL, and of what is no block", KINDS_ALL, 0, "from",
          ALWAYS("error")),
    CRIME(number_of_no_block, "a number for an address that no block holds", KINDS_ALL, 0, "index",
          ALWAYS("error")),
    CRIME(block_of_no_number, "a block for a number that none has", KINDS_ALL, 0, "at",
          ALWAYS("error")),
    {.name = NULL},
};
