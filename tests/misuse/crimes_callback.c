/* SPDX-License-Identifier: Apache-2.0 */
/* crimes_callback.c: put callbacks that do what they should not. */
#include <pthread.h>
#include <setjmp.h>
#include <string.h>

#include "crime.h"
#include "touch.h"

/* Puts a block whose callback is to commit the crime. */
static os_error_t
callback_provoke(struct scene *s, os_mempool_put_fn *fn, void *block)
{
    os_error_t error;

    place_forget(&s->scene, block);
    s->scene.ext.mpe_put_cb = fn;
    error = os_memblock_put(s->scene.pool, block);
    s->scene.ext.mpe_put_cb = scene_callback;
    return error;
}

static os_error_t
cb_put_same(struct os_mempool_ext *ext, void *block, void *arg)
{
    scene_expect(arg, os_memblock_put(&ext->mpe_mp, block), OS_INVALID_PARM);
    return os_memblock_put_from_cb(&ext->mpe_mp, block);
}

static void
callback_puts_same(struct scene *s)
{
    place_take(&s->scene);
    if (callback_provoke(s, cb_put_same, place_take(&s->scene)) != OS_OK) {
        scene_say("unexpected answer of put");
    }
}

/* Block 0's callback puts block 1, whose callback puts block 0. */
static struct {
    void *blocks[SCENE_BLOCKS];
    unsigned n;
    unsigned runs;
} ring;

static os_error_t
cb_put_next(struct os_mempool_ext *ext, void *block, void *arg)
{
    unsigned i = 0;

    while (ring.blocks[i] != block) {
        i++;
    }
    if (++ring.runs <= ring.n && i + 1 < ring.n) {
        os_memblock_put(&ext->mpe_mp, ring.blocks[i + 1]);
    } else {
        scene_expect(arg, os_memblock_put(&ext->mpe_mp, ring.blocks[(i + 1) % ring.n]),
                     OS_INVALID_PARM);
    }
    return os_memblock_put_from_cb(&ext->mpe_mp, block);
}

static void
callback_ring(struct scene *s)
{
    ring.n = 8;
    for (unsigned i = 0; i < ring.n; i++) {
        ring.blocks[i] = place_take(&s->scene);
    }
    for (unsigned i = 1; i < ring.n; i++) {
        place_forget(&s->scene, ring.blocks[i]);
    }
    callback_provoke(s, cb_put_next, ring.blocks[0]);
}

/* A chain of more callbacks than run at once in most programs. The last one puts some of them. */
enum { BIG_BLOCKS = 1000, BIG_SIZE = 16, BIG_STEP = 50, BIG_REFUSED = BIG_BLOCKS / BIG_STEP };

static struct {
    struct os_mempool_ext ext;
    void *blocks[BIG_BLOCKS];
    unsigned next;
    unsigned refused;
    bool is_closed;
} big;

static os_error_t
cb_put_next_of_many(struct os_mempool_ext *ext, void *block, void *arg)
{
    if (big.next + 1 < BIG_BLOCKS) {
        os_memblock_put(&ext->mpe_mp, big.blocks[++big.next]);
    } else if (!big.is_closed) {
        big.is_closed = true;
        for (unsigned i = 0; i < BIG_BLOCKS; i += BIG_STEP) {
            big.refused += os_memblock_put(&ext->mpe_mp, big.blocks[i]) == OS_INVALID_PARM;
        }
    }
    return os_memblock_put_from_cb(&ext->mpe_mp, block);
}

/* Each block's callback runs once, and ends well. */
static void
callback_big_ring(struct scene *s)
{
    static os_membuf_t buffer[OS_MEMPOOL_SIZE(BIG_BLOCKS, BIG_SIZE)];
    struct os_mempool *mp = &big.ext.mpe_mp;

    os_mempool_ext_init(&big.ext, BIG_BLOCKS, BIG_SIZE, buffer, "big");
    big.ext.mpe_put_cb = cb_put_next_of_many;
    for (unsigned i = 0; i < BIG_BLOCKS; i++) {
        big.blocks[i] = os_memblock_get(mp);
    }
    os_memblock_put(mp, big.blocks[0]);
    scene_expect_true(s, big.refused == BIG_REFUSED);
    if (mp->mp_num_free != BIG_BLOCKS) {
        scene_say("corrupt not all blocks of the ring are free");
    }
    os_mempool_unregister(mp);
}

static os_error_t
cb_release_twice(struct os_mempool_ext *ext, void *block, void *arg)
{
    os_error_t error = os_memblock_put_from_cb(&ext->mpe_mp, block);

    scene_expect(arg, os_memblock_put_from_cb(&ext->mpe_mp, block), OS_INVALID_PARM);
    return error;
}

static void
callback_releases_twice(struct scene *s)
{
    place_take(&s->scene);
    callback_provoke(s, cb_release_twice, place_take(&s->scene));
}

static os_error_t
cb_release_and_put(struct os_mempool_ext *ext, void *block, void *arg)
{
    os_error_t error = os_memblock_put_from_cb(&ext->mpe_mp, block);

    scene_expect(arg, os_memblock_put(&ext->mpe_mp, block), OS_INVALID_PARM);
    return error;
}

static void
callback_releases_and_puts(struct scene *s)
{
    place_take(&s->scene);
    callback_provoke(s, cb_release_and_put, place_take(&s->scene));
}

static os_error_t
cb_release_foreign(struct os_mempool_ext *ext, void *block, void *arg)
{
    struct scene *s = arg;

    scene_expect(s, os_memblock_put_from_cb(&ext->mpe_mp, s), OS_INVALID_PARM);
    scene_expect(s, os_memblock_put_from_cb(s->bystander.pool, block), OS_INVALID_PARM);
    scene_expect(s, os_memblock_put_from_cb(&ext->mpe_mp, (char *)block + OS_ALIGNMENT),
                 OS_INVALID_PARM);
    return os_memblock_put_from_cb(&ext->mpe_mp, block);
}

static void
callback_releases_foreign(struct scene *s)
{
    place_take(&s->scene);
    place_take(&s->bystander);
    callback_provoke(s, cb_release_foreign, place_take(&s->scene));
}

static os_error_t
cb_keep(struct os_mempool_ext *ext, void *block, void *arg)
{
    return OS_ERROR;
}

/* The block stays out, as its put says; another put finds the callback again. */
static void
callback_keeps(struct scene *s)
{
    void *block = place_take(&s->scene);

    scene_expect(s, callback_provoke(s, cb_keep, block), OS_ERROR);
    scene_fine(s, os_memblock_put(s->scene.pool, block) == OS_OK);
}

/* A free block was damaged before, and this put never comes to the list. */
static void
callback_keeps_over_damage(struct scene *s)
{
    void *kept = place_take(&s->scene);
    unsigned char *stale = place_take(&s->scene);

    place_give(&s->scene, stale);
    touch_write(stale, 0x99);
    scene_expect(s, callback_provoke(s, cb_keep, kept), OS_ERROR);
    scene_say("stage put");
    os_memblock_put(s->scene.pool, kept);
}

static os_error_t
cb_use_own_pool(struct os_mempool_ext *ext, void *block, void *arg)
{
    struct scene *s = arg;
    void *other = os_memblock_get(&ext->mpe_mp);
    bool good = other != NULL && other != block;

    scene_fine(s, good && os_memblock_put_from_cb(&ext->mpe_mp, other) == OS_OK &&
                      os_mempool_is_sane(&ext->mpe_mp));
    return os_memblock_put_from_cb(&ext->mpe_mp, block);
}

static void
callback_uses_own_pool(struct scene *s)
{
    callback_provoke(s, cb_use_own_pool, place_take(&s->scene));
}

static os_error_t
cb_put_elsewhere(struct os_mempool_ext *ext, void *block, void *arg)
{
    struct scene *s = arg;

    place_give(&s->bystander, s->bystander.held[0].block);
    scene_fine(s, true);
    return os_memblock_put_from_cb(&ext->mpe_mp, block);
}

static void
callback_puts_elsewhere(struct scene *s)
{
    place_take(&s->bystander);
    callback_provoke(s, cb_put_elsewhere, place_take(&s->scene));
}

static os_error_t
cb_clear(struct os_mempool_ext *ext, void *block, void *arg)
{
    struct scene *s = arg;

    os_mempool_clear(&ext->mpe_mp);
    scene_expect(s, os_memblock_put_from_cb(&ext->mpe_mp, block), OS_INVALID_PARM);
    return OS_OK;
}

static void
callback_clears(struct scene *s)
{
    callback_provoke(s, cb_clear, place_take(&s->scene));
}

static os_error_t
cb_unregister(struct os_mempool_ext *ext, void *block, void *arg)
{
    struct scene *s = arg;

    s->scene.registered = false;
    scene_fine(s, os_mempool_unregister(&ext->mpe_mp) == OS_OK);
    return os_memblock_put_from_cb(&ext->mpe_mp, block);
}

static void
callback_unregisters(struct scene *s)
{
    callback_provoke(s, cb_unregister, place_take(&s->scene));
}

static os_error_t
cb_end_pool(struct os_mempool_ext *ext, void *block, void *arg)
{
    os_error_t error = os_memblock_put_from_cb(&ext->mpe_mp, block);

    os_mempool_unregister(&ext->mpe_mp);
    memset(ext, 0xa5, sizeof(*ext));
    return error;
}

/* The pool's memory is somebody else's when the put returns. */
static void
callback_ends_pool(struct scene *s)
{
    static os_membuf_t buffer[OS_MEMPOOL_SIZE(4, 16)];
    struct os_mempool_ext ext, expected;

    os_mempool_ext_init(&ext, 4, 16, buffer, "short");
    ext.mpe_put_cb = cb_end_pool;
    os_memblock_put(&ext.mpe_mp, os_memblock_get(&ext.mpe_mp));
    memset(&expected, 0xa5, sizeof(expected));
    scene_fine(s, memcmp(&ext, &expected, sizeof(ext)) == 0);
}

/* The first of four blocks ends the pool. */
static void
callback_ends_pool_in_bulk(struct scene *s)
{
    static os_membuf_t buffer[OS_MEMPOOL_SIZE(4, 16)];
    struct os_mempool_ext ext, expected;
    void *blocks[4];

    os_mempool_ext_init(&ext, 4, 16, buffer, "short");
    ext.mpe_put_cb = cb_end_pool;
    os_memblock_get_bulk(&ext.mpe_mp, blocks, 4);
    scene_fine(s, os_memblock_put_bulk(&ext.mpe_mp, blocks, 4) == OS_ENOENT);
    memset(&expected, 0xa5, sizeof(expected));
    scene_fine(s, memcmp(&ext, &expected, sizeof(ext)) == 0);
}

static jmp_buf way_out;

static os_error_t
cb_jump(struct os_mempool_ext *ext, void *block, void *arg)
{
    longjmp(way_out, 1);
}

/* The block is still out, and its next put succeeds. */
static void
callback_jumps_out(struct scene *s)
{
    void *block = place_take(&s->scene);

    if (setjmp(way_out) == 0) {
        callback_provoke(s, cb_jump, block);
    }
    s->scene.ext.mpe_put_cb = scene_callback;
    scene_fine(s, os_memblock_put(s->scene.pool, block) == OS_OK);
}

static os_error_t
cb_put_again_at_once(struct os_mempool_ext *ext, void *block, void *arg)
{
    struct scene *s = arg;

    if (s->n_calls++ == 0) {
        os_memblock_put_from_cb(&ext->mpe_mp, block);
        if (os_memblock_get(&ext->mpe_mp) != block) {
            scene_say("unexpected order of blocks");
        }
        return os_memblock_put(&ext->mpe_mp, block);
    }
    return os_memblock_put_from_cb(&ext->mpe_mp, block);
}

static void
callback_gets_it_again(struct scene *s)
{
    os_error_t error = callback_provoke(s, cb_put_again_at_once, place_take(&s->scene));

    scene_fine(s, error == OS_OK && s->n_calls == 2);
}

static void *
release_elsewhere(void *arg)
{
    struct scene *s = arg;

    scene_fine(s, os_memblock_put_from_cb(s->scene.pool, s->handed_over) == OS_OK);
    return NULL;
}

static os_error_t
cb_hand_over(struct os_mempool_ext *ext, void *block, void *arg)
{
    struct scene *s = arg;
    pthread_t thread;

    if (s->n_calls++ > 0) {
        return os_memblock_put_from_cb(&ext->mpe_mp, block);
    }
    s->handed_over = block;
    if (pthread_create(&thread, NULL, release_elsewhere, s) != 0 ||
        pthread_join(thread, NULL) != 0 || os_memblock_get(&ext->mpe_mp) != block) {
        scene_say("unexpected order of blocks");
    }
    return os_memblock_put(&ext->mpe_mp, block);
}

static void
callback_hands_over(struct scene *s)
{
    os_error_t error = callback_provoke(s, cb_hand_over, place_take(&s->scene));

    scene_fine(s, error == OS_OK && s->n_calls == 2);
}

static void
release_outside_callback(struct scene *s)
{
    void *block = place_take(&s->scene);

    place_forget(&s->scene, block);
    scene_fine(s, os_memblock_put_from_cb(s->scene.pool, block) == OS_OK && s->n_calls == 0);
}

const struct crime crimes_callback[] = {
    CRIME(callback_puts_same, "puts the very block", KIND_EXTENDED, 0, "recursion",
          ALWAYS("error, put in its callback")),
    CRIME(callback_ring, "eight put each other in a ring", KIND_EXTENDED, 0, "recursion",
          ALWAYS("error, put in its callback")),
    CRIME(callback_big_ring, "a thousand put each other in a ring", KIND_EXTENDED, 0, "recursion",
          ALWAYS("error, put in its callback")),
    CRIME(callback_releases_twice, "releases its block twice", KIND_EXTENDED, 0, "double",
          ALWAYS("error, double put")),
    CRIME(callback_releases_and_puts, "releases its block and puts it", KIND_EXTENDED, 0,
          "released", ALWAYS("error, double put")),
    CRIME(callback_releases_foreign, "releases what is none of the pool's", KIND_EXTENDED, 0,
          "range", ALWAYS("error, foreign put, put inside a block")),
    CRIME(callback_keeps, "keeps the block and returns an error", KIND_EXTENDED, 0, NULL,
          ALWAYS("error, fine")),
    CRIME(callback_keeps_over_damage, "the same, a free block having been written", KIND_EXTENDED,
          0, NULL,
          ANSWERS("error, is_sane false, damaged list at get", "error, write after put",
                  "error, write after put at get", "error, write after put", "trap")),
    CRIME(callback_uses_own_pool, "gets and puts another block of its pool", KIND_EXTENDED, 0, NULL,
          ALWAYS("fine")),
    CRIME(callback_puts_elsewhere, "puts to another pool", KIND_EXTENDED, 0, NULL, ALWAYS("fine")),
    CRIME(callback_clears, "clears its pool, then releases its block", KIND_EXTENDED, 0, "double",
          ALWAYS("error, double put")),
    CRIME(callback_unregisters, "unregisters its pool", KIND_EXTENDED, 0, NULL,
          ANSWERS("fine", "fine", "fine", "blocks out, fine", "fine")),
    CRIME(callback_ends_pool, "ends its pool and overwrites it", KIND_EXTENDED, 0, NULL,
          ALWAYS("fine")),
    CRIME(callback_ends_pool_in_bulk, "the same, for the first block of a bulk put", KIND_EXTENDED,
          0, "bulk_ends", ANSWERS("fine", "fine", "fine", "blocks out, fine", "fine")),
    CRIME(callback_jumps_out, "leaves by longjmp", KIND_EXTENDED, 0, NULL, ALWAYS("fine")),
    CRIME(callback_gets_it_again, "gets its block again and puts that", KIND_EXTENDED, 0, NULL,
          ALWAYS("fine")),
    CRIME(callback_hands_over, "the same, another thread having released it", KIND_EXTENDED, 0,
          NULL, ALWAYS("fine")),
    CRIME(release_outside_callback, "put_from_cb outside a callback", KIND_EXTENDED, 0, NULL,
          ALWAYS("fine")),
    {.name = NULL},
};
