/* SPDX-License-Identifier: Apache-2.0 */
/* test_callback.c: put callbacks of extended pools, and all that they may do. */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/box.h"
#include "common/fixture.h"

static void
the_callback_gets_pool_block_and_argument(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);

    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
    assert_int_equal(fx->n_calls, 1);
    assert_int_equal(fx->pool->mp_num_free, FIXTURE_BLOCKS);
}

static void
an_extended_pool_without_callback_is_a_plain_pool(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);

    fx->ext.mpe_put_cb = NULL;
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
    assert_int_equal(fx->n_calls, 0);
}

static os_error_t
expect_no_argument(struct os_mempool_ext *ome, void *data, void *arg)
{
    assert_null(arg);
    return os_memblock_put_from_cb(&ome->mpe_mp, data);
}

/* An argument is optional: until one is set there is none. */
static void
a_callback_may_go_without_an_argument(void **state)
{
    os_membuf_t buffer[OS_MEMPOOL_SIZE(1, 16)];
    struct os_mempool_ext ext;

    memset(&ext, 0xa5, sizeof(ext));
    assert_int_equal(os_mempool_ext_init(&ext, 1, 16, buffer, "no argument"), OS_OK);
    ext.mpe_put_cb = expect_no_argument;
    assert_int_equal(os_memblock_put(&ext.mpe_mp, os_memblock_get(&ext.mpe_mp)), OS_OK);
    assert_int_equal(ext.mpe_mp.mp_num_free, 1);
    assert_int_equal(os_mempool_unregister(&ext.mpe_mp), OS_OK);
}

/* Keeps the block and returns what the argument says. */
static os_error_t
keep_block(struct os_mempool_ext *ome, void *data, void *arg)
{
    return *(const os_error_t *)arg;
}

static void
put_returns_what_the_callback_returns(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);
    os_error_t wanted;

    fx->ext.mpe_put_cb = keep_block;
    fx->ext.mpe_put_arg = &wanted;
    for (wanted = OS_OK; wanted <= OS_ERROR; wanted++) {
        assert_int_equal(os_memblock_put(fx->pool, block), wanted);
        assert_int_equal(fx->pool->mp_num_free, FIXTURE_BLOCKS - 1);
    }
    assert_int_equal(os_memblock_put_from_cb(fx->pool, block), OS_OK);
}

static void
a_block_that_its_callback_kept_may_be_freed_later(void **state)
{
    struct fixture *fx = *state;
    os_error_t wanted = OS_OK;
    void *block = os_memblock_get(fx->pool);

    fx->ext.mpe_put_cb = keep_block;
    fx->ext.mpe_put_arg = &wanted;
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
    assert_int_equal(fx->pool->mp_num_free, FIXTURE_BLOCKS - 1);
    assert_int_equal(os_memblock_put_from_cb(fx->pool, block), OS_OK);
    assert_int_equal(os_memblock_put_from_cb(fx->pool, block), OS_INVALID_PARM);
}

/* Puts another block of its own pool before it frees its own, until none is left. */
static os_error_t
put_nested(struct os_mempool_ext *ome, void *data, void *arg)
{
    struct fixture *fx = arg;
    void *other = os_memblock_get(&ome->mpe_mp);

    fx->n_calls++;
    if (other != NULL && os_memblock_put(&ome->mpe_mp, other) != OS_OK) {
        return OS_ERROR;
    }
    return os_memblock_put_from_cb(&ome->mpe_mp, data);
}

static void
callbacks_nest_as_deep_as_there_are_blocks(void **state)
{
    struct fixture *fx = *state;

    fx->ext.mpe_put_cb = put_nested;
    assert_int_equal(os_memblock_put(fx->pool, os_memblock_get(fx->pool)), OS_OK);
    assert_int_equal(fx->n_calls, FIXTURE_BLOCKS);
}

/* A block of one pool, and the pool to give it to. */
struct parcel {
    struct os_mempool *to;
    void *block;
    os_error_t error;
};

static os_error_t
put_elsewhere(struct os_mempool_ext *ome, void *data, void *arg)
{
    struct parcel *parcel = arg;

    parcel->error = os_memblock_put(parcel->to, parcel->block);
    return os_memblock_put_from_cb(&ome->mpe_mp, data);
}

static void
a_callback_may_put_to_another_pool(void **state)
{
    struct fixture *fx = *state;
    os_membuf_t buffer[OS_MEMPOOL_SIZE(2, 16)];
    struct os_mempool other;
    struct parcel parcel = {&other, NULL, OS_ERROR};

    assert_int_equal(os_mempool_init(&other, 2, 16, buffer, "other"), OS_OK);
    parcel.block = os_memblock_get(&other);
    fx->ext.mpe_put_cb = put_elsewhere;
    fx->ext.mpe_put_arg = &parcel;
    assert_int_equal(os_memblock_put(fx->pool, os_memblock_get(fx->pool)), OS_OK);
    assert_int_equal(parcel.error, OS_OK);
    pool_expect_whole(&other);
    assert_int_equal(os_mempool_unregister(&other), OS_OK);
}

static os_error_t
put_and_unregister(struct os_mempool_ext *ome, void *data, void *arg)
{
    os_error_t error = os_memblock_put_from_cb(&ome->mpe_mp, data);

    return error != OS_OK ? error : os_mempool_unregister(&ome->mpe_mp);
}

static void
a_callback_may_unregister_its_pool(void **state)
{
    struct fixture *fx = *state;

    fx->ext.mpe_put_cb = put_and_unregister;
    assert_int_equal(os_memblock_put(fx->pool, os_memblock_get(fx->pool)), OS_OK);
    assert_int_equal(pools_registered(), 0);
}

/* The pool's memory is overwritten at once, as its next owner would. */
static os_error_t
put_and_end(struct os_mempool_ext *ome, void *data, void *arg)
{
    os_error_t error = put_and_unregister(ome, data, arg);

    memset(ome, 0xa5, sizeof(*ome));
    return error;
}

static void
nothing_of_the_pool_is_touched_after_its_callback(void **state)
{
    struct os_mempool_ext ext, expected;
    os_membuf_t buffer[OS_MEMPOOL_SIZE(2, 16)];

    assert_int_equal(os_mempool_ext_init(&ext, 2, 16, buffer, "short"), OS_OK);
    ext.mpe_put_cb = put_and_end;
    assert_int_equal(os_memblock_put(&ext.mpe_mp, os_memblock_get(&ext.mpe_mp)), OS_OK);
    memset(&expected, 0xa5, sizeof(expected));
    assert_memory_equal(&ext, &expected, sizeof(ext));
}

static jmp_buf way_out;

static os_error_t
jump_out(struct os_mempool_ext *ome, void *data, void *arg)
{
    longjmp(way_out, 1);
}

/* Puts a block whose callback leaves by longjmp. */
static void
put_and_jump(struct os_mempool *mp, void *block)
{
    if (setjmp(way_out) == 0) {
        os_memblock_put(mp, block);
        fail_msg("the callback returned");
    }
}

static void
a_callback_may_be_left_by_longjmp(void **state)
{
    struct fixture *fx = *state;
    void **blocks = pool_get_all(fx->pool);

    fx->ext.mpe_put_cb = jump_out;
    for (unsigned round = 0; round < 100; round++) {
        put_and_jump(fx->pool, blocks[round % FIXTURE_BLOCKS]);
    }
    assert_int_equal(fx->pool->mp_num_free, 0);
    assert_true(os_mempool_is_sane(fx->pool));
    fx->ext.mpe_put_cb = fixture_count_call;
    pool_put_all(fx->pool, blocks);
    assert_int_equal(os_memblock_put(fx->pool, os_memblock_get(fx->pool)), OS_OK);
    assert_int_equal(fx->n_calls, 1);
}

static void
clearing_makes_an_extended_pool_a_plain_one(void **state)
{
    struct fixture *fx = *state;
    void **blocks = pool_get_all(fx->pool);

    assert_int_equal(os_mempool_ext_clear(&fx->ext), OS_OK);
    assert_null(fx->ext.mpe_put_cb);
    assert_null(fx->ext.mpe_put_arg);
    assert_int_equal(fx->pool->mp_flags & OS_MEMPOOL_F_EXT, 0);
    assert_int_equal(fx->pool->mp_num_free, FIXTURE_BLOCKS);
    assert_int_equal(fx->pool->mp_min_free, FIXTURE_BLOCKS);
    assert_int_equal(os_memblock_put(fx->pool, blocks[0]), OS_INVALID_PARM);
    assert_ptr_equal(os_memblock_get(fx->pool), fixture_block(fx, 0));
    assert_int_equal(os_memblock_put(fx->pool, fixture_block(fx, 0)), OS_OK);
    assert_int_equal(fx->n_calls, 0);
    assert_ptr_equal(os_mempool_get("fixture", NULL), fx->pool);
    free(blocks);
}

static void
a_pool_that_was_made_plain_may_be_extended_again(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(os_mempool_ext_clear(&fx->ext), OS_OK);
    assert_int_equal(os_mempool_ext_clear(&fx->ext), OS_OK);
    assert_int_equal(os_mempool_unregister(fx->pool), OS_OK);
    assert_int_equal(
        os_mempool_ext_init(&fx->ext, FIXTURE_BLOCKS, FIXTURE_SIZE, fx->buffer, "again"), OS_OK);
    fx->ext.mpe_put_cb = fixture_count_call;
    fx->ext.mpe_put_arg = fx;
    assert_int_equal(os_memblock_put(fx->pool, os_memblock_get(fx->pool)), OS_OK);
    assert_int_equal(fx->n_calls, 1);
}

/* What a thread finds that puts until no callback runs any more. */
struct putter {
    struct os_mempool *pool;
    sem_t has_begun;
    unsigned n_calls;
    unsigned n_without_argument;
};

static struct putter putter;

static os_error_t
look_at_argument(struct os_mempool_ext *ome, void *data, void *arg)
{
    putter.n_calls++;
    putter.n_without_argument += arg != &putter;
    return os_memblock_put_from_cb(&ome->mpe_mp, data);
}

static void *
put_until_plain(void *arg)
{
    unsigned n_before;

    do {
        n_before = putter.n_calls;
        os_memblock_put(putter.pool, os_memblock_get(putter.pool));
        if (putter.n_calls == 1) {
            sem_post(&putter.has_begun);
        }
    } while (putter.n_calls != n_before);
    return NULL;
}

/* Also a put that is on its way to the callback when that is taken away. */
static void
a_callback_never_runs_without_its_argument(void **state)
{
    struct fixture *fx = *state;
    pthread_t thread;

    putter.pool = fx->pool;
    assert_int_equal(sem_init(&putter.has_begun, 0, 0), 0);
    for (unsigned round = 0; round < 500; round++) {
        os_mempool_unregister(fx->pool);
        assert_int_equal(
            os_mempool_ext_init(&fx->ext, FIXTURE_BLOCKS, FIXTURE_SIZE, fx->buffer, "race"), OS_OK);
        fx->ext.mpe_put_cb = look_at_argument;
        fx->ext.mpe_put_arg = &putter;
        putter.n_calls = 0;
        assert_int_equal(pthread_create(&thread, NULL, put_until_plain, NULL), 0);
        sem_wait(&putter.has_begun);
        assert_int_equal(os_mempool_ext_clear(&fx->ext), OS_OK);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    assert_int_equal(putter.n_without_argument, 0);
    assert_int_equal(os_mempool_clear(fx->pool), OS_OK);
    sem_destroy(&putter.has_begun);
}

/* Puts a block whose callback has been left somewhere deeper; from another thread. */
struct stranger {
    struct os_mempool *pool;
    void *block;
    os_error_t errors[2];
};

static void *
put_twice(void *arg)
{
    struct stranger *stranger = arg;

    for (unsigned i = 0; i < LENGTH(stranger->errors); i++) {
        stranger->errors[i] = os_memblock_put(stranger->pool, stranger->block);
    }
    return NULL;
}

/* It may still run, as far as others know: once they are told so. */
static void
a_block_whose_callback_was_left_is_not_lost_to_other_threads(void **state)
{
    struct fixture *fx = *state;
    struct stranger stranger = {.pool = fx->pool, .block = os_memblock_get(fx->pool)};

    fx->ext.mpe_put_cb = jump_out;
    put_and_jump(fx->pool, stranger.block);
    fx->ext.mpe_put_cb = fixture_count_call;
    run_elsewhere(put_twice, &stranger);
    assert_int_equal(stranger.errors[0], OS_INVALID_PARM);
    assert_int_equal(stranger.errors[1], OS_OK);
    assert_int_equal(fx->n_calls, 1);
}

static void
a_block_whose_callback_was_left_may_be_put_from_cb(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);

    fx->ext.mpe_put_cb = jump_out;
    put_and_jump(fx->pool, block);
    assert_int_equal(os_memblock_put_from_cb(fx->pool, block), OS_OK);
    fx->ext.mpe_put_cb = fixture_count_call;
    assert_ptr_equal(os_memblock_get(fx->pool), block);
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
}

/* Every way in which a block becomes free while its callback runs; then it is got and put again. */
typedef void free_fn(struct fixture *fx, void *block);

struct rebirth {
    struct fixture *fx;
    free_fn *free_block;
    os_error_t inner; /* of the put inside the callback */
    unsigned depth;
};

static os_error_t
free_get_and_put(struct os_mempool_ext *ome, void *data, void *arg)
{
    struct rebirth *rebirth = arg;

    if (rebirth->depth++ > 0) {
        return os_memblock_put_from_cb(&ome->mpe_mp, data);
    }
    rebirth->free_block(rebirth->fx, data);
    if (os_memblock_get(&ome->mpe_mp) != data) {
        return OS_ERROR;
    }
    ome->mpe_put_cb = free_get_and_put;
    ome->mpe_put_arg = arg;
    rebirth->inner = os_memblock_put(&ome->mpe_mp, data);
    return OS_OK;
}

static void
free_by_put_from_cb(struct fixture *fx, void *block)
{
    assert_int_equal(os_memblock_put_from_cb(fx->pool, block), OS_OK);
}

static void *
put_from_cb(void *arg)
{
    struct stranger *stranger = arg;

    stranger->errors[0] = os_memblock_put_from_cb(stranger->pool, stranger->block);
    return NULL;
}

static void
free_by_another_thread(struct fixture *fx, void *block)
{
    struct stranger stranger = {.pool = fx->pool, .block = block};

    run_elsewhere(put_from_cb, &stranger);
    assert_int_equal(stranger.errors[0], OS_OK);
}

static void
free_without_callback(struct fixture *fx, void *block)
{
    fx->ext.mpe_put_cb = NULL;
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
}

static void
free_in_bulk(struct fixture *fx, void *block)
{
    fx->ext.mpe_put_cb = NULL;
    assert_int_equal(os_memblock_put_bulk(fx->pool, &block, 1), OS_OK);
}

static void
free_by_clear(struct fixture *fx, void *block)
{
    assert_int_equal(os_mempool_clear(fx->pool), OS_OK);
}

static void
free_by_init(struct fixture *fx, void *block)
{
    assert_int_equal(os_mempool_unregister(fx->pool), OS_OK);
    assert_int_equal(
        os_mempool_ext_init(&fx->ext, FIXTURE_BLOCKS, FIXTURE_SIZE, fx->buffer, "again"), OS_OK);
}

static void
a_block_that_was_freed_and_got_in_its_callback_may_be_put(void **state)
{
    free_fn *const ways[] = {free_by_put_from_cb, free_by_another_thread, free_without_callback,
                             free_in_bulk,        free_by_clear,          free_by_init};
    struct fixture *fx = *state;

    for (unsigned i = 0; i < LENGTH(ways); i++) {
        struct rebirth rebirth = {fx, ways[i], OS_ERROR, 0};
        void *block = os_memblock_get(fx->pool);

        fx->ext.mpe_put_cb = free_get_and_put;
        fx->ext.mpe_put_arg = &rebirth;
        assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
        assert_int_equal(rebirth.inner, OS_OK);
        assert_int_equal(rebirth.depth, 2);
        assert_int_equal(fx->pool->mp_num_free, FIXTURE_BLOCKS);
    }
    fx->ext.mpe_put_cb = NULL;
}

/* A ring of puts, each in the callback of the one before. */
enum { RING = 3000 };

static struct {
    void *blocks[RING];
    unsigned calls;
    unsigned refused;
} ring;

static os_error_t
put_next(struct os_mempool_ext *ome, void *data, void *arg)
{
    void *next = ring.blocks[++ring.calls % RING];

    ring.refused += os_memblock_put(&ome->mpe_mp, next) != OS_OK;
    return os_memblock_put_from_cb(&ome->mpe_mp, data);
}

static void
a_ring_of_callbacks_ends_where_it_comes_back(void **state)
{
    static os_membuf_t buffer[OS_MEMPOOL_SIZE(RING, 16)];
    struct os_mempool_ext ext;

    assert_int_equal(os_mempool_ext_init(&ext, RING, 16, buffer, "ring"), OS_OK);
    ext.mpe_put_cb = put_next;
    ring.calls = ring.refused = 0;
    for (unsigned i = 0; i < RING; i++) {
        ring.blocks[i] = os_memblock_get(&ext.mpe_mp);
    }
    assert_int_equal(os_memblock_put(&ext.mpe_mp, ring.blocks[0]), OS_OK);
    assert_int_equal(ring.calls, RING);
    assert_int_equal(ring.refused, 1);
    assert_int_equal(ext.mpe_mp.mp_num_free, RING);
    assert_int_equal(os_mempool_unregister(&ext.mpe_mp), OS_OK);
}

/* A bulk put of which one callback does something to the pool. */
struct batch {
    unsigned calls;
    unsigned which; /* the call that does it, from 1 */
    void (*act)(struct os_mempool_ext *ome);
    os_error_t answer; /* of that callback */
};

static os_error_t
act_once(struct os_mempool_ext *ome, void *data, void *arg)
{
    struct batch *batch = arg;
    os_error_t error = os_memblock_put_from_cb(&ome->mpe_mp, data);

    if (++batch->calls == batch->which) {
        batch->act(ome);
        return batch->answer;
    }
    return error;
}

/* In memory of its own; what the batch's put returns. */
static os_error_t
put_batch(struct batch *batch, bool owns_memory)
{
    enum { BLOCKS = 8 };
    static os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, 64)];
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct os_mempool_ext *ome =
        mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *blocks[BLOCKS];
    os_error_t error;

    assert_true(ome != MAP_FAILED);
    assert_int_equal(os_mempool_ext_init(ome, BLOCKS, 64, buffer, "batch"), OS_OK);
    ome->mpe_put_cb = act_once;
    ome->mpe_put_arg = batch;
    assert_int_equal(os_memblock_get_bulk(&ome->mpe_mp, blocks, BLOCKS), OS_OK);
    batch->calls = 0;
    error = os_memblock_put_bulk(&ome->mpe_mp, blocks, BLOCKS);
    if (owns_memory) {
        pool_expect_whole(&ome->mpe_mp);
        assert_int_equal(os_mempool_unregister(&ome->mpe_mp), OS_OK);
        munmap(ome, page);
    }
    return error;
}

static void
end_and_unmap(struct os_mempool_ext *ome)
{
    os_mempool_unregister(&ome->mpe_mp);
    munmap(ome, (size_t)sysconf(_SC_PAGESIZE));
}

/* No block behind it is put, and nothing of the pool is looked at. */
static void
a_bulk_put_ends_with_the_callback_that_ends_the_pool(void **state)
{
    /* A tool would call those behind it lost. */
    for (unsigned which = free_blocks_are_hidden() ? 8 : 1; which <= 8; which++) {
        struct batch batch = {.which = which, .act = end_and_unmap, .answer = OS_OK};

        assert_int_equal(put_batch(&batch, false), which < 8 ? OS_ENOENT : OS_OK);
        assert_int_equal(batch.calls, which);
        batch.answer = OS_TIMEOUT;
        assert_int_equal(put_batch(&batch, false), OS_TIMEOUT);
        assert_int_equal(batch.calls, which);
    }
}

static void
clear(struct os_mempool_ext *ome)
{
    os_mempool_clear(&ome->mpe_mp);
}

/* The blocks behind it are free then, and refused one by one. */
static void
a_bulk_put_goes_on_in_a_pool_that_was_cleared(void **state)
{
    struct batch batch = {.which = 3, .act = clear, .answer = OS_OK};

    assert_int_equal(put_batch(&batch, true), OS_INVALID_PARM);
    assert_int_equal(batch.calls, 3);
}

static os_error_t
jump_out_of_batch(struct os_mempool_ext *ome, void *data, void *arg)
{
    os_memblock_put_from_cb(&ome->mpe_mp, data);
    longjmp(way_out, 1);
}

static void
put_batch_and_jump(struct os_mempool *mp, void *const *blocks, uint32_t n)
{
    if (setjmp(way_out) == 0) {
        os_memblock_put_bulk(mp, blocks, n);
        fail_msg("the callback returned");
    }
}

/* However often; and each time the rest of the blocks can be put. */
static void
a_bulk_put_may_be_left_by_longjmp(void **state)
{
    struct fixture *fx = *state;
    const unsigned n = rounds_of(20000, 1000);

    fx->ext.mpe_put_cb = jump_out_of_batch;
    for (unsigned i = 0; i < n; i++) {
        void *blocks[2];

        assert_int_equal(os_memblock_get_bulk(fx->pool, blocks, 2), OS_OK);
        put_batch_and_jump(fx->pool, blocks, 2);
        assert_int_equal(os_memblock_put_from_cb(fx->pool, blocks[1]), OS_OK);
    }
    fx->ext.mpe_put_cb = fixture_count_call;
}

#define EXTENDED(test) cmocka_unit_test_setup_teardown(test, fixture_extended, fixture_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EXTENDED(the_callback_gets_pool_block_and_argument),
        EXTENDED(an_extended_pool_without_callback_is_a_plain_pool),
        cmocka_unit_test(a_callback_may_go_without_an_argument),
        EXTENDED(put_returns_what_the_callback_returns),
        EXTENDED(a_block_that_its_callback_kept_may_be_freed_later),
        EXTENDED(callbacks_nest_as_deep_as_there_are_blocks),
        EXTENDED(a_callback_may_put_to_another_pool),
        EXTENDED(a_callback_may_unregister_its_pool),
        EXTENDED(nothing_of_the_pool_is_touched_after_its_callback),
        EXTENDED(a_callback_may_be_left_by_longjmp),
        EXTENDED(clearing_makes_an_extended_pool_a_plain_one),
        EXTENDED(a_pool_that_was_made_plain_may_be_extended_again),
        EXTENDED(a_callback_never_runs_without_its_argument),
        EXTENDED(a_block_whose_callback_was_left_is_not_lost_to_other_threads),
        EXTENDED(a_block_whose_callback_was_left_may_be_put_from_cb),
        EXTENDED(a_block_that_was_freed_and_got_in_its_callback_may_be_put),
        cmocka_unit_test(a_ring_of_callbacks_ends_where_it_comes_back),
        cmocka_unit_test(a_bulk_put_ends_with_the_callback_that_ends_the_pool),
        cmocka_unit_test(a_bulk_put_goes_on_in_a_pool_that_was_cleared),
        EXTENDED(a_bulk_put_may_be_left_by_longjmp),
    };

    return cmocka_run_group_tests_name("callback", tests, NULL, NULL);
}
