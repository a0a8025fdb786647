/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/cache_rules.h"

#include <stdlib.h>

#include "base/rules.h"
#include "base/text.h"

static struct rules cache_rules;

static void
cache_rules_complain(const char *what)
{
    struct text text = {0};

    text_add(&text, "osmempool: OSMEMPOOL_CACHE: '");
    text_add_escaped(&text, what);
    text_add(&text, "' is not DEPTH[:POOL-GLOB] with a depth of 0 to %d; ignored\n",
             CACHE_DEPTH_MAX);
    text_write(&text);
}

static bool
cache_rules_parse(struct rule *rule, char *what)
{
    char *end;
    unsigned long depth = strtoul(what, &end, 10);

    if (what[0] < '0' || what[0] > '9' || *end != '\0' || depth > CACHE_DEPTH_MAX) {
        cache_rules_complain(what);
        return false;
    }
    rule->value = (uint32_t)depth;
    return true;
}

uint32_t
cache_rules_depth(const char *name)
{
    const struct rule *rule = rules_find(&cache_rules, "OSMEMPOOL_CACHE", cache_rules_parse, name);

    return rule != NULL ? rule->value : 0;
}
