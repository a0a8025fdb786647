/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
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

static void
echo(struct json *json, const char *argument)
{
    json_open(json, '{');
    json_key_string(json, "echo", argument);
    json_close(json, '}');
}

/* The table is the process's: this test comes last. */
static void
commands_can_be_added_until_the_table_is_full(void **state)
{
    static const struct command added = {"echo", "WORD", "says it again", echo};
    int error = 0;
    int n = 0;

    assert_int_equal(command_add(&added), 0);
    expect_answer_to("echo gr\xc3\xbc\xc3\x9f *", "{\"echo\":\"gr\xc3\xbc\xc3\x9f *\"}");
    expect_answer_to("echo", "{\"error\":\"this command needs an argument");
    while (error == 0 && n < 100) {
        error = command_add(&added);
        n++;
    }
    assert_int_equal(error, -ENOSPC);
    expect_answer_to("help", "{\"commands\":[");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_answer),
        cmocka_unit_test(what_is_no_command_gets_an_error),
        cmocka_unit_test(commands_can_be_added_until_the_table_is_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
