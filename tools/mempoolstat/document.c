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

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A document on its way into a process. */
struct head {
    struct process process;
    const char *error, *schema;
};

struct document {
    struct source source;
    struct reader reader;
    struct head *head;  /* that is being read */
    struct report read; /* those that are whole */
    char *text;
    size_t n_text, room;
    size_t n_fed;
};

#define POOL_INTEGER(name, least, greatest, is_required)                                           \
    {                                                                                              \
        .key = #name, .type = FIELD_INTEGER, .required = (is_required),                            \
        .offset = offsetof(struct pool, name), .min = (least), .max = (greatest)                   \
    }

static const struct field pool_fields[] = {
    {.key = "name", .type = FIELD_STRING, .required = true, .offset = offsetof(struct pool, name)},
    POOL_INTEGER(block_size, 0, UINT32_MAX, true),
    POOL_INTEGER(num_blocks, 0, UINT32_MAX, true),
    POOL_INTEGER(num_free, 0, UINT32_MAX, true),
    POOL_INTEGER(min_free, 0, UINT32_MAX, true),
    POOL_INTEGER(num_cached, 0, UINT32_MAX, false),
    POOL_INTEGER(gets, 0, INT64_MAX, false),
    POOL_INTEGER(puts, 0, INT64_MAX, false),
    POOL_INTEGER(adjust, INT64_MIN, INT64_MAX, false),
    POOL_INTEGER(failed, 0, INT64_MAX, false),
    POOL_INTEGER(refused, 0, INT64_MAX, false),
    POOL_INTEGER(failed_time, 0, FIELDS_MAX_TIME, false),
    POOL_INTEGER(min_time, 0, FIELDS_MAX_TIME, false),
    POOL_INTEGER(faults, 0, INT64_MAX, false),
    POOL_INTEGER(id, 1, INT64_MAX, false),
    POOL_INTEGER(registered_time, 0, FIELDS_MAX_TIME, false),
    {.key = "debug", .type = FIELD_STRING, .offset = offsetof(struct pool, debug)},
    {.key = "stale", .type = FIELD_FLAG, .offset = offsetof(struct pool, stale)},
};

static char *
pool_complete(void *object, uint64_t seen)
{
    struct pool *pool = object;

    pool->get_rate = pool->put_rate = pool->fail_rate = -1;
    if (pool->num_free > pool->num_blocks) {
        return alloc_copy("'num_free' is above 'num_blocks'");
    }
    if (pool->min_free > pool->num_blocks) {
        return alloc_copy("'min_free' is above 'num_blocks'");
    }
    return NULL;
}

static const struct record pool_record = {
    .noun = "pool",
    .n_bytes = sizeof(struct pool),
    .fields = pool_fields,
    .n_fields = COUNT_OF(pool_fields),
    .text = offsetof(struct pool, text),
    .complete = pool_complete,
};

/* Only what resetting tells is known of these pools. */
static const struct field reset_fields[] = {
    {.key = "name", .type = FIELD_STRING, .required = true, .offset = offsetof(struct pool, name)},
    POOL_INTEGER(min_free, 0, UINT32_MAX, true),
};

static const struct record reset_record = {
    .noun = "pool",
    .n_bytes = sizeof(struct pool),
    .fields = reset_fields,
    .n_fields = COUNT_OF(reset_fields),
    .text = offsetof(struct pool, text),
};

/* The array of each kind of document. */
static const struct kind {
    const char *key;
    const struct record *record;
    size_t entries, count; /* offsets in struct process */
    const char *remedy;    /* for who wanted another kind */
} kinds[] = {
    [DOCUMENT_POOLS] = {"pools", &pool_record, offsetof(struct process, pools),
                        offsetof(struct process, n_pools), "without -H it can be shown"},
    [DOCUMENT_HOLDERS] = {"holders", &holding_record, offsetof(struct process, holdings),
                          offsetof(struct process, n_holdings), "-H shows it"},
    [DOCUMENT_CHECKS] = {"checks", &check_record, offsetof(struct process, checks),
                         offsetof(struct process, n_checks), "it is the outcome of -k"},
    [DOCUMENT_RESET] = {"reset", &reset_record, offsetof(struct process, pools),
                        offsetof(struct process, n_pools), "it is the outcome of --reset-min"},
};

_Static_assert(offsetof(struct pool, name) == 0 && offsetof(struct holding, name) == 0 &&
                   offsetof(struct check, name) == 0,
               "entry_name() finds the name in the first place");

/* "osmempool/1" or "osmempool/1.x": fields are only ever added within a major version. */
static char *
schema_check(const char *schema)
{
    static const char major[] = "osmempool/1";
    const char *minor = schema + sizeof(major) - 1;

    if (strncmp(schema, major, sizeof(major) - 1) == 0 &&
        (*minor == '\0' || (minor[0] == '.' && minor[1] != '\0' &&
                            minor[1 + strspn(minor + 1, "0123456789.")] == '\0'))) {
        return NULL;
    }
    return alloc_format("schema is '%.40s', but this mempoolstat reads %s; a newer one may do",
                        schema, major);
}

#define HEAD_OFFSET(member) offsetof(struct head, member)
#define HEAD_ENTRIES(name, rules, list_member, count_member)                                       \
    {                                                                                              \
        .key = (name), .type = FIELD_ENTRIES, .required = true,                                    \
        .offset = HEAD_OFFSET(process.list_member), .entries = (rules),                            \
        .count = HEAD_OFFSET(process.count_member), .list = HEAD_OFFSET(process.list)              \
    }
#define HEAD_MARK(name)                                                                            \
    {                                                                                              \
        .key = (name), .type = FIELD_MARK                                                          \
    }

/* The fields that each kind has; behind them come the arrays of all kinds, in their order. */
#define HEAD_FIELDS                                                                                \
    {.key = "schema",                                                                              \
     .type = FIELD_STRING,                                                                         \
     .required = true,                                                                             \
     .offset = HEAD_OFFSET(schema),                                                                \
     .check = schema_check},                                                                       \
        {.key = "version", .type = FIELD_STRING, .offset = HEAD_OFFSET(process.version)},          \
        {.key = "pid",                                                                             \
         .type = FIELD_INTEGER,                                                                    \
         .required = true,                                                                         \
         .offset = HEAD_OFFSET(process.pid),                                                       \
         .min = 1,                                                                                 \
         .max = INT32_MAX},                                                                        \
        {.key = "program", .type = FIELD_STRING, .offset = HEAD_OFFSET(process.program)},          \
        {.key = "start_time",                                                                      \
         .type = FIELD_INTEGER,                                                                    \
         .offset = HEAD_OFFSET(process.start_time),                                                \
         .max = FIELDS_MAX_TIME},                                                                  \
        {.key = "time",                                                                            \
         .type = FIELD_INTEGER,                                                                    \
         .offset = HEAD_OFFSET(process.time),                                                      \
         .max = FIELDS_MAX_TIME},                                                                  \
        {.key = "locking", .type = FIELD_STRING, .offset = HEAD_OFFSET(process.locking)},          \
    {                                                                                              \
        .key = "error", .type = FIELD_STRING, .offset = HEAD_OFFSET(error)                         \
    }
#define HEAD_N_FIELDS 8

static const struct field pools_head[] = {
    HEAD_FIELDS,          HEAD_ENTRIES("pools", &pool_record, pools, n_pools),
    HEAD_MARK("holders"), HEAD_MARK("checks"),
    HEAD_MARK("reset"),
};

static const struct field holders_head[] = {
    HEAD_FIELDS,
    HEAD_MARK("pools"),
    HEAD_ENTRIES("holders", &holding_record, holdings, n_holdings),
    HEAD_MARK("checks"),
    HEAD_MARK("reset"),
};

static const struct field checks_head[] = {
    HEAD_FIELDS,          HEAD_MARK("pools"),
    HEAD_MARK("holders"), HEAD_ENTRIES("checks", &check_record, checks, n_checks),
    HEAD_MARK("reset"),
};

static const struct field reset_head[] = {
    HEAD_FIELDS,
    HEAD_MARK("pools"),
    HEAD_MARK("holders"),
    HEAD_MARK("checks"),
    HEAD_ENTRIES("reset", &reset_record, pools, n_pools),
};

_Static_assert(COUNT_OF(pools_head) == HEAD_N_FIELDS + COUNT_OF(kinds), "an array of each kind");

static char *head_complete(void *object, uint64_t seen);

#define HEAD(name)                                                                                 \
    {                                                                                              \
        .fields = name, .n_fields = COUNT_OF(name), .complete = head_complete, .lenient = true     \
    }

static const struct record heads[] = {
    [DOCUMENT_POOLS] = HEAD(pools_head),
    [DOCUMENT_HOLDERS] = HEAD(holders_head),
    [DOCUMENT_CHECKS] = HEAD(checks_head),
    [DOCUMENT_RESET] = HEAD(reset_head),
};

const char *
document_array(enum document_kind kind)
{
    return kinds[kind].key;
}

static bool
kind_is_seen(uint64_t seen, size_t kind)
{
    return (seen >> (HEAD_N_FIELDS + kind) & 1) != 0;
}

/* Whether a document is of the kind that is wanted, and what to do if it is of another. */
static char *
kind_check(uint64_t seen, enum document_kind wanted)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!kind_is_seen(seen, wanted) && kind_is_seen(seen, i)) {
            return alloc_format("'%s' is missing, but '%s' is there: %s", kinds[wanted].key,
                                kinds[i].key, kinds[i].remedy);
        }
    }
    return NULL;
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
head_complete(void *object, uint64_t seen)
{
    const struct head *head = object;
    enum document_kind kind = head->process.kind;
    char *reason;

    if (head->error != NULL && !kind_is_seen(seen, kind)) {
        return error_describe(kind, head->error);
    }
    reason = head->schema != NULL ? kind_check(seen, kind) : NULL;
    return reason != NULL ? reason : fields_missing(&heads[kind], seen);
}

static void *
head_begin(void *arg, size_t offset)
{
    struct document *document = arg;
    struct head *head = alloc_array(NULL, 1, sizeof(*head));

    *head = (struct head){.process = {
                              .kind = document->source.kind,
                              .origin = alloc_copy(document->source.origin),
                              .received_ns = clock_now_ns(),
                          }};
    document->head = head;
    document->reader.strings = &head->process.strings;
    document->reader.n_bytes += sizeof(*head) + strlen(document->source.origin);
    return head;
}

/* The text of the document that has been read, without what is around it. */
static void
head_keep_text(struct document *document, struct process *process, size_t end)
{
    size_t begin = document->reader.offset, n = end - begin;

    process->n_served = n;
    process->served = alloc_array(NULL, n + 1, 1);
    memcpy(process->served, document->text + begin, n);
    process->served[n] = '\0';
    if (!document->source.or_array) {
        free(document->text);
        document->text = NULL;
    }
}

static char *
head_end(void *arg, size_t end)
{
    struct document *document = arg;
    struct process *process = alloc_array(NULL, 1, sizeof(*process));

    *process = document->head->process;
    free(document->head);
    document->head = NULL;
    for (size_t i = 0; i < process->n_pools; i++) {
        process->pools[i].index = i;
    }
    if (process->kind == DOCUMENT_POOLS) {
        process_rate_since_start(process);
    }
    if (document->source.keeps_text) {
        head_keep_text(document, process, end);
    }
    report_show(&document->read, process);
    return NULL;
}

struct document *
document_begin(const struct source *source)
{
    struct document *document = alloc_array(NULL, 1, sizeof(*document));
    struct root root = {
        .record = &heads[source->kind],
        .or_array = source->or_array,
        .arg = document,
        .begin = head_begin,
        .end = head_end,
    };

    *document = (struct document){.source = *source};
    fields_begin(&document->reader, &root);
    return document;
}

static void
text_append(struct document *document, const char *bytes, size_t n)
{
    if (document->n_text + n > document->room) {
        document->room = document->n_text + n + document->room / 2;
        document->text = alloc_array(document->text, document->room, 1);
    }
    memcpy(document->text + document->n_text, bytes, n);
    document->n_text += n;
}

/* Behind the end of a document that is not one of several there can only be blanks. */
static bool
document_wants_text(const struct document *document)
{
    return document->source.keeps_text &&
           (document->source.or_array || document->read.n_processes == 0);
}

bool
document_feed(struct document *document, const char *bytes, size_t n)
{
    document->n_fed += n;
    if (document->n_fed > document->source.max_bytes) {
        free(document->reader.reason);
        document->reader.reason = alloc_copy("too large to be a document of osmempool");
        return false;
    }
    if (document_wants_text(document)) {
        text_append(document, bytes, n);
    }
    return fields_feed(&document->reader, bytes, n);
}

bool
document_finish(struct document *document, struct report *report)
{
    if (!fields_finish(&document->reader)) {
        return false;
    }
    if (document->read.n_processes == 0) {
        document->reader.reason = alloc_copy(
            document->reader.in_array ? "an empty array: no process" : "not a JSON object");
        return false;
    }
    for (size_t i = 0; i < document->read.n_processes; i++) {
        report_show(report, document->read.processes[i]);
    }
    document->read.n_processes = document->read.n_shown = 0;
    return true;
}

const char *
document_reason(const struct document *document)
{
    return document->reader.reason;
}

bool
document_is_cut(const struct document *document)
{
    return document->n_fed == 0 || json_is_cut(&document->reader.json);
}

size_t
document_memory(const struct document *document)
{
    /* A text is copied when it is whole. */
    return sizeof(*document) + document->reader.json.room + document->reader.n_bytes +
           2 * document->n_text;
}

void
document_free(struct document *document)
{
    if (document == NULL) {
        return;
    }
    if (document->head != NULL) {
        process_free_all(&document->head->process);
        free(document->head);
    }
    report_clear(&document->read);
    fields_end(&document->reader);
    free(document->text);
    free(document);
}

/* The entries of a process, as bytes. */
struct entries {
    char *bytes;
    size_t n, stride;
};

static struct entries
entries_of(const struct process *process)
{
    const struct kind *kind = &kinds[process->kind];
    struct entries entries = {.stride = kind->record->n_bytes};

    memcpy(&entries.bytes, (const char *)process + kind->entries, sizeof(entries.bytes));
    memcpy(&entries.n, (const char *)process + kind->count, sizeof(entries.n));
    return entries;
}

static void
entries_set(struct process *process, const struct entries *entries)
{
    const struct kind *kind = &kinds[process->kind];

    memcpy((char *)process + kind->entries, &entries->bytes, sizeof(entries->bytes));
    memcpy((char *)process + kind->count, &entries->n, sizeof(entries->n));
}

static const char *
entry_name(const char *entry)
{
    const char *name;

    memcpy(&name, entry, sizeof(name));
    return name;
}

static void
entry_drop(const struct process *process, char *entry)
{
    if (process->kind == DOCUMENT_HOLDERS) {
        holding_free((struct holding *)(void *)entry);
    }
}

struct span
document_entry_text(const struct process *process, size_t i)
{
    struct entries entries = entries_of(process);
    struct span text;

    memcpy(&text, entries.bytes + i * entries.stride + kinds[process->kind].record->text,
           sizeof(text));
    return text;
}

void
document_keep(struct process *process, name_fn *admits, const void *arg)
{
    struct entries entries = entries_of(process);
    size_t n = 0;

    for (size_t i = 0; i < entries.n; i++) {
        char *entry = entries.bytes + i * entries.stride;

        if (!admits(entry_name(entry), arg)) {
            entry_drop(process, entry);
            process->cut = true;
        } else {
            memmove(entries.bytes + n++ * entries.stride, entry, entries.stride);
        }
    }
    entries.n = n;
    entries_set(process, &entries);
}

/* Puts the text of an entry behind a document's own. */
static void
entry_move_text(struct process *process, char *entry, const struct process *from, size_t *n_bytes)
{
    size_t place = kinds[process->kind].record->text;
    struct span text;
    size_t n;

    memcpy(&text, entry + place, sizeof(text));
    n = text.end - text.begin;
    process->served = alloc_array(process->served, *n_bytes + n, 1);
    memcpy(process->served + *n_bytes, from->served + text.begin, n);
    text = (struct span){(uint32_t)*n_bytes, (uint32_t)(*n_bytes + n)};
    memcpy(entry + place, &text, sizeof(text));
    *n_bytes += n;
}

/* Where the text of all entries, and of the document, ends. */
static size_t
text_length(const struct process *process)
{
    size_t n = entries_of(process).n, length = process->n_served;

    for (size_t i = 0; i < n; i++) {
        size_t end = document_entry_text(process, i).end;

        length = end > length ? end : length;
    }
    return length;
}

void
document_add(struct process *process, struct process *more, name_fn *admits, const void *arg)
{
    struct entries to = entries_of(process), from = entries_of(more),
                   none = {.stride = from.stride};
    size_t n_text = text_length(process);

    to.bytes = alloc_array(to.bytes, to.n + from.n, to.stride);
    for (size_t i = 0; i < from.n; i++) {
        char *entry = from.bytes + i * from.stride;

        if (!admits(entry_name(entry), arg)) {
            entry_drop(more, entry);
            continue;
        }
        if (process->served != NULL && more->served != NULL) {
            entry_move_text(process, entry, more, &n_text);
        }
        memcpy(to.bytes + to.n++ * to.stride, entry, to.stride);
        process->cut = true;
    }
    free(from.bytes);
    entries_set(more, &none);
    entries_set(process, &to);
    pages_move(&process->strings, &more->strings);
}
