/* SPDX-License-Identifier: Apache-2.0 */
#include "document.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"

/* A few bytes of JSON cost the decoder a hundred bytes of memory: braces are limited apart. */
#define DOCUMENT_MAX_MARKS ((size_t)8 << 20)
/* The library's names have 31 bytes. A name of a megabyte would make each row that wide. */
#define DOCUMENT_MAX_STRING 4096
#define DOCUMENT_MAX_TIME   ((json_int_t)1 << 53)

struct integer_rule {
    const char *key;
    size_t offset; /* of an int64_t in the struct */
    json_int_t min, max;
    bool required;
};

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
    {"failed_time", offsetof(struct pool, failed_time), 0, DOCUMENT_MAX_TIME, false},
    {"min_time", offsetof(struct pool, min_time), 0, DOCUMENT_MAX_TIME, false},
};

static const struct integer_rule process_integers[] = {
    {"pid", offsetof(struct process, pid), 1, INT32_MAX, true},
    {"start_time", offsetof(struct process, start_time), 0, DOCUMENT_MAX_TIME, false},
    {"time", offsetof(struct process, time), 0, DOCUMENT_MAX_TIME, false},
};

struct string_rule {
    const char *key;
    size_t offset; /* of a const char * in the struct */
    bool required;
};

static const struct string_rule pool_strings[] = {
    {"name", offsetof(struct pool, name), true},
};

static const struct string_rule process_strings[] = {
    {"program", offsetof(struct process, program), false},
    {"version", offsetof(struct process, version), false},
    {"locking", offsetof(struct process, locking), false},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Each reader below returns NULL, or the reason as a new string. */

static char *
integers_read(const json_t *object, const struct integer_rule *rules, size_t n, void *into)
{
    for (size_t i = 0; i < n; i++) {
        const struct integer_rule *rule = &rules[i];
        const json_t *json = json_object_get(object, rule->key);
        int64_t value = MODEL_ABSENT;

        if (json == NULL && rule->required) {
            return alloc_format("'%s' is missing", rule->key);
        }
        if (json != NULL) {
            value = json_integer_value(json);
            if (!json_is_integer(json)) {
                return alloc_format("'%s' is not an integer", rule->key);
            }
            if (value < rule->min || value > rule->max) {
                return alloc_format("'%s' is %" JSON_INTEGER_FORMAT ", which cannot be", rule->key,
                                    json_integer_value(json));
            }
        }
        memcpy((char *)into + rule->offset, &value, sizeof(value));
    }
    return NULL;
}

static char *
strings_read(const json_t *object, const struct string_rule *rules, size_t n, void *into)
{
    for (size_t i = 0; i < n; i++) {
        const struct string_rule *rule = &rules[i];
        const json_t *json = json_object_get(object, rule->key);
        const char *value = json_string_value(json);

        if (json == NULL && rule->required) {
            return alloc_format("'%s' is missing", rule->key);
        }
        if (json != NULL && value == NULL) {
            return alloc_format("'%s' is not a string", rule->key);
        }
        if (value != NULL && json_string_length(json) > DOCUMENT_MAX_STRING) {
            return alloc_format("'%s' has more than %d bytes", rule->key, DOCUMENT_MAX_STRING);
        }
        memcpy((char *)into + rule->offset, &value, sizeof(value));
    }
    return NULL;
}

static char *
pool_read_stale(const json_t *json, struct pool *pool)
{
    const json_t *stale = json_object_get(json, "stale");

    if (stale != NULL && !json_is_boolean(stale)) {
        return alloc_copy("'stale' is neither true nor false");
    }
    pool->stale = json_is_true(stale);
    return NULL;
}

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
pool_read(const json_t *json, struct pool *pool)
{
    char *reason;

    if (!json_is_object(json)) {
        return alloc_copy("not an object");
    }
    reason = strings_read(json, pool_strings, COUNT_OF(pool_strings), pool);
    if (reason == NULL) {
        reason = integers_read(json, pool_integers, COUNT_OF(pool_integers), pool);
    }
    if (reason == NULL) {
        reason = pool_read_stale(json, pool);
    }
    if (reason == NULL) {
        reason = pool_check_counts(pool);
    }
    return reason;
}

static char *
pools_read(const json_t *array, struct process *process)
{
    if (!json_is_array(array)) {
        return alloc_copy(array == NULL ? "'pools' is missing" : "'pools' is not an array");
    }
    process->n_pools = json_array_size(array);
    process->pools = alloc_array(NULL, process->n_pools, sizeof(struct pool));
    for (size_t i = 0; i < process->n_pools; i++) {
        char *reason;

        process->pools[i] = (struct pool){.index = i, .get_rate = -1, .put_rate = -1};
        reason = pool_read(json_array_get(array, i), &process->pools[i]);
        if (reason != NULL) {
            char *located = alloc_format("pool %zu: %s", i, reason);

            free(reason);
            return located;
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

static char *
process_read(json_t *json, struct process *process)
{
    const char *error = json_string_value(json_object_get(json, "error"));
    char *reason;

    if (!json_is_object(json)) {
        return alloc_copy("not a JSON object");
    }
    if (error != NULL && json_object_get(json, "pools") == NULL) {
        return alloc_format("the process answers: %.200s", error);
    }
    reason = schema_check(json_object_get(json, "schema"));
    if (reason == NULL) {
        reason = integers_read(json, process_integers, COUNT_OF(process_integers), process);
    }
    if (reason == NULL) {
        reason = strings_read(json, process_strings, COUNT_OF(process_strings), process);
    }
    if (reason == NULL) {
        reason = pools_read(json_object_get(json, "pools"), process);
    }
    return reason;
}

/* A process from its JSON, or NULL and a reason. */
static struct process *
process_new(json_t *json, const char *origin, char **reason)
{
    struct process *process = alloc_array(NULL, 1, sizeof(*process));

    *process = (struct process){
        .json = json_incref(json),
        .origin = alloc_copy(origin),
        .received_ns = clock_now_ns(),
    };
    *reason = process_read(json, process);
    if (*reason != NULL) {
        process_free(process);
        return NULL;
    }
    process_rate_since_start(process);
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
array_read(const json_t *array, const char *origin, struct report *report)
{
    struct report read = {0};
    char *reason = NULL;

    for (size_t i = 0; i < json_array_size(array) && reason == NULL; i++) {
        struct process *process = process_new(json_array_get(array, i), origin, &reason);

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
document_read(const char *bytes, size_t length, const char *origin, bool or_array,
              struct report *report, char **reason)
{
    json_t *json = json_parse(bytes, length, reason);

    if (json == NULL) {
        return false;
    }
    if (or_array && json_is_array(json)) {
        *reason = array_read(json, origin, report);
    } else {
        struct process *process = process_new(json, origin, reason);

        if (process != NULL) {
            process->served = served_copy(bytes, length);
            report_show(report, process);
        }
    }
    json_decref(json);
    return *reason == NULL;
}
