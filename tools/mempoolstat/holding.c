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

/* What tells a place; the rules of an object that does. */
#define CALL_SITE_FIELDS                                                                           \
    {.key = "address",                                                                             \
     .type = FIELD_ADDRESS,                                                                        \
     .offset = offsetof(struct call_site, address),                                                \
     .known = offsetof(struct call_site, has_address)},                                            \
        {.key = "module", .type = FIELD_STRING, .offset = offsetof(struct call_site, module)},     \
        {.key = "offset",                                                                          \
         .type = FIELD_ADDRESS,                                                                    \
         .offset = offsetof(struct call_site, offset),                                             \
         .known = offsetof(struct call_site, has_offset)},                                         \
    {                                                                                              \
        .key = "function", .type = FIELD_STRING, .offset = offsetof(struct call_site, function)    \
    }

_Static_assert(offsetof(struct site, call) == 0, "the fields of a place are fields of a site");

static const struct field call_site_fields[] = {CALL_SITE_FIELDS};

static const struct record call_site_record = {
    .noun = "registered_by",
    .n_bytes = sizeof(struct call_site),
    .fields = call_site_fields,
    .n_fields = COUNT_OF(call_site_fields),
};

static const struct field site_fields[] = {
    CALL_SITE_FIELDS,
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
    {.key = "id",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct holding, id),
     .min = 1,
     .max = INT64_MAX},
    {.key = "registered_time",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct holding, registered_time),
     .max = FIELDS_MAX_TIME},
    {.key = "registered_by",
     .type = FIELD_OBJECT,
     .offset = offsetof(struct holding, registered_by),
     .entries = &call_site_record},
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

static void
call_site_free(struct call_site *call)
{
    free(call->line);
    free(call->symbol);
}

void
holding_free(struct holding *holding)
{
    call_site_free(&holding->registered_by);
    for (size_t i = 0; i < holding->n_sites; i++) {
        free(holding->sites[i].threads);
        call_site_free(&holding->sites[i].call);
    }
    free(holding->sites);
}
