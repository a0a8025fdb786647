/* SPDX-License-Identifier: Apache-2.0 */
#include "holding.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "fields.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct string_rule holding_strings[] = {
    {"name", offsetof(struct holding, name), true},
};

static const struct integer_rule holding_integers[] = {
    {"block_size", offsetof(struct holding, block_size), 0, UINT32_MAX, false},
    {"num_blocks", offsetof(struct holding, num_blocks), 0, UINT32_MAX, false},
    {"out", offsetof(struct holding, out), 0, UINT32_MAX, true},
};

static const struct string_rule site_strings[] = {
    {"module", offsetof(struct site, module), false},
    {"function", offsetof(struct site, function), false},
};

static const struct integer_rule site_integers[] = {
    {"count", offsetof(struct site, count), 0, UINT32_MAX, true},
    {"oldest_us", offsetof(struct site, oldest_us), 0, FIELDS_MAX_TIME, false},
    {"median_us", offsetof(struct site, median_us), 0, FIELDS_MAX_TIME, false},
};

static const struct integer_rule thread_integers[] = {
    {"tid", offsetof(struct site_thread, tid), 0, INT32_MAX, true},
    {"count", offsetof(struct site_thread, count), 0, UINT32_MAX, false},
};

static char *
thread_read(const json_t *json, void *entry)
{
    struct site_thread *thread = entry;
    char *reason = fields_read_integers(json, thread_integers, COUNT_OF(thread_integers), thread);

    thread->alive = true;
    return reason != NULL ? reason : fields_read_flag(json, "alive", &thread->alive);
}

static const struct entry_rule site_threads = {
    "threads",
    "thread",
    sizeof(struct site_thread),
    thread_read,
    offsetof(struct site, threads),
    offsetof(struct site, n_threads),
    false,
};

static char *
site_read(const json_t *json, void *entry)
{
    struct site *site = entry;
    char *reason = fields_read_strings(json, site_strings, COUNT_OF(site_strings), site);

    if (reason == NULL) {
        reason = fields_read_integers(json, site_integers, COUNT_OF(site_integers), site);
    }
    if (reason == NULL) {
        reason = fields_read_address(json, "address", &site->address, &site->has_address);
    }
    if (reason == NULL) {
        reason = fields_read_address(json, "offset", &site->offset, &site->has_offset);
    }
    return reason != NULL ? reason : fields_read_entries(json, &site_threads, site);
}

static const struct entry_rule holding_sites = {
    "sites",
    "site",
    sizeof(struct site),
    site_read,
    offsetof(struct holding, sites),
    offsetof(struct holding, n_sites),
    true,
};

char *
holding_read(const json_t *json, void *entry)
{
    struct holding *holding = entry;
    char *reason = fields_read_strings(json, holding_strings, COUNT_OF(holding_strings), holding);

    if (reason == NULL) {
        reason = fields_read_integers(json, holding_integers, COUNT_OF(holding_integers), holding);
    }
    if (reason == NULL) {
        reason = fields_read_flag(json, "tracked", &holding->tracked);
    }
    return reason != NULL ? reason : fields_read_entries(json, &holding_sites, holding);
}

void
holding_free(struct holding *holding)
{
    for (size_t i = 0; i < holding->n_sites; i++) {
        free(holding->sites[i].threads);
        free(holding->sites[i].line);
        free(holding->sites[i].symbol);
    }
    free(holding->sites);
}
