/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "check/words.h"
#include "common/outside.h"

static const char variable[] = "check,,track:both;fence:fenced;poison,fail=3:every;"
                               "chek,check\x1b:wrong;fail=0,fail=4294967296,fail=1x,fail:never;"
                               "fail=4294967295:last;check:again;poison:again";

static void
expect(const char *name, uint32_t words, uint32_t every)
{
    uint32_t fail_every = 99;

    assert_int_equal(words_of(name, &fail_every), words);
    assert_int_equal(fail_every, every);
}

/* The first test: the variable is read by the first question. */
static void
words_that_are_none_are_named(void **state)
{
    static const char *const bad[] = {"chek", "fail=0", "fail=4294967296", "fail=1x", "fail"};
    struct said said;
    const char *text;

    said_begin(&said);
    expect("wrong", 0, 0);
    text = said_end(&said);
    for (size_t i = 0; i < LENGTH(bad); i++) {
        char wanted[128];

        snprintf(wanted, sizeof(wanted), "osmempool: OSMEMPOOL_DEBUG: '%s' is none of ", bad[i]);
        assert_non_null(strstr(text, wanted));
    }
    expect("never", 0, 0);
}

static void
words_hold_for_the_pools_that_are_named(void **state)
{
    expect("both", WORD_CHECK | WORD_TRACK, 0);
    expect("fenced", WORD_FENCE, 0);
    expect("every", WORD_POISON | WORD_FAIL, 3);
    expect("last", WORD_FAIL, UINT32_MAX);
    expect("others", 0, 0);
}

static void
the_last_rule_holds_with_its_words_alone(void **state)
{
    expect("again", WORD_POISON, 0);
}

static void
they_are_shown_as_they_are_written(void **state)
{
    char text[WORDS_TEXT_MAX];

    words_text(text, 0, 0);
    assert_string_equal(text, "");
    words_text(text, WORD_FAIL, 3);
    assert_string_equal(text, "fail=3");
    words_text(text, WORD_TRACK | WORD_CHECK, 0);
    assert_string_equal(text, "check,track");
    words_text(text, WORD_CHECK | WORD_POISON | WORD_TRACK | WORD_FENCE | WORD_FAIL, UINT32_MAX);
    assert_string_equal(text, "check,poison,track,fence,fail=4294967295");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_that_are_none_are_named),
        cmocka_unit_test(words_hold_for_the_pools_that_are_named),
        cmocka_unit_test(the_last_rule_holds_with_its_words_alone),
        cmocka_unit_test(they_are_shown_as_they_are_written),
    };

    setenv("OSMEMPOOL_DEBUG", variable, 1);
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
