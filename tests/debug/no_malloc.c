/* SPDX-License-Identifier: Apache-2.0 */
/*
 * no_malloc.c: faults of each kind are found and reported without a call of malloc().
 *
 * The program has a malloc() of its own, which serves the library as well, and knows whether it was
 * called. It is run under words that find everything, and with OSMEMPOOL_FAULT=log.
 */
#include <stdlib.h>
#include <string.h>

#include "common/outside.h"
#include "osmempool.h"

/* glibc's own, under the names that it has for programs which replace malloc(). */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t n);

static unsigned n_calls;

void *
malloc(size_t n)
{
    n_calls++;
    return __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
    n_calls++;
    return __libc_calloc(n, size);
}

void *
realloc(void *old, size_t n)
{
    n_calls++;
    return __libc_realloc(old, n);
}

enum { BLOCKS = 8, BLOCK_BYTES = 37 };

static os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_BYTES)];
static os_membuf_t other_buffer[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_BYTES)];
static struct os_mempool pool, other, usurper;
static unsigned kinds_seen;

static void
remember(const struct osmempool_fault *fault, void *arg)
{
    kinds_seen |= 1u << fault->kind;
}

static unsigned
bit(enum osmempool_fault_kind kind)
{
    return 1u << kind;
}

/* Puts that are refused. */
static void
put_wrongly(void)
{
    char *block = os_memblock_get(&pool);
    void *twice[] = {block, block};

    os_memblock_put(&pool, NULL);
    os_memblock_put(NULL, block);
    os_memblock_put(&pool, os_memblock_get(&other));
    os_memblock_put(&pool, block + 8);
    os_memblock_put_bulk(&pool, twice, 2);
    os_memblock_put(&pool, block);
    os_memblock_put(&pool, block);
}

/* Memory that changes when and where it should not. */
static void
write_wrongly(void)
{
    volatile char *block = os_memblock_get(&pool);

    block[BLOCK_BYTES] = 1;
    os_memblock_put(&pool, (void *)(uintptr_t)block);
    block[20] ^= 1;
    os_memblock_get(&pool);
    pool.mp_num_free--;
    os_mempool_is_sane(&pool);
    pool.mp_num_free++;
}

static void
end_wrongly(void)
{
    struct os_mempool before = other;

    memset(&other, 0, sizeof(other));
    os_mempool_info_get_next(&pool, NULL);
    other = before;
    os_mempool_init(&usurper, BLOCKS, BLOCK_BYTES, buffer, "usurper");
    os_mempool_unregister(&usurper);
    os_mempool_unregister(&pool);
}

static void
a_call_of_malloc_is_noticed(void **state)
{
    unsigned before = n_calls;
    char *copy = strdup("anything");

    assert_non_null(copy);
    assert_true(n_calls > before);
    free(copy);
}

static void
faults_are_reported_without_malloc(void **state)
{
    const unsigned wanted = bit(OSMEMPOOL_FAULT_NULL) | bit(OSMEMPOOL_FAULT_FOREIGN) |
                            bit(OSMEMPOOL_FAULT_MISALIGNED) | bit(OSMEMPOOL_FAULT_DOUBLE_PUT) |
                            bit(OSMEMPOOL_FAULT_TWICE) | bit(OSMEMPOOL_FAULT_WRITE_AFTER_PUT) |
                            bit(OSMEMPOOL_FAULT_DAMAGED_COUNTERS) |
                            bit(OSMEMPOOL_FAULT_BLOCKS_OUT) | bit(OSMEMPOOL_FAULT_OVERRUN) |
                            bit(OSMEMPOOL_FAULT_SHARED_BUFFER) | bit(OSMEMPOOL_FAULT_OVERWRITTEN);
    struct said said;
    unsigned before, after;

    osmempool_set_fault_handler(remember, NULL);
    said_begin(&said);
    before = n_calls;
    put_wrongly();
    write_wrongly();
    end_wrongly();
    after = n_calls;
    assert_non_null(strstr(said_end(&said), "osmempool: double put: pool 'scene': "));
    assert_int_equal(kinds_seen & wanted, wanted);
    assert_int_equal(after - before, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_of_malloc_is_noticed),
        cmocka_unit_test(faults_are_reported_without_malloc),
    };

    /* The words are read, with memory, when the first pool is made. */
    os_mempool_init(&pool, BLOCKS, BLOCK_BYTES, buffer, "scene");
    os_mempool_init(&other, BLOCKS, BLOCK_BYTES, other_buffer, "other");
    return cmocka_run_group_tests_name("no malloc", tests, NULL, NULL);
}
