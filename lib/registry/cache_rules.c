/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/cache_rules.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cache_rule {
    uint32_t depth;
    const char *glob;
};

/* Read once; the copy that the globs point into lives as long as the process. */
static struct cache_rule *cache_rules;
static size_t cache_rules_n;
static bool cache_rules_are_read;

/* Fills in a rule from its text, which it cuts in two; false if it is none. */
static bool
cache_rules_parse(struct cache_rule *rule, char *text)
{
    char *glob = strchr(text, ':');
    char *end;
    unsigned long depth;

    if (glob != NULL) {
        *glob++ = '\0';
    }
    depth = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || depth < 1 || depth > CACHE_DEPTH_MAX) {
        return false;
    }
    *rule = (struct cache_rule){(uint32_t)depth, glob != NULL ? glob : "*"};
    return true;
}

static void
cache_rules_complain(const char *text)
{
    fprintf(stderr,
            "osmempool: OSMEMPOOL_CACHE: '%s' is not DEPTH[:POOL-GLOB] with a depth of 1 to %d; "
            "ignored\n",
            text, CACHE_DEPTH_MAX);
}

/* One more rule than there are separators, at most. */
static size_t
cache_rules_count(const char *text)
{
    size_t n = 1;

    while ((text = strchr(text, ';')) != NULL) {
        text++;
        n++;
    }
    return n;
}

static void
cache_rules_read(void)
{
    const char *value = secure_getenv("OSMEMPOOL_CACHE");
    char *text = value != NULL ? strdup(value) : NULL;
    char *rule;

    cache_rules_are_read = true;
    cache_rules = text != NULL ? calloc(cache_rules_count(text), sizeof(*cache_rules)) : NULL;
    while (cache_rules != NULL && (rule = strsep(&text, ";")) != NULL) {
        if (rule[0] == '\0') {
            continue;
        }
        if (cache_rules_parse(&cache_rules[cache_rules_n], rule)) {
            cache_rules_n++;
        } else {
            cache_rules_complain(rule);
        }
    }
}

uint32_t
cache_rules_depth(const char *name)
{
    if (!cache_rules_are_read) {
        cache_rules_read();
    }
    for (size_t i = cache_rules_n; i > 0; i--) {
        if (fnmatch(cache_rules[i - 1].glob, name, 0) == 0) {
            return cache_rules[i - 1].depth;
        }
    }
    return 0;
}
