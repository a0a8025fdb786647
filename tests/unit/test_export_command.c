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
    struct task *task;
    char *answer;

    memcpy(line, bytes, n);
    answer = command_answer(line, n, &answer_bytes, &task);
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

/* A task and its answer, as the exporter's thread does them. */
static void
expect_task(const char *request, const char *ending)
{
    char line[COMMAND_LINE_MAX + 3];
    size_t n = 0;
    struct task *task;
    char *answer;

    strcpy(line, request);
    assert_null(command_answer(line, strlen(line), &n, &task));
    assert_non_null(task);
    assert_true(task_step(task));
    answer = command_finish(task, &n);
    assert_non_null(answer);
    assert_true(strncmp(answer, "{\"schema\":\"osmempool/1\"", 23) == 0);
    assert_true(n > strlen(ending) && strlen(ending) > 0);
    assert_memory_equal(answer + n - strlen(ending), ending, strlen(ending));
    free(answer);
}

static void
a_verb_takes_a_pattern(void **state)
{
    expect_task("check *", ",\"checks\":[]}\n");
    expect_task("check  gr\xc3\xbc\xc3\x9f [a-z", ",\"checks\":[]}\n");
    expect_answer_to("check", "{\"error\":\"this command needs an argument");
    expect_answer_to("check ", "{\"error\":\"this command needs an argument");
    expect_answer_to("checks *", "{\"error\":\"unknown");
}

static void
changes_need_permission(void **state)
{
    static const char *const values[] = {NULL, "", "0", "yes", "11"};
    size_t i;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (values[i] != NULL) {
            setenv("OSMEMPOOL_EXPORT_WRITE", values[i], 1);
        }
        command_read_environment();
        expect_answer_to("reset-min *", "{\"error\":\"not allowed; start the program with "
                                        "OSMEMPOOL_EXPORT_WRITE=1\"}");
        expect_answer_to("reset-min", "{\"error\":\"this command needs an argument");
    }
    setenv("OSMEMPOOL_EXPORT_WRITE", "1", 1);
    command_read_environment();
    expect_task("reset-min *", ",\"reset\":[]}\n");
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
        cmocka_unit_test(a_verb_takes_a_pattern),
        cmocka_unit_test(changes_need_permission),
        cmocka_unit_test(what_is_no_command_gets_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
