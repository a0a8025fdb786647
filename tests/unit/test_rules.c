/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/rules.h"
#include "common/check.h"

static const char variable[] = "OSMP_TEST_RULES";

/* A rule's WHAT is its value; "no" makes none. */
static bool
parse(struct rule *rule, char *what)
{
    rule->value = (uint32_t)strtoul(what, NULL, 10);
    return strcmp(what, "no") != 0;
}

static uint32_t
value_of(struct rules *rules, const char *name)
{
    const struct rule *rule = rules_find(rules, variable, parse, name);

    return rule != NULL ? rule->value : 0;
}

static void
expect(const char *text, const char *name, uint32_t value)
{
    struct rules rules = {0};

    setenv(variable, text, 1);
    assert_int_equal(value_of(&rules, name), value);
}

static void
without_the_variable_there_is_no_rule(void **state)
{
    struct rules rules = {0};

    unsetenv(variable);
    assert_null(rules_find(&rules, variable, parse, "any"));
}

static void
a_rule_without_a_glob_is_for_all_names(void **state)
{
    expect("7", "any", 7);
    expect("7", "", 7);
    expect("7:", "any", 0);
    expect("7:", "", 7);
}

static void
a_glob_chooses_names(void **state)
{
    expect("7:net_*", "net_rx", 7);
    expect("7:net_*", "ne", 0);
    expect("7:?[xy]*", "nx", 7);
    /* What stands behind the first colon is the glob. */
    expect("7:a:b", "a:b", 7);
}

static void
the_last_rule_that_matches_wins(void **state)
{
    expect("1;2:net_*;3:tcp_*", "net_rx", 2);
    expect("1;2:net_*;3:tcp_*", "tcp", 1);
    expect("2:net_*;1", "net_rx", 1);
}

static void
empty_and_refused_rules_are_left_out(void **state)
{
    expect("", "any", 0);
    expect(";;5;", "any", 5);
    expect("5;no", "any", 5);
    expect("no:any", "any", 0);
}

static void
the_variable_is_read_once(void **state)
{
    struct rules rules = {0};

    setenv(variable, "5:a*", 1);
    assert_int_equal(value_of(&rules, "a"), 5);
    setenv(variable, "6", 1);
    assert_int_equal(value_of(&rules, "a"), 5);
    assert_int_equal(value_of(&rules, "b"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_variable_there_is_no_rule),
        cmocka_unit_test(a_rule_without_a_glob_is_for_all_names),
        cmocka_unit_test(a_glob_chooses_names),
        cmocka_unit_test(the_last_rule_that_matches_wins),
        cmocka_unit_test(empty_and_refused_rules_are_left_out),
        cmocka_unit_test(the_variable_is_read_once),
    };

    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
