/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "check/track.h"
#include "common/check.h"
#include "snapshot/holders.h"

enum { NOBODY = 99999999 }; /* above the number of any thread */

static int places[3];

static uintptr_t
place(unsigned i)
{
    return (uintptr_t)&places[i] + 1;
}

/* What is written of a pool; the caller frees it. */
static char *
written(struct trace_end *gets, uint32_t n, bool tracked)
{
    const struct visit_holders holders = {
        .block_size = 64, .num_blocks = 16, .n_out = n, .tracked = tracked, .gets = gets};
    struct json json = {0};
    size_t length;
    char *bytes, *text;

    json_open(&json, '{');
    holders_write(&json, &holders);
    json_close(&json, '}');
    bytes = json_take(&json, &length);
    assert_non_null(bytes);
    text = strndup(bytes, length);
    assert_non_null(text);
    free(bytes);
    return text;
}

static void
a_pool_that_is_not_tracked_has_no_sites(void **state)
{
    char *text = written(NULL, 3, false);

    assert_string_equal(text, "{\"block_size\":64,\"num_blocks\":16,\"out\":3,\"tracked\":false,"
                              "\"sites\":[]}\n");
    free(text);
}

static void
a_tracked_pool_with_all_blocks_in_has_no_sites(void **state)
{
    struct trace_end gets[1];
    char *text = written(gets, 0, true);

    assert_non_null(strstr(text, "\"out\":0,\"tracked\":true,\"sites\":[]"));
    free(text);
}

/* The place of a text behind another; where it is not, the test ends. */
static const char *
after(const char *text, const char *wanted)
{
    const char *at = strstr(text, wanted);

    if (at == NULL) {
        fail_msg("no %s in %s", wanted, text);
    }
    return at + strlen(wanted);
}

static void
sites_come_by_count_with_their_ages(void **state)
{
    uint64_t now_us = clock_steady_us();
    struct trace_end gets[] = {
        {place(0), now_us - 1000000, 1}, {place(1), now_us - 2000000, 1},
        {place(2), now_us - 9000000, 1}, {place(1), now_us - 4000000, 1},
        {place(1), now_us - 3000000, 1}, {place(2), now_us - 7000000, 1},
    };
    char address[64];
    char *text = written(gets, LENGTH(gets), true);
    const char *at = text;

    snprintf(address, sizeof(address), "{\"address\":\"0x%jx\"", (uintmax_t)(place(1) - 1));
    at = after(at, address);
    at = after(at, "\"count\":3,\"oldest_us\":");
    assert_int_equal(strtoull(at, NULL, 10) / 1000000, 4);
    at = after(at, "\"median_us\":");
    assert_int_equal(strtoull(at, NULL, 10) / 1000000, 3);
    at = after(at, "\"count\":2,\"oldest_us\":");
    assert_int_equal(strtoull(at, NULL, 10) / 1000000, 9);
    at = after(at, "\"count\":1,\"oldest_us\":");
    assert_int_equal(strtoull(at, NULL, 10) / 1000000, 1);
    free(text);
}

static void
threads_of_a_site_are_alive_or_gone(void **state)
{
    uint64_t now_us = clock_steady_us();
    uint32_t me = (uint32_t)gettid();
    struct trace_end gets[] = {
        {place(0), now_us, me}, {place(0), now_us, NOBODY}, {place(0), now_us, me}};
    char wanted[128];
    char *text = written(gets, LENGTH(gets), true);

    snprintf(wanted, sizeof(wanted),
             "\"threads\":[{\"tid\":%u,\"count\":2,\"alive\":true},"
             "{\"tid\":%u,\"count\":1,\"alive\":false}]",
             me, NOBODY);
    after(text, wanted);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_that_is_not_tracked_has_no_sites),
        cmocka_unit_test(a_tracked_pool_with_all_blocks_in_has_no_sites),
        cmocka_unit_test(sites_come_by_count_with_their_ages),
        cmocka_unit_test(threads_of_a_site_are_alive_or_gone),
    };

    return cmocka_run_group_tests_name("holders", tests, NULL, NULL);
}
