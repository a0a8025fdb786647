/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rules.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* One more rule than there are separators, at most. */
static size_t
rules_count(const char *text)
{
    size_t n = 1;

    while ((text = strchr(text, ';')) != NULL) {
        text++;
        n++;
    }
    return n;
}

/* Cuts a rule in two at its colon. */
static const char *
rules_split(char *text)
{
    char *glob = strchr(text, ':');

    if (glob == NULL) {
        return "*";
    }
    *glob++ = '\0';
    return glob;
}

static char *
rules_copy(const char *value)
{
    size_t n = strlen(value) + 1;
    char *text = arena_alloc(n);

    return text != NULL ? memcpy(text, value, n) : NULL;
}

static void
rules_read(struct rules *rules, const char *variable, rules_parse_fn *parse)
{
    const char *value = secure_getenv(variable);
    char *text = value != NULL ? rules_copy(value) : NULL;
    char *what;

    rules->are_read = true;
    rules->text = text;
    rules->list = text != NULL ? arena_alloc_array(rules_count(text), sizeof(*rules->list)) : NULL;
    while (rules->list != NULL && (what = strsep(&text, ";")) != NULL) {
        struct rule *rule = &rules->list[rules->n];

        if (what[0] != '\0') {
            rule->glob = rules_split(what);
            rules->n += parse(rule, what);
        }
    }
}

const struct rule *
rules_find(struct rules *rules, const char *variable, rules_parse_fn *parse, const char *name)
{
    if (!rules->are_read) {
        rules_read(rules, variable, parse);
    }
    for (size_t i = rules->n; i > 0; i--) {
        if (fnmatch(rules->list[i - 1].glob, name, 0) == 0) {
            return &rules->list[i - 1];
        }
    }
    return NULL;
}
