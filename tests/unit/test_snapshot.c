/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "check/words.h"
#include "os/os_mempool.h"
#include "snapshot/document.h"
#include "snapshot/process.h"
#include "snapshot/snapshot.h"

enum { BLOCKS = 4, BLOCK_BYTES = 32, MANY = 500 };

static void
an_empty_registry_is_an_empty_snapshot(void **state)
{
    struct snapshot snapshot;

    assert_int_equal(snapshot_take(&snapshot), 0);
    assert_int_equal(snapshot.n_pools, 0);
    snapshot_free(&snapshot);
}

static void
all_pools_come_in_order_of_registration(void **state)
{
    static struct os_mempool pools[MANY];
    struct snapshot snapshot;
    char name[OS_MEMPOOL_INFO_NAME_LEN];
    size_t i;

    for (i = 0; i < MANY; i++) {
        /* From the highest address down, as the order is not theirs. */
        snprintf(name, sizeof(name), "pool %zu", i);
        assert_int_equal(os_mempool_init(&pools[MANY - 1 - i], 0, BLOCK_BYTES, NULL, name), OS_OK);
    }
    assert_int_equal(snapshot_take(&snapshot), 0);
    assert_int_equal(snapshot.n_pools, MANY);
    for (i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "pool %zu", i);
        assert_string_equal(snapshot.pools[i].counts.name, name);
    }
    snapshot_free(&snapshot);
    for (i = 0; i < MANY; i++) {
        os_mempool_unregister(&pools[i]);
    }
}

static void
a_row_has_the_pools_counters(void **state)
{
    static os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_BYTES)];
    struct os_mempool pool;
    struct snapshot snapshot;
    void *block;

    assert_int_equal(os_mempool_init(&pool, BLOCKS, BLOCK_BYTES, buffer, "counted"), OS_OK);
    os_memblock_get(&pool);
    block = os_memblock_get(&pool);
    os_memblock_put(&pool, block);
    os_memblock_put(&pool, block);
    assert_int_equal(snapshot_take(&snapshot), 0);
    assert_int_equal(snapshot.n_pools, 1);
    assert_string_equal(snapshot.pools[0].counts.name, "counted");
    assert_int_equal(snapshot.pools[0].counts.block_size, BLOCK_BYTES);
    assert_int_equal(snapshot.pools[0].counts.num_blocks, BLOCKS);
    assert_int_equal(snapshot.pools[0].counts.num_free, BLOCKS - 1);
    assert_int_equal(snapshot.pools[0].counts.min_free, BLOCKS - 2);
    assert_int_equal(snapshot.pools[0].counts.gets, 2);
    assert_int_equal(snapshot.pools[0].counts.puts, 1);
    assert_int_equal(snapshot.pools[0].counts.refused, 1);
    snapshot_free(&snapshot);
    os_mempool_clear(&pool);
    os_mempool_unregister(&pool);
}

static void
a_document_holds_every_field_of_a_row(void **state)
{
    struct registry_row row = {
        .identity = {UINT64_MAX, 15, 17},
        .counts =
            {
                .name = "a\"b",
                .block_size = 1,
                .num_blocks = 2,
                .num_free = 3,
                .min_free = 4,
                .num_cached = 5,
                .gets = UINT64_MAX,
                .puts = 7,
                .adjust = -8,
                .failed = 9,
                .refused = 10,
                .failed_us = 11,
                .min_us = 12,
                .faults = 13,
                .words = WORD_CHECK | WORD_FAIL,
                .fail_every = 14,
                .stale = true,
            },
    };
    const struct snapshot snapshot = {.pools = &row, .n_pools = 1};
    struct json json = {0};
    size_t n;
    char *text;

    document_write(&json, &snapshot);
    text = json_take(&json, &n);
    assert_non_null(text);
    assert_true(strstr(text, "{\"schema\":\"osmempool/1\",\"version\":\"") == text);
    assert_non_null(strstr(
        text, ",\"pools\":[{\"name\":\"a\\\"b\",\"block_size\":1,\"num_blocks\":2,\"num_free\":3,"
              "\"min_free\":4,\"num_cached\":5,\"gets\":18446744073709551615,\"puts\":7,"
              "\"adjust\":-8,\"failed\":9,\"refused\":10,\"failed_time\":11,\"min_time\":12,"
              "\"faults\":13,\"id\":18446744073709551615,\"registered_time\":15,"
              "\"registered_by\":{\"address\":\"0x10\",\"module\":\"\",\"offset\":\"0x10\"},"
              "\"debug\":\"check,fail=14\",\"stale\":true}]}\n"));
    free(text);
}

/* Pools that come from one call are told of in the same words, whatever stands between them. */
static void
each_row_tells_of_its_own_call_site(void **state)
{
    enum { ROWS = 200, CALLS = 100 };
    static struct registry_row rows[ROWS];
    const struct snapshot snapshot = {.pools = rows, .n_pools = ROWS};
    struct json json = {0};
    char wanted[160], *text;
    const char *at;
    size_t n;

    for (size_t i = 0; i < ROWS; i++) {
        rows[i].identity = (struct identity){i + 1, 1000 + i, 0x101 + i % CALLS};
    }
    document_write(&json, &snapshot);
    text = json_take(&json, &n);
    assert_non_null(text);
    at = text;
    for (size_t i = 0; i < ROWS; i++) {
        snprintf(wanted, sizeof(wanted),
                 "\"id\":%zu,\"registered_time\":%zu,\"registered_by\":{\"address\":\"0x%zx\","
                 "\"module\":\"\",\"offset\":\"0x%zx\"}}",
                 i + 1, 1000 + i, 0x100 + i % CALLS, 0x100 + i % CALLS);
        at = strstr(at, wanted);
        assert_non_null(at);
    }
    free(text);
}

static void
the_start_is_found_behind_any_name(void **state)
{
    assert_int_equal(process_stat_ticks("1 (a) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 "
                                        "2222 23"),
                     2222);
    assert_int_equal(process_stat_ticks("1 (a ) R 1 (b) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 "
                                        "19 20 21 2222 23\n"),
                     2222);
    assert_int_equal(process_stat_ticks(""), 0);
    assert_int_equal(process_stat_ticks("1 (a) S 4"), 0);
}

static void
a_zombie_is_not_alive_whatever_its_name(void **state)
{
    assert_true(process_stat_is_alive("1 (a) S 4 5"));
    assert_true(process_stat_is_alive("1 (a) Z) R 4 5"));
    assert_false(process_stat_is_alive("1 (a) Z 4 5"));
    assert_false(process_stat_is_alive("1 (a) R) X 4 5"));
    assert_false(process_stat_is_alive("1 (a) "));
    assert_false(process_stat_is_alive(""));
}

static void
a_process_began_once_and_a_child_later(void **state)
{
    uint64_t start_us = process_start_us();
    pid_t child;
    int status;

    assert_true(start_us <= clock_exact_us());
    assert_true(start_us + 600u * 1000000u > clock_exact_us());
    /* More than a clock tick of the field. */
    usleep(50000);
    assert_true(process_start_us() == start_us);
    child = fork();
    if (child == 0) {
        _exit(process_start_us() > start_us ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_registry_is_an_empty_snapshot),
        cmocka_unit_test(all_pools_come_in_order_of_registration),
        cmocka_unit_test(a_row_has_the_pools_counters),
        cmocka_unit_test(a_document_holds_every_field_of_a_row),
        cmocka_unit_test(each_row_tells_of_its_own_call_site),
        cmocka_unit_test(the_start_is_found_behind_any_name),
        cmocka_unit_test(a_zombie_is_not_alive_whatever_its_name),
        cmocka_unit_test(a_process_began_once_and_a_child_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
