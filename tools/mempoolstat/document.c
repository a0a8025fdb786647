/* SPDX-License-Identifier: Apache-2.0 */
#include "document.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "check.h"
#include "clock.h"
#include "fields.h"
#include "holding.h"

/* A few bytes of JSON cost the decoder a hundred bytes of memory: braces are limited apart. */
#define DOCUMENT_MAX_MARKS ((size_t)8 << 20)

static const struct integer_rule pool_integers[] = {
    {"block_size", offsetof(struct pool, block_size), 0, UINT32_MAX, true},
    {"num_blocks", offsetof(struct pool, num_blocks), 0, UINT32_MAX, true},
    {"num_free", offsetof(struct pool, num_free), 0, UINT32_MAX, true},
    {"min_free", offsetof(struct pool, min_free), 0, UINT32_MAX, true},
    {"num_cached", offsetof(struct pool, num_cached), 0, UINT32_MAX, false},
    {"gets", offsetof(struct pool, gets), 0, INT64_MAX, false},
    {"puts", offsetof(struct pool, puts), 0, INT64_MAX, false},
    {"adjust", offsetof(struct pool, adjust), INT64_MIN, INT64_MAX, false},
    {"failed", offsetof(struct pool, failed), 0, INT64_MAX, false},
    {"refused", offsetof(struct pool, refused), 0, INT64_MAX, false},
    {"failed_time", offsetof(struct pool, failed_time), 0, FIELDS_MAX_TIME, false},
    {"min_time", offsetof(struct pool, min_time), 0, FIELDS_MAX_TIME, false},
    {"faults", offsetof(struct pool, faults), 0, INT64_MAX, false},
};

static const struct integer_rule reset_integers[] = {
    {"min_free", offsetof(struct pool, min_free), 0, UINT32_MAX, true},
};

static const struct integer_rule process_integers[] = {
    {"pid", offsetof(struct process, pid), 1, INT32_MAX, true},
    {"start_time", offsetof(struct process, start_time), 0, FIELDS_MAX_TIME, false},
    {"time", offsetof(struct process, time), 0, FIELDS_MAX_TIME, false},
};

static const struct string_rule pool_strings[] = {
    {"name", offsetof(struct pool, name), true},
    {"debug", offsetof(struct pool, debug), false},
};

static const struct string_rule process_strings[] = {
    {"program", offsetof(struct process, program), false},
    {"version", offsetof(struct process, version), false},
    {"locking", offsetof(struct process, locking), false},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static char *
pool_check_counts(const struct pool *pool)
{
    if (pool->num_free > pool->num_blocks) {
        return alloc_copy("'num_free' is above 'num_blocks'");
    }
    if (pool->min_free > pool->num_blocks) {
        return alloc_copy("'min_free' is above 'num_blocks'");
    }
    return NULL;
}

static char *
pool_read(const json_t *json, void *entry)
{
    struct pool *pool = entry;
    char *reason = fields_read_strings(json, pool_strings, COUNT_OF(pool_strings), pool);

    if (reason == NULL) {
        reason = fields_read_integers(json, pool_integers, COUNT_OF(pool_integers), pool);
    }
    if (reason == NULL) {
        reason = fields_read_flag(json, "stale", &pool->stale);
    }
    if (reason == NULL) {
        reason = pool_check_counts(pool);
    }
    pool->get_rate = pool->put_rate = -1;
    return reason;
}

/* Only what resetting tells is known of these pools. */
static char *
reset_read(const json_t *json, void *entry)
{
    struct pool *pool = entry;
    char *reason = fields_read_strings(json, pool_strings, 1, pool);

    return reason != NULL ? reason : fields_read_integers(json, reset_integers, 1, pool);
}

/* The array that each kind of document has. */
static const struct entry_rule kinds[] = {
    [DOCUMENT_POOLS] = {"pools", "pool", sizeof(struct pool), pool_read,
                        offsetof(struct process, pools), offsetof(struct process, n_pools), true},
    [DOCUMENT_HOLDERS] = {"holders", "pool", sizeof(struct holding), holding_read,
                          offsetof(struct process, holdings), offsetof(struct process, n_holdings),
                          true},
    [DOCUMENT_CHECKS] = {"checks", "check", sizeof(struct check), check_read,
                         offsetof(struct process, checks), offsetof(struct process, n_checks),
                         true},
    [DOCUMENT_RESET] = {"reset", "pool", sizeof(struct pool), reset_read,
                        offsetof(struct process, pools), offsetof(struct process, n_pools), true},
};

const char *
document_array(enum document_kind kind)
{
    return kinds[kind].key;
}

/* Whether a document is of the kind that is wanted, and what to do if it is of another. */
static char *
kind_check(const json_t *json, enum document_kind wanted)
{
    static const char *const remedies[] = {
        [DOCUMENT_POOLS] = "without -H it can be shown",
        [DOCUMENT_HOLDERS] = "-H shows it",
        [DOCUMENT_CHECKS] = "it is the outcome of -k",
        [DOCUMENT_RESET] = "it is the outcome of --reset-min",
    };

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (json_object_get(json, kinds[wanted].key) == NULL &&
            json_object_get(json, kinds[i].key) != NULL) {
            return alloc_format("'%s' is missing, but '%s' is there: %s", kinds[wanted].key,
                                kinds[i].key, remedies[i]);
        }
    }
    return NULL;
}

/* "osmempool/1" or "osmempool/1.x": fields are only ever added within a major version. */
static char *
schema_check(const json_t *json)
{
    static const char major[] = "osmempool/1";
    const char *schema = json_string_value(json);
    const char *minor;

    if (schema == NULL) {
        return alloc_copy(json == NULL ? "'schema' is missing" : "'schema' is not a string");
    }
    minor = schema + sizeof(major) - 1;
    if (strncmp(schema, major, sizeof(major) - 1) == 0 &&
        (*minor == '\0' || (minor[0] == '.' && minor[1] != '\0' &&
                            minor[1 + strspn(minor + 1, "0123456789.")] == '\0'))) {
        return NULL;
    }
    return alloc_format("schema is '%.40s', but this mempoolstat reads %s; a newer one may do",
                        schema, major);
}

/* What a process answers in the place of a document. */
static char *
error_describe(enum document_kind kind, const char *error)
{
    static const char variable[] = "OSMEMPOOL_EXPORT_WRITE";
    bool hint = kind == DOCUMENT_RESET && strstr(error, variable) == NULL;

    return alloc_format("the process answers: %.200s%s%s%s", error,
                        hint ? "; it allows that if it is started with " : "", hint ? variable : "",
                        hint ? "=1" : "");
}

static char *
process_read(json_t *json, struct process *process)
{
    const char *error = json_string_value(json_object_get(json, "error"));
    char *reason;

    if (!json_is_object(json)) {
        return alloc_copy("not a JSON object");
    }
    if (error != NULL && json_object_get(json, kinds[process->kind].key) == NULL) {
        return error_describe(process->kind, error);
    }
    reason = schema_check(json_object_get(json, "schema"));
    if (reason == NULL) {
        reason = fields_read_integers(json, process_integers, COUNT_OF(process_integers), process);
    }
    if (reason == NULL) {
        reason = fields_read_strings(json, process_strings, COUNT_OF(process_strings), process);
    }
    if (reason == NULL) {
        reason = kind_check(json, process->kind);
    }
    if (reason == NULL) {
        reason = fields_read_entries(json, &kinds[process->kind], process);
    }
    return reason;
}

/* A process from its JSON, or NULL and a reason. */
static struct process *
process_new(json_t *json, const struct source *source, char **reason)
{
    struct process *process = alloc_array(NULL, 1, sizeof(*process));

    *process = (struct process){
        .kind = source->kind,
        .json = json_incref(json),
        .origin = alloc_copy(source->origin),
        .received_ns = clock_now_ns(),
    };
    *reason = process_read(json, process);
    if (*reason != NULL) {
        process_free(process);
        return NULL;
    }
    for (size_t i = 0; i < process->n_pools; i++) {
        process->pools[i].index = i;
    }
    if (process->kind == DOCUMENT_POOLS) {
        process_rate_since_start(process);
    }
    return process;
}

/* The document as it was served, without blanks around it. */
static char *
served_copy(const char *bytes, size_t length)
{
    static const char blanks[] = " \t\r\n";
    char *copy;

    while (length > 0 && strchr(blanks, bytes[0]) != NULL) {
        bytes++;
        length--;
    }
    while (length > 0 && strchr(blanks, bytes[length - 1]) != NULL) {
        length--;
    }
    copy = alloc_array(NULL, length + 1, 1);
    memcpy(copy, bytes, length);
    copy[length] = '\0';
    return copy;
}

/* All of an array or none of it. */
static char *
array_read(const json_t *array, const struct source *source, struct report *report)
{
    struct report read = {0};
    char *reason = NULL;

    for (size_t i = 0; i < json_array_size(array) && reason == NULL; i++) {
        struct process *process = process_new(json_array_get(array, i), source, &reason);

        if (process != NULL) {
            report_show(&read, process);
        }
    }
    if (reason != NULL) {
        report_clear(&read);
        return reason;
    }
    for (size_t i = 0; i < read.n_processes; i++) {
        report_show(report, read.processes[i]);
    }
    free(read.processes);
    return json_array_size(array) > 0 ? NULL : alloc_copy("an empty array: no process");
}

static json_t *
json_parse(const char *bytes, size_t length, char **reason)
{
    size_t n_marks = 0;
    json_error_t error;
    json_t *json;

    for (size_t i = 0; i < length; i++) {
        n_marks += bytes[i] == ',' || bytes[i] == '[' || bytes[i] == '{';
    }
    if (length == 0) {
        *reason = alloc_copy("empty: no document");
        return NULL;
    }
    if (length > DOCUMENT_MAX_BYTES || n_marks > DOCUMENT_MAX_MARKS) {
        *reason = alloc_copy("too large to be a document of osmempool");
        return NULL;
    }
    json = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) {
        *reason = alloc_format("broken JSON in line %d: %s", error.line, error.text);
    }
    return json;
}

bool
document_read(const char *bytes, size_t length, const struct source *source, struct report *report,
              char **reason)
{
    json_t *json = json_parse(bytes, length, reason);

    if (json == NULL) {
        return false;
    }
    if (source->or_array && json_is_array(json)) {
        *reason = array_read(json, source, report);
    } else {
        struct process *process = process_new(json, source, reason);

        if (process != NULL) {
            process->served = served_copy(bytes, length);
            report_show(report, process);
        }
    }
    json_decref(json);
    return *reason == NULL;
}

/* Adds to an array those entries of a document that are wanted. */
static void
entries_append(json_t *chosen, const struct process *process, name_fn *admits, const void *arg)
{
    const json_t *all = json_object_get(process->json, kinds[process->kind].key);

    for (size_t i = 0; i < json_array_size(all); i++) {
        json_t *entry = json_array_get(all, i);

        if (admits(json_string_value(json_object_get(entry, "name")), arg)) {
            json_array_append(chosen, entry);
        }
    }
}

/* Makes an array the entries of a process. They were read before, so nothing is wrong with them. */
static void
entries_replace(struct process *process, json_t *chosen)
{
    json_t *json = json_copy(process->json);

    json_object_set_new(json, kinds[process->kind].key, chosen);
    process_free_entries(process);
    json_decref(process->json);
    process->json = json;
    free(process->served);
    process->served = NULL;
    free(fields_read_entries(json, &kinds[process->kind], process));
}

void
document_keep(struct process *process, name_fn *admits, const void *arg)
{
    json_t *chosen = json_array();
    size_t n = json_array_size(json_object_get(process->json, kinds[process->kind].key));

    entries_append(chosen, process, admits, arg);
    if (json_array_size(chosen) < n) {
        entries_replace(process, chosen);
    } else {
        json_decref(chosen);
    }
}

void
document_add(struct process *process, const struct process *more, name_fn *admits, const void *arg)
{
    json_t *chosen = json_copy(json_object_get(process->json, kinds[process->kind].key));

    entries_append(chosen, more, admits, arg);
    entries_replace(process, chosen);
}
