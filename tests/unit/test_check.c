/* SPDX-License-Identifier: Apache-2.0 */
/* test_check.c: pools under each debug word, which their names choose. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check/check.h"
#include "check/record.h"
#include "check/watch.h"
#include "common/box.h"
#include "common/heard.h"
#include "common/outside.h"
#include "layout/cache.h"

static const char rules[] = "check:check;poison:poison;track:track;fence:fence;fail=3:fail;"
                            "check,poison,track:all;check,track,fence:all fenced";

static const char *const names[] = {"check", "poison", "track", "fence", "all", "all fenced"};

enum { BLOCKS = 20, ROUNDS = 20000, FEW_ROUNDS = 1000, SIZES = 5 };
static const uint32_t sizes[SIZES] = {1, 16, 61, 4096, 5000};

struct subject {
    struct os_mempool_ext ext;
    struct os_mempool *pool;
    char *buffer;
    uint32_t size;
};

static os_error_t
put_back(struct os_mempool_ext *ome, void *data, void *arg)
{
    return os_memblock_put_from_cb(&ome->mpe_mp, data);
}

static struct subject *
subject_make(const char *name, uint32_t size, bool extended)
{
    struct subject *subject = calloc(1, sizeof(*subject));

    assert_non_null(subject);
    subject->pool = &subject->ext.mpe_mp;
    subject->size = size;
    subject->buffer = malloc(OS_MEMPOOL_BYTES(BLOCKS, size));
    assert_non_null(subject->buffer);
    if (extended) {
        assert_int_equal(os_mempool_ext_init(&subject->ext, BLOCKS, size, subject->buffer, name),
                         OS_OK);
        subject->ext.mpe_put_cb = put_back;
    } else {
        assert_int_equal(os_mempool_init(subject->pool, BLOCKS, size, subject->buffer, name),
                         OS_OK);
    }
    n_seen = 0;
    osmempool_set_fault_handler(remember, NULL);
    return subject;
}

static void
subject_end(struct subject *subject)
{
    assert_true(os_mempool_is_sane(subject->pool));
    assert_int_equal(take_all(subject->pool), BLOCKS);
    os_mempool_unregister(subject->pool);
    osmempool_set_fault_handler(NULL, NULL);
    free(subject->buffer);
    free(subject);
}

/* What a simple model has: blocks in use and their marks. */
struct model {
    char *blocks[BLOCKS];
    uint32_t n;
    uint64_t random;
};

static void
model_get(struct model *model, struct subject *subject)
{
    char *block = os_memblock_get(subject->pool);

    assert_true((block == NULL) == (model->n == BLOCKS));
    if (block == NULL) {
        return;
    }
    assert_int_equal(os_memblock_from(subject->pool, block), 1);
    memset(block, (int)(uintptr_t)block, subject->size);
    model->blocks[model->n++] = block;
}

static char *
model_take(struct model *model, struct subject *subject)
{
    uint32_t i = (uint32_t)(random_next(&model->random) % model->n);
    char *block = model->blocks[i];

    model->blocks[i] = model->blocks[--model->n];
    for (uint32_t at = 0; at < subject->size; at++) {
        assert_int_equal(block[at], (char)(uintptr_t)block);
    }
    return block;
}

static void
model_put(struct model *model, struct subject *subject)
{
    char *block;

    if (model->n > 0) {
        block = model_take(model, subject);
        assert_int_equal(os_memblock_put(subject->pool, block), OS_OK);
        assert_int_equal(os_memblock_put(subject->pool, block), OS_INVALID_PARM);
    }
}

static void
model_bulk(struct model *model, struct subject *subject)
{
    uint32_t n = (uint32_t)(random_next(&model->random) % (BLOCKS / 2));
    bool fits = model->n + n <= BLOCKS;
    void *blocks[BLOCKS];

    assert_int_equal(os_memblock_get_bulk(subject->pool, blocks, n), fits ? OS_OK : OS_ENOMEM);
    if (!fits) {
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        memset(blocks[i], (int)i, subject->size);
    }
    if (n > 0) {
        blocks[n] = blocks[0];
        /* Twice in one array is not found where puts go through a callback. */
        if ((subject->pool->mp_flags & OS_MEMPOOL_F_EXT) == 0) {
            assert_int_equal(os_memblock_put_bulk(subject->pool, blocks, n + 1), OS_INVALID_PARM);
        }
    }
    assert_int_equal(os_memblock_put_bulk(subject->pool, blocks, n), OS_OK);
}

static void
model_clear(struct model *model, struct subject *subject)
{
    if (random_next(&model->random) % 50 == 0) {
        assert_int_equal(os_mempool_clear(subject->pool), OS_OK);
        model->n = 0;
    }
}

static void
model_run(struct subject *subject, unsigned rounds)
{
    static void (*const steps[])(struct model *, struct subject *) = {
        model_get, model_get, model_put, model_put, model_bulk, model_clear};
    struct model model = {.random = random_seed(0x5eed + subject->size)};

    while (rounds-- > 0) {
        steps[random_next(&model.random) % LENGTH(steps)](&model, subject);
        assert_int_equal(subject->pool->mp_num_free, BLOCKS - model.n);
    }
    while (model.n > 0) {
        assert_int_equal(os_memblock_put(subject->pool, model_take(&model, subject)), OS_OK);
    }
}

static void
pools_work_under_every_word(void **state)
{
    const unsigned rounds = rounds_of(ROUNDS, FEW_ROUNDS);

    for (size_t name = 0; name < LENGTH(names); name++) {
        for (size_t size = 0; size < 2 * SIZES; size++) {
            struct subject *subject = subject_make(names[name], sizes[size / 2], size % 2 == 1);

            assert_true(check_is_wanted(subject->pool));
            model_run(subject, rounds / (sizes[size / 2] > 100 ? 20 : 1));
            stats_of(subject->pool);
            assert_true(os_mempool_is_sane(subject->pool));
            subject_end(subject);
        }
    }
}

static void
pools_under_a_word_have_no_owner_and_no_caches(void **state)
{
    struct subject *subject = subject_make("track", 61, false);

    assert_int_equal(os_mempool_cache_enable(subject->pool, 8), OS_OK);
    assert_false(cache_is_enabled(subject->pool));
    assert_int_equal(use_alone(subject->pool, BOX_WARM), 0);
    assert_null(subject->pool->osmp_owner);
    assert_int_equal(os_mempool_cache_disable(subject->pool), OS_OK);
    assert_int_equal(use_alone(subject->pool, BOX_WARM), 0);
    assert_null(subject->pool->osmp_owner);
    subject_end(subject);
}

static void
other_pools_are_not_checked(void **state)
{
    struct subject *subject = subject_make("tracks", 61, false);

    assert_false(check_is_wanted(subject->pool));
    subject_end(subject);
}

/* Each byte that the library knows of a free block, changed. */
static void
poison_finds_each_changed_byte(void **state)
{
    for (size_t size = 0; size < 3; size++) {
        struct subject *subject = subject_make("poison", sizes[size], false);
        size_t stride = geometry_stride(subject->pool);

        for (size_t at = 0; at < stride; at++) {
            char *block = os_memblock_get(subject->pool);

            assert_int_equal(os_memblock_put(subject->pool, block), OS_OK);
            block[at] ^= 0x10;
            n_seen = 0;
            /* Found by a walk, or by the get alone; told once. */
            for (size_t walks = at % 3; walks > 0; walks--) {
                assert_false(os_mempool_is_sane(subject->pool));
                assert_int_equal(n_seen, 1);
            }
            assert_ptr_equal(os_memblock_get(subject->pool), block);
            assert_int_equal(n_seen, 1);
            assert_int_equal(seen.kind, OSMEMPOOL_FAULT_WRITE_AFTER_PUT);
            assert_ptr_equal(seen.block, block);
            assert_int_equal(seen.offset, at);
            assert_int_equal(seen.found[0] ^ seen.expected[0], 0x10);
            assert_int_equal(os_memblock_put(subject->pool, block), OS_OK);
            assert_true(os_mempool_is_sane(subject->pool));
        }
        subject_end(subject);
    }
}

static void
overwritten_links_lose_no_block(void **state)
{
    for (size_t name = 0; name < 3; name++) {
        struct subject *subject = subject_make(names[name], 16, false);

        for (uint32_t i = 0; i < BLOCKS; i++) {
            memset(subject->buffer + i * 16, 0xff, 8);
        }
        assert_int_equal(take_all(subject->pool), BLOCKS);
        assert_int_equal(stats_of(subject->pool).faults, BLOCKS);
        subject_end(subject);
    }
}

static void
overwritten_members_are_found_and_mended_by_the_next_get(void **state)
{
    struct subject *subject = subject_make("check", 61, false);
    void *block;

    subject->pool->mp_num_free = 3;
    assert_false(os_mempool_is_sane(subject->pool));
    assert_int_equal(seen.kind, OSMEMPOOL_FAULT_DAMAGED_COUNTERS);
    block = os_memblock_get(subject->pool);
    assert_int_equal(subject->pool->mp_num_free, BLOCKS - 1);
    assert_int_equal(os_memblock_put(subject->pool, block), OS_OK);
    assert_int_equal(n_seen, 1);
    assert_int_equal(os_mempool_clear(subject->pool), OS_OK);
    subject_end(subject);
}

static __attribute__((noinline)) void *
first_site(struct os_mempool *mp)
{
    void *block = os_memblock_get(mp);

    __asm__ volatile("" ::: "memory");
    return block;
}

static void
track_knows_who_got_and_who_put(void **state)
{
    struct subject *subject = subject_make("track", 61, false);
    char *block = first_site(subject->pool);

    assert_int_equal(os_memblock_put(subject->pool, block), OS_OK);
    assert_int_equal(os_memblock_put(subject->pool, block), OS_INVALID_PARM);
    assert_true((uintptr_t)seen.last_get.caller - (uintptr_t)first_site < 200);
    assert_true((uintptr_t)seen.last_put.caller > (uintptr_t)track_knows_who_got_and_who_put);
    assert_true((uintptr_t)seen.last_put.caller < (uintptr_t)seen.caller);
    assert_int_equal(seen.last_get.thread, gettid());
    assert_int_equal(seen.last_put.thread, gettid());
    assert_int_equal(seen.tracked, 1);
    subject_end(subject);
}

static void
every_third_get_fails_and_a_bulk_counts_as_one(void **state)
{
    struct subject *subject = subject_make("fail", 61, false);
    void *blocks[4];

    for (int i = 0; i < 4; i++) {
        assert_non_null(os_memblock_get(subject->pool));
        assert_int_equal(os_memblock_get_bulk(subject->pool, blocks, 2), OS_OK);
        assert_null(os_memblock_get(subject->pool));
    }
    assert_non_null(os_memblock_get(subject->pool));
    assert_non_null(os_memblock_get(subject->pool));
    assert_int_equal(os_memblock_get_bulk(subject->pool, blocks, 4), OS_ENOMEM);
    assert_int_equal(stats_of(subject->pool).failed, 5);
    assert_int_equal(n_seen, 0);
    assert_int_equal(os_mempool_clear(subject->pool), OS_OK);
    os_mempool_unregister(subject->pool);
    osmempool_set_fault_handler(NULL, NULL);
    free(subject->buffer);
    free(subject);
}

static void
a_fenced_block_ends_at_an_inaccessible_page(void **state)
{
    for (size_t size = 0; size < SIZES; size++) {
        struct subject *subject = subject_make("fence", sizes[size], false);
        size_t stride = geometry_stride(subject->pool);
        char *first = os_memblock_get(subject->pool);
        char *second = os_memblock_get(subject->pool);

        assert_true(subject->pool->mp_membuf_addr == (uintptr_t)first);
        assert_int_equal(os_memblock_from(subject->pool, first), 1);
        assert_int_equal(os_memblock_from(subject->pool, subject->buffer), 0);
        assert_int_equal((uintptr_t)(first + stride) % (size_t)sysconf(_SC_PAGESIZE), 0);
        assert_true(is_readable(first + stride - 1));
        assert_false(is_readable(first + stride));
        assert_true(is_readable(second));
        assert_int_equal(os_memblock_put(subject->pool, second), OS_OK);
        assert_false(is_readable(second));
        assert_false(is_readable(second + stride - 1));
        assert_int_equal(os_memblock_put(subject->pool, first), OS_OK);
        assert_int_equal(os_memblock_put(subject->pool, first + 1), OS_INVALID_PARM);
        assert_int_equal(seen.kind, OSMEMPOOL_FAULT_MISALIGNED);
        assert_int_equal(seen.index, 0);
        assert_int_equal(os_memblock_put(subject->pool, subject->buffer), OS_INVALID_PARM);
        assert_int_equal(seen.kind, OSMEMPOOL_FAULT_FOREIGN);
        subject_end(subject);
    }
}

static void
a_fence_outlives_unregister_while_blocks_are_out(void **state)
{
    struct subject *subject = subject_make("fence", 61, false);
    char *block = os_memblock_get(subject->pool);

    assert_int_equal(os_mempool_unregister(subject->pool), OS_OK);
    memset(block, 1, 61);
    assert_int_equal(take_all(subject->pool), BLOCKS - 1);
    assert_int_equal(os_memblock_put(subject->pool, block), OS_OK);
    assert_null(record_of(subject->pool));
    assert_true(subject->pool->mp_membuf_addr == (uintptr_t)subject->buffer);
    /* It is used on, in the caller's buffer, as a pool that nobody asked to check. */
    block = os_memblock_get(subject->pool);
    assert_ptr_equal(block, subject->buffer);
    assert_int_equal(os_memblock_put(subject->pool, block), OS_OK);
    assert_int_equal(os_memblock_put(subject->pool, block), OS_INVALID_PARM);
    assert_true(os_mempool_is_sane(subject->pool));
    subject_end(subject);
}

/* The buffer of a pool may go before the pool is unregistered. */
static void
unregister_does_not_touch_the_buffer(void **state)
{
    for (size_t name = 0; name < LENGTH(names); name++) {
        const size_t bytes = OS_MEMPOOL_BYTES(BLOCKS, 64);
        void *buffer =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        struct os_mempool mp;

        /* The word check looks into it, as it has to. */
        if (strstr(names[name], "check") != NULL || strstr(names[name], "all") != NULL) {
            munmap(buffer, bytes);
            continue;
        }
        assert_true(buffer != MAP_FAILED);
        assert_int_equal(os_mempool_init(&mp, BLOCKS, 64, buffer, names[name]), OS_OK);
        munmap(buffer, bytes);
        assert_int_equal(os_mempool_unregister(&mp), OS_OK);
    }
}

/* Pages that the program has mapped. */
static long
mapped_pages(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long all;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &all), 1);
    fclose(file);
    return all;
}

/* A block that never comes back: what is kept for it goes with the next pool at the address. */
static void
make_and_leak(struct os_mempool *mp, void *buffer, const char *name, unsigned n_times)
{
    for (unsigned i = 0; i < n_times; i++) {
        assert_int_equal(os_mempool_init(mp, BLOCKS, 64, buffer, name), OS_OK);
        assert_non_null(os_memblock_get(mp));
        assert_int_equal(os_mempool_unregister(mp), OS_OK);
    }
}

static void
blocks_out_at_each_unregister_cost_no_memory(void **state)
{
    enum { N_TIMES = 100 };
    static os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, 64)];
    static struct os_mempool mp;

    for (size_t name = 0; name < LENGTH(names); name++) {
        long before;

        make_and_leak(&mp, buffer, names[name], 10);
        before = mapped_pages();
        make_and_leak(&mp, buffer, names[name], N_TIMES);
        /* A record or a fence takes a page at least. */
        assert_true(mapped_pages() - before < N_TIMES / 2);
    }
    /* The last one leaves nothing that is told at exit. */
    assert_int_equal(os_mempool_init(&mp, BLOCKS, 64, buffer, "clean"), OS_OK);
    assert_int_equal(os_mempool_unregister(&mp), OS_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_work_under_every_word),
        cmocka_unit_test(pools_under_a_word_have_no_owner_and_no_caches),
        cmocka_unit_test(other_pools_are_not_checked),
        cmocka_unit_test(poison_finds_each_changed_byte),
        cmocka_unit_test(overwritten_links_lose_no_block),
        cmocka_unit_test(overwritten_members_are_found_and_mended_by_the_next_get),
        cmocka_unit_test(track_knows_who_got_and_who_put),
        cmocka_unit_test(every_third_get_fails_and_a_bulk_counts_as_one),
        cmocka_unit_test(a_fenced_block_ends_at_an_inaccessible_page),
        cmocka_unit_test(a_fence_outlives_unregister_while_blocks_are_out),
        cmocka_unit_test(unregister_does_not_touch_the_buffer),
        cmocka_unit_test(blocks_out_at_each_unregister_cost_no_memory),
    };

    setenv("OSMEMPOOL_DEBUG", rules, 1);
    /* These tests damage free blocks, which a tool would object to. */
    watch_ignore();
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
