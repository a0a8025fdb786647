/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.h: environment variables that say something of some pools: WHAT[:POOL-GLOB][;...].
 *
 * The last rule that matches a pool's name wins; without a glob a rule is for all pools. Programs
 * with more rights than their user have no such variables.
 *
 * Synchronization: none; both users hold the registry's mutex.
 */
#ifndef OSMP_BASE_RULES_H
#define OSMP_BASE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rule {
    const char *glob;
    uint32_t value;
    uint32_t number;
};

/* Fills in value and number from WHAT, which it may cut up; says on stderr what is wrong with it.
 * False if nothing is left of the rule. */
typedef bool rules_parse_fn(struct rule *rule, char *what);

struct rules {
    char *text; /* what the globs point into; both live as long as the process */
    struct rule *list;
    size_t n;
    bool are_read;
};

/* The rule for a pool of this name; NULL if there is none. The variable is read the first time. */
const struct rule *
rules_find(struct rules *rules, const char *variable, rules_parse_fn *parse, const char *name);

#endif
