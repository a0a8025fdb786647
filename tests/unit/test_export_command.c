/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "export/command.h"

/* The answer to a line begins like this. */
static void
expect_answer(const char *bytes, size_t n, const char *beginning)
{
    char line[COMMAND_LINE_MAX + 3];
    size_t answer_bytes = 0;
    char *answer;

    memcpy(line, bytes, n);
    answer = command_answer(line, n, &answer_bytes);
    assert_non_null(answer);
    assert_true(answer_bytes >= strlen(beginning));
    assert_memory_equal(answer, beginning, strlen(beginning));
    assert_memory_equal(answer + answer_bytes - 2, "}\n", 2);
    free(answer);
}

static void
expect_answer_to(const char *line, const char *beginning)
{
    expect_answer(line, strlen(line), beginning);
}

static void
commands_answer(void **state)
{
    expect_answer_to("snapshot", "{\"schema\":\"osmempool/1\"");
    expect_answer_to("help", "{\"commands\":[{\"name\":\"snapshot\",\"help\":\"");
}

static void
what_is_no_command_gets_an_error(void **state)
{
    static const char longest[COMMAND_LINE_MAX + 1];

    expect_answer_to("", "{\"error\":\"unknown");
    expect_answer_to("snap", "{\"error\":\"unknown");
    expect_answer_to("snapshotx", "{\"error\":\"unknown");
    expect_answer_to(" snapshot", "{\"error\":\"unknown");
    expect_answer_to("snapshot x", "{\"error\":\"this command takes no");
    expect_answer("snapshot\0", 9, "{\"error\":\"the line is no text");
    expect_answer_to("snap\tshot", "{\"error\":\"the line is no text");
    expect_answer(longest, sizeof(longest), "{\"error\":\"the line is longer");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_answer),
        cmocka_unit_test(what_is_no_command_gets_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
