/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/cache_rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rules.h"

static struct rules cache_rules;

static bool
cache_rules_parse(struct rule *rule, char *what)
{
    char *end;
    unsigned long depth = strtoul(what, &end, 10);

    if (what[0] < '0' || what[0] > '9' || *end != '\0' || depth < 1 || depth > CACHE_DEPTH_MAX) {
        fprintf(stderr,
                "osmempool: OSMEMPOOL_CACHE: '%s' is not DEPTH[:POOL-GLOB] with a depth of 1 to "
                "%d; ignored\n",
                what, CACHE_DEPTH_MAX);
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
