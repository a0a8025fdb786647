/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/origin.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/site.h"

static void
origin_write_address(struct json *json, const char *key, uintptr_t address)
{
    char text[sizeof("0x") + 2 * sizeof(address)];

    snprintf(text, sizeof(text), "0x%jx", (uintmax_t)address);
    json_key_string(json, key, text);
}

void
origin_write(struct json *json, uintptr_t caller)
{
    struct site site;

    site_find(&site, (const void *)caller);
    /* An address inside the call, not the one behind it, which may be of another line. */
    origin_write_address(json, "address", caller - 1);
    json_key_string(json, "module", site.module);
    origin_write_address(json, "offset", site.offset);
    if (site.function != NULL) {
        json_key_string(json, "function", site.function);
    }
}

static struct origin *
origin_known(struct origins *origins, uintptr_t caller)
{
    return &origins->known[hash_mix(caller) >> (64 - ORIGINS_KNOWN_LOG)];
}

/* What the document says of a place already is said again in the same words. */
static void
origin_write_object(struct json *json, struct origins *origins, uintptr_t caller)
{
    struct origin *origin = origin_known(origins, caller);
    size_t begin = json->used;

    if (origin->n > 0 && origin->caller == caller) {
        json_repeat(json, origin->begin, origin->n);
        return;
    }
    json_open(json, '{');
    origin_write(json, caller);
    json_close(json, '}');
    *origin = (struct origin){caller, begin, json->used - begin};
}

void
origin_write_identity(struct json *json, struct origins *origins, const struct identity *identity)
{
    json_key_u64(json, "id", identity->id);
    json_key_u64(json, "registered_time", identity->registered_us);
    json_key(json, "registered_by");
    origin_write_object(json, origins, identity->registered_by);
}
