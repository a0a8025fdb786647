/* SPDX-License-Identifier: Apache-2.0 */
#include "holding.h"

#include <stddef.h>
#include <stdlib.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct field thread_fields[] = {
    {.key = "tid",
     .type = FIELD_INTEGER,
     .required = true,
     .offset = offsetof(struct site_thread, tid),
     .max = INT32_MAX},
    {.key = "count",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct site_thread, count),
     .max = UINT32_MAX},
    {.key = "alive", .type = FIELD_FLAG, .offset = offsetof(struct site_thread, alive)},
};

/* One of which the document does not say that it has ended lives. */
static char *
thread_complete(void *object, uint64_t seen)
{
    struct site_thread *thread = object;

    thread->alive = thread->alive || (seen >> 2 & 1) == 0;
    return NULL;
}

static const struct record thread_record = {
    .noun = "thread",
    .n_bytes = sizeof(struct site_thread),
    .fields = thread_fields,
    .n_fields = COUNT_OF(thread_fields),
    .complete = thread_complete,
};

static const struct field site_fields[] = {
    {.key = "address",
     .type = FIELD_ADDRESS,
     .offset = offsetof(struct site, address),
     .known = offsetof(struct site, has_address)},
    {.key = "module", .type = FIELD_STRING, .offset = offsetof(struct site, module)},
    {.key = "offset",
     .type = FIELD_ADDRESS,
     .offset = offsetof(struct site, offset),
     .known = offsetof(struct site, has_offset)},
    {.key = "function", .type = FIELD_STRING, .offset = offsetof(struct site, function)},
    {.key = "count",
     .type = FIELD_INTEGER,
     .required = true,
     .offset = offsetof(struct site, count),
     .max = UINT32_MAX},
    {.key = "oldest_us",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct site, oldest_us),
     .max = FIELDS_MAX_TIME},
    {.key = "median_us",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct site, median_us),
     .max = FIELDS_MAX_TIME},
    {.key = "threads",
     .type = FIELD_ENTRIES,
     .offset = offsetof(struct site, threads),
     .entries = &thread_record,
     .count = offsetof(struct site, n_threads)},
};

static const struct record site_record = {
    .noun = "site",
    .n_bytes = sizeof(struct site),
    .fields = site_fields,
    .n_fields = COUNT_OF(site_fields),
};

static const struct field holding_fields[] = {
    {.key = "name",
     .type = FIELD_STRING,
     .required = true,
     .offset = offsetof(struct holding, name)},
    {.key = "block_size",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct holding, block_size),
     .max = UINT32_MAX},
    {.key = "num_blocks",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct holding, num_blocks),
     .max = UINT32_MAX},
    {.key = "out",
     .type = FIELD_INTEGER,
     .required = true,
     .offset = offsetof(struct holding, out),
     .max = UINT32_MAX},
    {.key = "tracked", .type = FIELD_FLAG, .offset = offsetof(struct holding, tracked)},
    {.key = "sites",
     .type = FIELD_ENTRIES,
     .required = true,
     .offset = offsetof(struct holding, sites),
     .entries = &site_record,
     .count = offsetof(struct holding, n_sites)},
};

const struct record holding_record = {
    .noun = "pool",
    .n_bytes = sizeof(struct holding),
    .fields = holding_fields,
    .n_fields = COUNT_OF(holding_fields),
    .text = offsetof(struct holding, text),
};

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
