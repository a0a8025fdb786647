/* SPDX-License-Identifier: Apache-2.0 */
/* test_margin.c: the bytes around a block that is out, in pools that their names put under words.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check/check.h"
#include "check/margin.h"
#include "check/record.h"
#include "check/watch.h"
#include "common/box.h"
#include "common/heard.h"

enum { BLOCKS = 6, SIZE_MOST = 40 };

static const char *const names[] = {"check", "poison", "fence", "all"};

static struct os_mempool pool;
static os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, SIZE_MOST)];

static void
begin(const char *name, uint32_t size)
{
    assert_int_equal(os_mempool_init(&pool, BLOCKS, size, buffer, name), OS_OK);
    osmempool_set_fault_handler(remember, NULL);
    n_seen = 0;
}

static void
end(void)
{
    osmempool_set_fault_handler(NULL, NULL);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
}

static void
a_block_can_be_used_to_its_last_byte(void **state)
{
    for (size_t name = 0; name < LENGTH(names); name++) {
        for (uint32_t size = 1; size <= SIZE_MOST; size++) {
            begin(names[name], size);
            for (int round = 0; round < 3; round++) {
                char *first = os_memblock_get(&pool);
                char *second = os_memblock_get(&pool);

                memset(first, round, size);
                memset(second, ~round, size);
                assert_true(os_mempool_is_sane(&pool));
                assert_int_equal(os_memblock_put(&pool, first), OS_OK);
                assert_int_equal(os_memblock_put(&pool, second), OS_OK);
            }
            assert_int_equal(n_seen, 0);
            end();
        }
    }
}

static void
expect_overrun(unsigned n, size_t at)
{
    assert_int_equal(n_seen, n);
    assert_int_equal(seen.kind, OSMEMPOOL_FAULT_OVERRUN);
    assert_int_equal(seen.offset, at);
    assert_int_equal(seen.found[0], 0x99);
    assert_int_equal(seen.expected[0], POISON_BYTE);
    assert_int_equal(seen.n_bytes, geometry_stride(&pool) - at);
}

static void
each_byte_of_the_rounding_is_watched(void **state)
{
    for (size_t name = 0; name < LENGTH(names); name++) {
        for (uint32_t size = 1; size <= SIZE_MOST; size++) {
            begin(names[name], size);
            for (size_t at = size; at < geometry_stride(&pool); at++) {
                unsigned char *block = os_memblock_get(&pool);

                n_seen = 0;
                block[at] = 0x99;
                assert_int_equal(os_memblock_put(&pool, block), OS_OK);
                expect_overrun(1, at);
                assert_ptr_equal(seen.block, block);
            }
            end();
        }
    }
}

static void
what_was_told_is_not_told_again(void **state)
{
    const void *damaged;
    unsigned char *block;

    begin("check", 37);
    os_memblock_get(&pool);
    block = os_memblock_get(&pool);
    block[38] = 0x99;
    assert_non_null(check_inspect(&pool, &damaged));
    assert_ptr_equal(damaged, block);
    assert_false(os_mempool_is_sane(&pool));
    expect_overrun(1, 38);
    assert_null(check_inspect(&pool, &damaged));
    assert_true(os_mempool_is_sane(&pool));
    assert_int_equal(os_memblock_put(&pool, block), OS_OK);
    assert_int_equal(n_seen, 1);
    os_mempool_clear(&pool);
    end();
}

static void
a_put_in_bulk_and_a_clear_look_too(void **state)
{
    unsigned char *blocks[2];

    begin("poison", 37);
    assert_int_equal(os_memblock_get_bulk(&pool, (void **)blocks, 2), OS_OK);
    blocks[0][37] = blocks[1][39] = 0x99;
    assert_int_equal(os_memblock_put_bulk(&pool, (void **)blocks, 2), OS_OK);
    expect_overrun(2, 39);
    blocks[0] = os_memblock_get(&pool);
    blocks[0][37] = 0x99;
    assert_int_equal(os_mempool_clear(&pool), OS_OK);
    expect_overrun(3, 37);
    end();
}

static void
behind_a_fence_the_page_before_a_block_is_watched(void **state)
{
    static const size_t distances[] = {1, 2, 8, 100, 4000};
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    begin("fence", SIZE_MOST);
    for (size_t i = 0; i < LENGTH(distances); i++) {
        unsigned char *block = os_memblock_get(&pool);

        n_seen = 0;
        block[-(ptrdiff_t)distances[i]] = 0x99;
        assert_int_equal(os_memblock_put(&pool, block), OS_OK);
        assert_int_equal(n_seen, 1);
        assert_int_equal(seen.kind, OSMEMPOOL_FAULT_UNDERRUN);
        assert_int_equal(seen.offset, distances[i]);
        assert_int_equal(seen.n_bytes, distances[i] < 16 ? distances[i] : 16);
        assert_int_equal(seen.found[0], 0x99);
        assert_int_equal((uintptr_t)block % page, page - SIZE_MOST);
    }
    end();
}

/* The memory of a buffer may be gone by then, but not a fence's. */
static void
unregister_looks_where_the_memory_is_sure_to_be(void **state)
{
    const size_t bytes = OS_MEMPOOL_BYTES(BLOCKS, 37);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *block;

    assert_true(memory != MAP_FAILED);
    assert_int_equal(os_mempool_init(&pool, BLOCKS, 37, memory, "poison"), OS_OK);
    assert_non_null(os_memblock_get(&pool));
    munmap(memory, bytes);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
    begin("fence", 37);
    block = os_memblock_get(&pool);
    block[37] = 0x99;
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
    expect_overrun(1, 37);
    assert_int_equal(os_memblock_put(&pool, block), OS_OK);
    assert_int_equal(n_seen, 1);
    osmempool_set_fault_handler(NULL, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_can_be_used_to_its_last_byte),
        cmocka_unit_test(each_byte_of_the_rounding_is_watched),
        cmocka_unit_test(what_was_told_is_not_told_again),
        cmocka_unit_test(a_put_in_bulk_and_a_clear_look_too),
        cmocka_unit_test(behind_a_fence_the_page_before_a_block_is_watched),
        cmocka_unit_test(unregister_looks_where_the_memory_is_sure_to_be),
    };

    setenv("OSMEMPOOL_DEBUG", "check:check;poison:poison;fence:fence;check,poison,fence:all", 1);
    /* These tests write where a tool would object to it. */
    watch_ignore();
    return cmocka_run_group_tests_name("margin", tests, NULL, NULL);
}
