/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "snapshot/json.h"

static void
expect_taken(struct json *json, const char *expected)
{
    size_t n = 0;
    char *text = json_take(json, &n);

    assert_non_null(text);
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(text, expected, n);
    free(text);
}

static void
expect_escaped(const char *text, const char *expected)
{
    struct json json = {0};

    json_string(&json, text);
    expect_taken(&json, expected);
}

static void
commas_stand_between_values_only(void **state)
{
    struct json json = {0};

    json_open(&json, '{');
    json_key_u64(&json, "a", 1);
    json_key(&json, "b");
    json_open(&json, '[');
    json_bool(&json, true);
    json_bool(&json, false);
    json_open(&json, '{');
    json_close(&json, '}');
    json_close(&json, ']');
    json_key_string(&json, "c", "");
    json_close(&json, '}');
    expect_taken(&json, "{\"a\":1,\"b\":[true,false,{}],\"c\":\"\"}\n");
}

/* Also where room for it moves what is repeated. */
static void
what_stands_there_is_repeated(void **state)
{
    struct json json = {0};
    char *text;
    size_t n;

    json_open(&json, '[');
    json_string(&json, "a,b");
    for (int i = 0; i < 1000; i++) {
        json_repeat(&json, 1, 5);
    }
    json_close(&json, ']');
    text = json_take(&json, &n);
    assert_non_null(text);
    assert_int_equal(n, 1001 * 6 + 2);
    for (size_t i = 0; i < 1001; i++) {
        assert_memory_equal(&text[1 + 6 * i], i < 1000 ? "\"a,b\"," : "\"a,b\"]", 6);
    }
    free(text);
}

static void
integers_are_exact(void **state)
{
    struct json json = {0};

    json_open(&json, '[');
    json_u64(&json, 0);
    json_u64(&json, 9);
    json_u64(&json, 10);
    json_u64(&json, 99);
    json_u64(&json, 100);
    json_u64(&json, 9007199254740993);
    json_u64(&json, UINT64_MAX);
    json_i64(&json, -1);
    json_i64(&json, INT64_MAX);
    json_i64(&json, INT64_MIN);
    json_close(&json, ']');
    expect_taken(&json, "[0,9,10,99,100,9007199254740993,18446744073709551615,-1,"
                        "9223372036854775807,-9223372036854775808]\n");
}

static void
quotes_and_control_characters_are_escaped(void **state)
{
    expect_escaped("a\"b\\c", "\"a\\\"b\\\\c\"\n");
    expect_escaped("\n\x1b[0m\x7f\x01", "\"\\u000a\\u001b[0m\\u007f\\u0001\"\n");
}

/* The first and the last of each kind, and its neighbours. */
static void
what_a_reader_would_not_see_is_escaped(void **state)
{
    expect_escaped("\xc2\x80\xc2\x9f\xc2\xa0\xc2\xa1", "\"\\u0080\\u009f\\u00a0\xc2\xa1\"\n");
    expect_escaped("\xc2\xac\xc2\xad\xc2\xae", "\"\xc2\xac\\u00ad\xc2\xae\"\n");
    expect_escaped("\xcd\x8f\xd8\x9c", "\"\\u034f\\u061c\"\n");
    /* Blanks, and what joins or does not join. */
    expect_escaped("\xe1\x9a\x80\xe2\x80\x80\xe2\x80\x8f\xe2\x80\x90",
                   "\"\\u1680\\u2000\\u200f\xe2\x80\x90\"\n");
    /* Ends of lines and marks of direction. */
    expect_escaped("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xae\xe2\x80\xaf\xe2\x80\xb0",
                   "\"\xe2\x80\xa7\\u2028\\u202e\\u202f\xe2\x80\xb0\"\n");
    expect_escaped("\xe2\x81\xa6\xe2\x81\xaf\xe2\x81\xb0", "\"\\u2066\\u206f\xe2\x81\xb0\"\n");
    expect_escaped("\xe2\xa0\x80\xe3\x80\x80\xe3\x85\xa4\xef\xb8\x8f\xef\xbb\xbf\xef\xbe\xa0",
                   "\"\\u2800\\u3000\\u3164\\ufe0f\\ufeff\\uffa0\"\n");
    expect_escaped("\xef\xbf\xb9\xef\xbf\xbb\xef\xbf\xbd", "\"\\ufff9\\ufffb\xef\xbf\xbd\"\n");
    /* Two units of UTF-16. */
    expect_escaped("\xf0\x9d\x85\xb3\xf0\x9d\x85\xbb", "\"\\ud834\\udd73\xf0\x9d\x85\xbb\"\n");
    expect_escaped("\xf3\xa0\x80\x81\xf3\xa0\xbf\xbf\xf3\xa1\x80\x80",
                   "\"\\udb40\\udc01\\udb43\\udfff\xf3\xa1\x80\x80\"\n");
}

static void
utf8_goes_through_as_it_is(void **state)
{
    expect_escaped("gr\xc3\xbc\xc3\x9f\x65", "\"gr\xc3\xbc\xc3\x9f\x65\"\n");
    expect_escaped("\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf",
                   "\"\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf\"\n");
    expect_escaped("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"\n");
}

/* One replacement for as many bytes as begin a character that does not go on. */
static void
bytes_that_are_not_utf8_are_replaced(void **state)
{
    static const struct {
        const char *bytes;
        size_t replaced;
    } cases[] = {
        {"\x80", 1},             /* a continuation alone */
        {"\xff\xfe", 2},         /* never used */
        {"\xc0\xaf", 2},         /* overlong */
        {"\xe0\x80\x80", 3},     /* overlong */
        {"\xed\xa0\x80", 3},     /* a surrogate */
        {"\xf4\x90\x80\x80", 4}, /* above U+10FFFF */
        {"\xf0\x9f\x98", 1},     /* cut by the length of a name */
        {"\xe2\x82", 1},         /* likewise */
        {"\xc3", 1},             /* likewise */
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[64] = "\"";
        size_t n;

        for (n = 0; n < cases[i].replaced; n++) {
            strcat(expected, "\xef\xbf\xbd");
        }
        strcat(expected, "\"\n");
        expect_escaped(cases[i].bytes, expected);
    }
    expect_escaped("a\xe2\x82z", "\"a\xef\xbf\xbdz\"\n");
}

static void
a_long_document_keeps_all_its_bytes(void **state)
{
    enum { COPIES = 10000 };
    struct json json = {0};
    size_t n = 0;
    char *text;
    int i;

    for (i = 0; i < COPIES; i++) {
        json_raw(&json, "0123456789", 10);
    }
    text = json_take(&json, &n);
    assert_non_null(text);
    assert_int_equal(n, COPIES * 10 + 1);
    for (i = 0; i < COPIES; i++) {
        assert_memory_equal(text + i * 10, "0123456789", 10);
    }
    free(text);
}

static void
a_failure_sticks_until_the_document_is_taken(void **state)
{
    struct json json = {0};
    size_t n = 7;

    json_string(&json, "before");
    json.room = json.used;
    json.failed = true;
    json_open(&json, '{');
    json_key_u64(&json, "after", 1);
    json_close(&json, '}');
    assert_null(json_take(&json, &n));
    assert_int_equal(n, 7);
    json_u64(&json, 5);
    expect_taken(&json, "5\n");
}

static void
room_for_more_than_there_can_be_is_refused(void **state)
{
    struct json json = {0};
    size_t n;

    json_string(&json, "before");
    assert_false(json_grow(&json, SIZE_MAX));
    json_string(&json, "after");
    assert_null(json_take(&json, &n));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_between_values_only),
        cmocka_unit_test(what_stands_there_is_repeated),
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(quotes_and_control_characters_are_escaped),
        cmocka_unit_test(what_a_reader_would_not_see_is_escaped),
        cmocka_unit_test(utf8_goes_through_as_it_is),
        cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
        cmocka_unit_test(a_long_document_keeps_all_its_bytes),
        cmocka_unit_test(a_failure_sticks_until_the_document_is_taken),
        cmocka_unit_test(room_for_more_than_there_can_be_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
