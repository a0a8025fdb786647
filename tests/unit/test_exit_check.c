/* SPDX-License-Identifier: Apache-2.0 */
/* test_exit_check.c: what is found of checked pools when a program ends, without touching them. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "check/exit_check.h"
#include "check/record.h"
#include "check/watch.h"
#include "common/check.h"
#include "registry/registry.h"

static const char rules[] = "check:check;poison,track:poison;check,poison,track:all*;"
                            "check,fence:fence";

enum { BLOCKS = 6, BYTES = 100, LARGE_BYTES = 20000 };

/* What was found, and where to go on. */
struct found {
    struct faults faults;
    struct held held;
    uint32_t next;
};

static const struct osmempool_fault *
found_fault(const struct found *found)
{
    assert_true(found->faults.n <= 1);
    return found->faults.n == 1 ? &found->faults.list[0] : NULL;
}

/* The first damage from a block on; NULL if there is none. */
static const struct osmempool_fault *
find_damage(struct found *found, struct os_mempool *mp, uint32_t from)
{
    faults_begin(&found->faults);
    registry_enter();
    found->next = exit_check_damage(registry_find(mp)->keep.record, mp, from, &found->faults);
    registry_leave();
    return found_fault(found);
}

static const struct osmempool_fault *
find_leaks(struct found *found, struct os_mempool *mp)
{
    faults_begin(&found->faults);
    registry_enter();
    exit_check_leaks(registry_find(mp)->keep.record, mp, &found->faults, &found->held);
    registry_leave();
    return found_fault(found);
}

static void
expect_no_damage(struct os_mempool *mp)
{
    struct found found;

    assert_null(find_damage(&found, mp, 0));
    assert_int_equal(found.next, BLOCKS);
}

static void
expect_damage(struct os_mempool *mp, uint32_t block, size_t offset)
{
    const unsigned char *buffer = (const unsigned char *)mp->mp_membuf_addr;
    struct found found;
    const struct osmempool_fault *fault = find_damage(&found, mp, 0);

    assert_non_null(fault);
    assert_int_equal(fault->kind, OSMEMPOOL_FAULT_WRITE_AFTER_PUT);
    assert_int_equal(fault->index, block);
    assert_ptr_equal(fault->block, os_memblock_at(mp, block));
    assert_int_equal(fault->offset, offset);
    assert_int_equal(fault->found[0], buffer[block * os_mempool_stride(mp) + offset]);
    assert_int_not_equal(fault->found[0], fault->expected[0]);
    assert_int_equal(found.next, block + 1);
}

/* A pool under the words that the name stands for, each of its blocks got and put once. */
static char *
make(struct os_mempool *mp, uint32_t bytes, const char *name)
{
    char *buffer = malloc(OS_MEMPOOL_BYTES(BLOCKS, bytes));
    void *blocks[BLOCKS];

    assert_non_null(buffer);
    assert_int_equal(os_mempool_init(mp, BLOCKS, bytes, buffer, name), OS_OK);
    assert_int_equal(os_memblock_get_bulk(mp, blocks, BLOCKS), OS_OK);
    for (int i = 0; i < BLOCKS; i++) {
        memset(blocks[i], i, bytes);
    }
    assert_int_equal(os_memblock_put_bulk(mp, blocks, BLOCKS), OS_OK);
    return buffer;
}

/* Not by unregister, which looks at the blocks. */
static void
end(char *buffer)
{
    os_mempool_module_init();
    free(buffer);
}

static void
a_clean_pool_has_nothing_to_tell(void **state)
{
    static const char *const names[] = {"check", "poison", "all", "fence"};

    for (size_t name = 0; name < LENGTH(names); name++) {
        struct os_mempool mp;
        struct found found;
        char *buffer = make(&mp, BYTES, names[name]);

        expect_no_damage(&mp);
        memset(os_memblock_get(&mp), 1, BYTES);
        expect_no_damage(&mp);
        assert_int_equal(find_leaks(&found, &mp) != NULL, strcmp(names[name], "all") == 0);
        end(buffer);
    }
}

static void
each_changed_byte_of_a_free_block_is_found(void **state)
{
    static const uint32_t sizes[] = {1, 16, BYTES, LARGE_BYTES};

    for (size_t size = 0; size < LENGTH(sizes); size++) {
        const size_t stride = OS_ALIGN(sizes[size], OS_ALIGNMENT);
        struct os_mempool mp;
        char *buffer = make(&mp, sizes[size], "all");

        for (size_t at = 0; at < stride; at += at < 64 ? 1 : 1009) {
            buffer[3 * stride + at] ^= 1;
            expect_damage(&mp, 3, at);
            buffer[3 * stride + at] ^= 1;
        }
        buffer[(BLOCKS - 1) * stride + stride - 1] ^= 1;
        expect_damage(&mp, BLOCKS - 1, stride - 1);
        end(buffer);
    }
}

static void
without_the_pattern_link_and_mark_are_known(void **state)
{
    struct os_mempool mp;
    char *buffer = make(&mp, BYTES, "check");

    buffer[2 * OS_MEMPOOL_BYTES(1, BYTES) + 2 * sizeof(void *)] ^= 1;
    expect_no_damage(&mp);
    buffer[2 * OS_MEMPOOL_BYTES(1, BYTES) + 2 * sizeof(void *) - 1] ^= 1;
    expect_damage(&mp, 2, 2 * sizeof(void *) - 1);
    end(buffer);
}

static void
all_damaged_blocks_are_found_one_after_the_other(void **state)
{
    const size_t stride = OS_MEMPOOL_BYTES(1, BYTES);
    struct os_mempool mp;
    struct found found;
    char *buffer = make(&mp, BYTES, "all");
    uint32_t n = 0;

    for (uint32_t i = 0; i < BLOCKS; i += 2) {
        buffer[i * stride + 40] ^= 1;
    }
    for (uint32_t from = 0; find_damage(&found, &mp, from) != NULL; from = found.next) {
        assert_int_equal(found_fault(&found)->index, 2 * n++);
    }
    assert_int_equal(n, BLOCKS / 2);
    end(buffer);
}

static void
what_track_knows_is_told(void **state)
{
    struct os_mempool mp;
    struct found found;
    char *buffer = make(&mp, BYTES, "all");
    const struct osmempool_fault *fault;

    buffer[40] ^= 1;
    fault = find_damage(&found, &mp, 0);
    assert_non_null(fault);
    assert_string_equal(fault->pool_name, "all");
    assert_ptr_equal(fault->pool, &mp);
    assert_int_equal(fault->tracked, 1);
    assert_non_null(fault->last_put.caller);
    assert_int_equal(fault->n_bytes, 16);
    assert_int_equal(fault->found[0] ^ fault->expected[0], 1);
    assert_memory_equal(&fault->found[1], &fault->expected[1], 15);
    end(buffer);
}

static void
damage_that_was_told_is_not_told_again(void **state)
{
    struct os_mempool mp;
    char *buffer = make(&mp, BYTES, "all");

    buffer[40] ^= 1;
    assert_false(os_mempool_is_sane(&mp));
    expect_no_damage(&mp);
    end(buffer);
}

/* The word asks for no look, or the tool's eyes or the processor are better. */
static void
only_pools_under_check_are_looked_at(void **state)
{
    struct os_mempool mp;
    char *buffer = make(&mp, BYTES, "poison");

    buffer[40] ^= 1;
    expect_no_damage(&mp);
    end(buffer);
    buffer = make(&mp, BYTES, "fence");
    memset(buffer, 1, BYTES);
    expect_no_damage(&mp);
    end(buffer);
}

static void
blocks_out_are_told_with_who_has_them(void **state)
{
    struct os_mempool mp;
    struct found found;
    char *buffer = make(&mp, BYTES, "all");
    const struct osmempool_fault *fault;

    assert_null(find_leaks(&found, &mp));
    os_memblock_get(&mp);
    os_memblock_get(&mp);
    fault = find_leaks(&found, &mp);
    assert_non_null(fault);
    assert_int_equal(fault->kind, OSMEMPOOL_FAULT_BLOCKS_OUT);
    assert_int_equal(fault->n_blocks, 2);
    assert_string_equal(fault->pool_name, "all");
    assert_ptr_equal(found.faults.held, &found.held);
    assert_int_equal(found.held.n_out, 2);
    assert_true(found.held.tracked);
    end(buffer);
}

static void
a_buffer_on_the_stack_is_left_alone(void **state)
{
    os_membuf_t words[OS_MEMPOOL_SIZE(BLOCKS, BYTES)];
    struct os_mempool mp;
    struct found found;

    assert_int_equal(os_mempool_init(&mp, BLOCKS, BYTES, words, "all"), OS_OK);
    os_memblock_get(&mp);
    memset(words, 1, sizeof(words));
    expect_no_damage(&mp);
    assert_non_null(find_leaks(&found, &mp));
    end(NULL);
}

/* Both struct and buffer. */
static void
memory_that_is_gone_is_not_touched(void **state)
{
    const size_t bytes = OS_MEMPOOL_BYTES(BLOCKS, LARGE_BYTES);
    struct os_mempool *mp =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *buffer = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct found found;

    assert_true(mp != MAP_FAILED && buffer != MAP_FAILED);
    assert_int_equal(os_mempool_init(mp, BLOCKS, LARGE_BYTES, buffer, "all gone"), OS_OK);
    os_memblock_get(mp);
    munmap(buffer, bytes);
    munmap(mp, bytes);
    expect_no_damage(mp);
    assert_non_null(find_leaks(&found, mp));
    assert_string_equal(found_fault(&found)->pool_name, "all gone");
    end(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_pool_has_nothing_to_tell),
        cmocka_unit_test(damage_that_was_told_is_not_told_again),
        cmocka_unit_test(only_pools_under_check_are_looked_at),
        cmocka_unit_test(blocks_out_are_told_with_who_has_them),
        cmocka_unit_test(a_buffer_on_the_stack_is_left_alone),
        cmocka_unit_test(memory_that_is_gone_is_not_touched),
        cmocka_unit_test(each_changed_byte_of_a_free_block_is_found),
        cmocka_unit_test(without_the_pattern_link_and_mark_are_known),
        cmocka_unit_test(all_damaged_blocks_are_found_one_after_the_other),
        cmocka_unit_test(what_track_knows_is_told),
    };
    int original = 4711, copy;

    setenv("OSMEMPOOL_DEBUG", rules, 1);
    /* These tests damage free blocks, which a tool would object to. */
    watch_ignore();
    /* Some emulators have no process_vm_readv(2), without which no damage is found. */
    return check_run("exit_check", tests, 6, memory_read(&copy, &original, sizeof(copy)));
}
