/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/text.h"
#include "common/outside.h"

static void
words_are_added_as_by_printf(void **state)
{
    struct text text = {0};

    text_add(&text, "%s %u", "pool", 7u);
    text_add(&text, "!");
    assert_string_equal(text.bytes, "pool 7!");
    assert_int_equal(text.used, 7);
}

static void
what_has_no_room_is_cut_off(void **state)
{
    struct text text = {0};
    char tail[100];

    memset(tail, 'x', sizeof(tail) - 1);
    tail[sizeof(tail) - 1] = '\0';
    for (size_t i = 0; i < sizeof(text.bytes); i++) {
        text_add(&text, "%s", tail);
        assert_true(text.used < sizeof(text.bytes));
    }
    assert_int_equal(text.used, sizeof(text.bytes) - 1);
    assert_int_equal(strlen(text.bytes), text.used);
    text_add_escaped(&text, "more");
    text_add_bytes(&text, (const unsigned char *)"more", 4);
    assert_int_equal(text.used, sizeof(text.bytes) - 1);
}

static void
names_cannot_write_on_a_terminal(void **state)
{
    struct text text = {0};

    text_add_escaped(&text, "a b~\x1b[2J\n\x7f\xc3\xa9");
    assert_string_equal(text.bytes, "a b~\\x1b[2J\\x0a\\x7f\\xc3\\xa9");
}

/* What follows has room: the line has its end. */
static void
of_a_long_name_the_beginning_is_shown(void **state)
{
    static const char end[] = "...'\n";
    char name[sizeof(((struct text *)NULL)->bytes) * 2];
    struct text text = {0};

    memset(name, '\x1b', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    for (int i = 0; i < 2; i++) {
        text_add_escaped(&text, name);
        text_add(&text, "'\n");
        assert_memory_equal(text.bytes, "\\x1b\\x1b", 8);
        assert_string_equal(text.bytes + text.used - (sizeof(end) - 1), end);
    }
}

static void
bytes_are_shown_in_hex_with_blanks_between(void **state)
{
    static const unsigned char bytes[] = {0, 0xa5, 0xff};
    struct text text = {0};

    text_add_bytes(&text, bytes, 0);
    assert_int_equal(text.used, 0);
    text_add_bytes(&text, bytes, sizeof(bytes));
    assert_string_equal(text.bytes, "00 a5 ff");
}

static void
it_goes_to_standard_error(void **state)
{
    struct text text = {0};
    struct said said;

    text_add(&text, "one\n");
    text_add(&text, "two\n");
    said_begin(&said);
    text_write(&text);
    assert_string_equal(said_end(&said), "one\ntwo\n");
}

/* A closed standard error is no reason to wait for it. */
static void
it_is_lost_where_nobody_can_read_it(void **state)
{
    struct text text = {0};
    int before = dup(STDERR_FILENO);

    text_add(&text, "nobody hears it\n");
    close(STDERR_FILENO);
    text_write(&text);
    assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
    close(before);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_added_as_by_printf),
        cmocka_unit_test(what_has_no_room_is_cut_off),
        cmocka_unit_test(names_cannot_write_on_a_terminal),
        cmocka_unit_test(of_a_long_name_the_beginning_is_shown),
        cmocka_unit_test(bytes_are_shown_in_hex_with_blanks_between),
        cmocka_unit_test(it_goes_to_standard_error),
        cmocka_unit_test(it_is_lost_where_nobody_can_read_it),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
