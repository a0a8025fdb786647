/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "check/report.h"
#include "check/track.h"
#include "common/outside.h"

static int place;

static struct osmempool_fault
fault_of(enum osmempool_fault_kind kind)
{
    return (struct osmempool_fault){
        .kind = kind,
        .pool_name = "net\x1brx",
        .block = &place,
        .index = 3,
        .caller = &place,
        .thread = 4711,
        .n_bytes = 2,
        .found = {0x2a, 0xa5},
        .expected = {0xa5, 0xa5},
    };
}

static void
expect(struct said *said, const struct osmempool_fault *fault, const char *text)
{
    said_begin(said);
    report_fault(fault, NULL, 1);
    said_end(said);
    if (strstr(said->text, text) == NULL) {
        fail_msg("not in the report: %s\n%s", text, said->text);
    }
}

/* "osmempool: " at the beginning of each line, as they stand among those of others. */
static void
expect_marked_lines(const char *text)
{
    assert_true(text[0] != '\0' && text[strlen(text) - 1] == '\n');
    while (*text != '\0') {
        assert_int_equal(strncmp(text, "osmempool: ", 11), 0);
        text = strchr(text, '\n') + 1;
    }
}

static void
each_kind_has_a_title_and_tells_the_call(void **state)
{
    struct held held = {.n_blocks = 8, .n_out = 2};
    struct said said;

    for (int kind = OSMEMPOOL_FAULT_NULL; kind <= OSMEMPOOL_FAULT_OVERWRITTEN; kind++) {
        struct osmempool_fault fault = fault_of((enum osmempool_fault_kind)kind);

        said_begin(&said);
        report_fault(&fault, &held, 1);
        said_end(&said);
        expect_marked_lines(said.text);
        assert_null(strstr(said.text, "null"));
        assert_non_null(strstr(said.text, ": pool 'net\\x1brx': "));
        assert_non_null(strstr(said.text, "  this call at "));
        assert_non_null(strstr(said.text, ", thread 4711 of "));
    }
}

static void
changed_bytes_are_shown_beside_what_they_should_be(void **state)
{
    struct osmempool_fault fault = fault_of(OSMEMPOOL_FAULT_WRITE_AFTER_PUT);
    struct said said;

    fault.offset = 40;
    expect(&said, &fault, "from byte 40: found 2a a5\nosmempool:   it should be a5 a5\n");
    fault.offset = 0;
    expect(&said, &fault, "from byte 0, the link to the next free block: found 2a a5\n");
    fault.offset = sizeof(void *);
    expect(&said, &fault, ", the mark of a free block: found 2a a5\n");
    fault.kind = OSMEMPOOL_FAULT_OVERRUN;
    fault.offset = 37;
    expect(&said, &fault,
           "was written beyond its end while it was out\n"
           "osmempool:   from byte 37: found 2a a5\n");
    fault.kind = OSMEMPOOL_FAULT_UNDERRUN;
    fault.offset = 2;
    expect(&said, &fault,
           "was written before its beginning while it was out\n"
           "osmempool:   from 2 bytes before it: found 2a a5\n");
}

static void
what_track_knows_is_told_or_how_to_know_it(void **state)
{
    struct osmempool_fault fault = fault_of(OSMEMPOOL_FAULT_DOUBLE_PUT);
    struct said said;

    expect(&said, &fault, "run with OSMEMPOOL_DEBUG=track to see who got and put it\n");
    fault.tracked = 1;
    fault.last_get = (struct osmempool_trace){.caller = &place, .age_us = 2000123, .thread = 5};
    expect(&said, &fault, "osmempool:   last got at ");
    assert_non_null(strstr(said.text, ", thread 5, 2.000123 s ago\n"));
    assert_null(strstr(said.text, "last put"));
    assert_null(strstr(said.text, "run with"));
}

static void
the_true_pool_of_a_foreign_block_is_named(void **state)
{
    struct osmempool_fault fault = fault_of(OSMEMPOOL_FAULT_FOREIGN);
    struct said said;

    fault.index = UINT32_MAX;
    expect(&said, &fault, "is none of its blocks, and of no other registered pool's\n");
    fault.true_pool = (struct os_mempool *)&place;
    strcpy(fault.true_pool_name, "tcp");
    fault.true_index = 6;
    expect(&said, &fault, "; it is block 6 of pool 'tcp'\n");
    fault.true_offset = 1;
    expect(&said, &fault, "; it is inside block 6 of pool 'tcp'\n");
    fault.kind = OSMEMPOOL_FAULT_SHARED_BUFFER;
    fault.n_blocks = 2;
    expect(&said, &fault, " is also that of pool 'tcp', 2 blocks of which are out\n");
}

static void
too_many_blocks_in_one_call_are_told_by_their_number(void **state)
{
    struct osmempool_fault fault = fault_of(OSMEMPOOL_FAULT_TOO_MANY);
    struct said said;

    expect(&said, &fault, "more puts than blocks: pool 'net\\x1brx': block 3 (");
    fault.block = NULL;
    fault.index = UINT32_MAX;
    fault.n_blocks = 4000000000;
    expect(&said, &fault, "': 4000000000 blocks in one bulk put, more than it has\n");
}

static void
that_it_was_seen_before_is_told_when_others_are_not_printed(void **state)
{
    struct osmempool_fault fault = fault_of(OSMEMPOOL_FAULT_DOUBLE_PUT);
    static const struct {
        size_t seen;
        const char *text;
    } cases[] = {
        {0, NULL},
        {1, NULL},
        {9, NULL},
        {10, "osmempool:   seen 10 times; from now on told at 16, 32, 64 and so on\n"},
        {16, "osmempool:   seen 16 times\n"},
        {1048576, "osmempool:   seen 1048576 times\n"},
    };
    struct said said;

    for (unsigned i = 0; i < LENGTH(cases); i++) {
        said_begin(&said);
        report_fault(&fault, NULL, cases[i].seen);
        said_end(&said);
        if (cases[i].text == NULL) {
            assert_null(strstr(said.text, "seen"));
        } else {
            assert_non_null(strstr(said.text, cases[i].text));
        }
    }
}

static void
holders_are_told_by_place(void **state)
{
    struct held held = {
        .n_blocks = 16,
        .n_out = 9,
        .n_sites = 1,
        .n_others = 4,
        .tracked = true,
    };
    struct osmempool_fault fault = fault_of(OSMEMPOOL_FAULT_BLOCKS_OUT);
    struct said said;

    held.sites[0] = (struct held_site){(uintptr_t)&place, clock_steady_us() - 5000000, 5, 77};
    fault.caller = NULL;
    said_begin(&said);
    report_fault(&fault, &held, 1);
    said_end(&said);
    expect_marked_lines(said.text);
    assert_non_null(strstr(said.text, "osmempool: blocks out at exit: pool 'net\\x1brx': 9 of 16 "
                                      "blocks are out\nosmempool:   5 got by "));
    assert_non_null(strstr(said.text, "osmempool:   found at exit, thread 4711 of "));
    assert_null(strstr(said.text, "this call"));
    assert_non_null(strstr(said.text, ", the oldest 5.0"));
    assert_non_null(strstr(said.text, " s ago in thread 77\n"));
    assert_non_null(strstr(said.text, "osmempool:   4 got elsewhere\n"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_a_title_and_tells_the_call),
        cmocka_unit_test(changed_bytes_are_shown_beside_what_they_should_be),
        cmocka_unit_test(what_track_knows_is_told_or_how_to_know_it),
        cmocka_unit_test(the_true_pool_of_a_foreign_block_is_named),
        cmocka_unit_test(too_many_blocks_in_one_call_are_told_by_their_number),
        cmocka_unit_test(that_it_was_seen_before_is_told_when_others_are_not_printed),
        cmocka_unit_test(holders_are_told_by_place),
    };

    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
