/* SPDX-License-Identifier: Apache-2.0 */
#include "fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "model.h"

/* What an entry costs beside its struct: its row on the way to the output. */
#define ENTRY_BYTES 100
/* A byte of a string may become an escape of four. */
#define STRING_FACTOR 5
/* In the place of a number: no other object has the key. */
#define FIELDS_ALONE SIZE_MAX

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Takes the reason over, and says what it is about. Returns false. */
static bool
reader_fail(struct reader *reader, char *reason)
{
    for (size_t i = reader->n_levels; i-- > 1;) {
        const struct level *level = &reader->levels[i];
        char *located = level->number != FIELDS_ALONE
                            ? alloc_format("%s %zu: %s", level->record->noun, level->number, reason)
                            : alloc_format("%s: %s", level->record->noun, reason);

        free(reason);
        reason = located;
    }
    free(reader->reason);
    reader->reason = reason;
    return false;
}

static struct level *
reader_level(struct reader *reader)
{
    return reader->n_levels > 0 ? &reader->levels[reader->n_levels - 1] : NULL;
}

/* Passes over the object or array that has begun. */
static bool
reader_skip(struct reader *reader)
{
    reader->n_skipped = 1;
    reader->json.ignored = true;
    return true;
}

/* Passes over one of those within it. */
static void
reader_skip_on(struct reader *reader, enum json_event event)
{
    reader->json.ignored = true;
    if (event == JSON_OBJECT || event == JSON_ARRAY) {
        reader->n_skipped++;
    } else if (event == JSON_OBJECT_END || event == JSON_ARRAY_END) {
        reader->n_skipped--;
    }
}

static size_t
string_place(const char *text, size_t length)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    }
    return hash % COUNT_OF(((struct reader *)NULL)->recent);
}

/* A copy that lives as long as the struct, or an equal one that is there. */
static const char *
reader_keep_string(struct reader *reader)
{
    const char *text = reader->json.token;
    size_t length = reader->json.length;
    const char **recent = &reader->recent[string_place(text, length)];

    reader->n_bytes += length * (STRING_FACTOR - 1);
    if (*recent == NULL || strcmp(*recent, text) != 0) {
        *recent = pages_add(reader->strings, text, length + 1);
        reader->n_bytes += length + 1;
    }
    return *recent;
}

/* Each takes a value of a type. Returns NULL, or what is wrong with the field. */
typedef char *
take_fn(struct reader *reader, const struct field *field, enum json_event event, void *into);

static char *
take_integer(struct reader *reader, const struct field *field, enum json_event event, void *into)
{
    const char *text = reader->json.token;
    int64_t value;

    if (event != JSON_NUMBER || strpbrk(text, ".eE") != NULL) {
        return alloc_format("'%s' is not an integer", field->key);
    }
    errno = 0;
    value = strtoll(text, NULL, 10);
    if (errno != 0 || value < field->min || value > field->max) {
        return alloc_format("'%s' is %.40s, which cannot be", field->key, text);
    }
    memcpy(into, &value, sizeof(value));
    return NULL;
}

static char *
take_string(struct reader *reader, const struct field *field, enum json_event event, void *into)
{
    const char *value;
    char *reason;

    if (event != JSON_STRING) {
        return alloc_format("'%s' is not a string", field->key);
    }
    if (reader->json.length > FIELDS_MAX_STRING) {
        return alloc_format("'%s' has more than %d bytes", field->key, FIELDS_MAX_STRING);
    }
    reason = field->check != NULL ? field->check(reader->json.token) : NULL;
    if (reason == NULL) {
        value = reader_keep_string(reader);
        memcpy(into, &value, sizeof(value));
    }
    return reason;
}

static char *
take_flag(struct reader *reader, const struct field *field, enum json_event event, void *into)
{
    bool value = event == JSON_TRUE;

    if (event != JSON_TRUE && event != JSON_FALSE) {
        return alloc_format("'%s' is neither true nor false", field->key);
    }
    memcpy(into, &value, sizeof(value));
    return NULL;
}

static char *
take_address(struct reader *reader, const struct field *field, enum json_event event, void *into)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *text = event == JSON_STRING ? reader->json.token : "";
    size_t length = event == JSON_STRING ? reader->json.length : 0;
    bool known = true;
    uint64_t value;

    if (length < 3 || length > 18 || strncmp(text, "0x", 2) != 0 ||
        text[2 + strspn(text + 2, digits)] != '\0') {
        return alloc_format("'%s' is not an address like \"0x1f\"", field->key);
    }
    value = strtoull(text, NULL, 16);
    memcpy(into, &value, sizeof(value));
    memcpy(reader_level(reader)->object + field->known, &known, sizeof(known));
    return NULL;
}

static char *
take_word(struct reader *reader, const struct field *field, enum json_event event, void *into)
{
    char *all = alloc_copy(""), *longer;

    for (int i = 0; field->words[i] != NULL; i++) {
        if (event == JSON_STRING && strcmp(field->words[i], reader->json.token) == 0) {
            memcpy(into, &i, sizeof(i));
            free(all);
            return NULL;
        }
        longer = alloc_format("%s%s%s", all, i > 0 ? ", " : "", field->words[i]);
        free(all);
        all = longer;
    }
    longer = alloc_format("'%s' is none of %s", field->key, all);
    free(all);
    return longer;
}

static char *
take_object(struct reader *reader, const struct field *field, enum json_event event, void *into)
{
    return alloc_format("'%s' is not an object", field->key);
}

static char *
take_entries(struct reader *reader, const struct field *field, enum json_event event, void *into)
{
    return alloc_format("'%s' is not an array", field->key);
}

/* The value itself does not matter: that the field is there was noted with its key. */
static char *
take_mark(struct reader *reader, const struct field *field, enum json_event event, void *into)
{
    return NULL;
}

static take_fn *const takers[] = {
    [FIELD_INTEGER] = take_integer, [FIELD_STRING] = take_string, [FIELD_FLAG] = take_flag,
    [FIELD_ADDRESS] = take_address, [FIELD_WORD] = take_word,     [FIELD_OBJECT] = take_object,
    [FIELD_ENTRIES] = take_entries, [FIELD_MARK] = take_mark,
};

/* A value, or the beginning of one, that is neither skipped nor the entries of a field. */
static bool
reader_take_value(struct reader *reader, enum json_event event)
{
    struct level *level = reader_level(reader);
    const struct field *field;
    char *reason;

    if (level == NULL) {
        return reader_fail(reader, alloc_copy("not a JSON object"));
    }
    field = level->field;
    if (level->in_entries) {
        const struct record *record = field->entries;
        size_t n;

        memcpy(&n, level->object + field->count, sizeof(n));
        return reader_fail(reader, alloc_format("%s %zu: not an object", record->noun, n));
    }
    if (field == NULL) {
        return true;
    }
    level->field = NULL;
    reason = takers[field->type](reader, field, event, level->object + field->offset);
    return reason == NULL || reader_fail(reader, reason);
}

static void
object_begin(const struct record *record, char *object)
{
    static const int64_t absent = MODEL_ABSENT;

    for (size_t i = 0; i < record->n_fields; i++) {
        if (record->fields[i].type == FIELD_INTEGER) {
            memcpy(object + record->fields[i].offset, &absent, sizeof(absent));
        }
    }
}

/* Goes into an object that is to be read. */
static void
reader_enter(struct reader *reader, const struct record *record, char *object, size_t number)
{
    struct span text = {(uint32_t)(reader->json.offset - reader->offset), 0};

    reader->levels[reader->n_levels++] =
        (struct level){.record = record, .object = object, .number = number};
    object_begin(record, object);
    if (record->text != 0) {
        memcpy(object + record->text, &text, sizeof(text));
    }
}

/* Room for one entry more, all zero. */
static char *
level_add_entry(struct level *level, size_t *number)
{
    const struct field *field = level->field;
    size_t n_bytes = field->entries->n_bytes, n;
    char *entries;

    memcpy(&n, level->object + field->count, sizeof(n));
    memcpy(&entries, level->object + field->offset, sizeof(entries));
    if (n == level->room) {
        level->room = n > 0 ? n * 2 : 4;
        entries = alloc_array(entries, level->room, n_bytes);
        memcpy(level->object + field->offset, &entries, sizeof(entries));
    }
    *number = n++;
    memset(entries + *number * n_bytes, 0, n_bytes);
    memcpy(level->object + field->count, &n, sizeof(n));
    return entries + *number * n_bytes;
}

static bool
reader_begin_object(struct reader *reader)
{
    struct level *level = reader_level(reader);

    if (level == NULL) {
        reader->offset = reader->json.offset;
        reader_enter(reader, reader->root.record,
                     reader->root.begin(reader->root.arg, reader->offset), 0);
        memset(reader->recent, 0, sizeof(reader->recent));
    } else if (level->in_entries) {
        const struct record *record = level->field->entries;
        size_t number;
        char *entry = level_add_entry(level, &number);

        reader->n_bytes += record->n_bytes + ENTRY_BYTES;
        reader_enter(reader, record, entry, number);
    } else if (level->field != NULL && level->field->type == FIELD_OBJECT) {
        const struct field *field = level->field;

        level->field = NULL;
        reader_enter(reader, field->entries, level->object + field->offset, FIELDS_ALONE);
    } else {
        return reader_take_value(reader, JSON_OBJECT) && reader_skip(reader);
    }
    return true;
}

static void
level_set_list(struct level *level, size_t offset, bool end)
{
    struct span span;

    if (level->field->list != 0) {
        memcpy(&span, level->object + level->field->list, sizeof(span));
        *(end ? &span.end : &span.begin) = (uint32_t)offset;
        memcpy(level->object + level->field->list, &span, sizeof(span));
    }
}

static bool
reader_begin_array(struct reader *reader)
{
    struct level *level = reader_level(reader);
    const struct field *field = level != NULL ? level->field : NULL;

    if (level == NULL && reader->root.or_array && !reader->in_array) {
        reader->in_array = true;
        return true;
    }
    if (level != NULL && !level->in_entries && field != NULL && field->type == FIELD_ENTRIES) {
        level->in_entries = true;
        level->room = 0;
        level_set_list(level, reader->json.offset + 1 - reader->offset, false);
        return true;
    }
    return reader_take_value(reader, JSON_ARRAY) && reader_skip(reader);
}

/* The end of an array of entries, or of that of all objects. Gives back what it has too much of. */
static void
reader_end_array(struct reader *reader)
{
    struct level *level = reader_level(reader);
    const struct field *field;
    char *entries;
    size_t n;

    if (level == NULL) {
        return;
    }
    field = level->field;
    memcpy(&n, level->object + field->count, sizeof(n));
    memcpy(&entries, level->object + field->offset, sizeof(entries));
    entries = alloc_array(entries, n, field->entries->n_bytes);
    memcpy(level->object + field->offset, &entries, sizeof(entries));
    level_set_list(level, reader->json.offset - reader->offset, true);
    level->in_entries = false;
    level->field = NULL;
}

char *
fields_missing(const struct record *record, uint64_t seen)
{
    for (size_t i = 0; i < record->n_fields; i++) {
        if (record->fields[i].required && (seen >> i & 1) == 0) {
            return alloc_format("'%s' is missing", record->fields[i].key);
        }
    }
    return NULL;
}

static bool
reader_end_object(struct reader *reader)
{
    struct level *level = reader_level(reader);
    const struct record *record = level->record;
    size_t end = reader->json.offset + 1;
    uint32_t text_end = (uint32_t)(end - reader->offset);
    char *reason = record->lenient ? NULL : fields_missing(record, level->seen);

    if (record->text != 0) {
        memcpy(level->object + record->text + offsetof(struct span, end), &text_end,
               sizeof(text_end));
    }
    if (reason == NULL && record->complete != NULL) {
        reason = record->complete(level->object, level->seen);
    }
    if (reason == NULL && reader->n_levels == 1) {
        reason = reader->root.end(reader->root.arg, end);
    }
    if (reason != NULL) {
        return reader_fail(reader, reason);
    }
    reader->n_levels--;
    return true;
}

/* The place of a field's rule; documents mostly have the order of the rules. */
static size_t
record_find(const struct record *record, const char *key, uint64_t seen)
{
    size_t first = seen != 0 ? 64 - (size_t)__builtin_clzll(seen) : 0;

    for (size_t i = 0; i < record->n_fields; i++) {
        size_t place = (first + i) % record->n_fields;

        if (strcmp(record->fields[place].key, key) == 0) {
            return place;
        }
    }
    return record->n_fields;
}

static bool
reader_take_key(struct reader *reader)
{
    struct level *level = reader_level(reader);
    const struct record *record = level->record;
    size_t place = record_find(record, reader->json.token, level->seen);
    const struct field *field = place < record->n_fields ? &record->fields[place] : NULL;

    level->field = field;
    reader->json.ignored = field == NULL || field->type == FIELD_MARK;
    if (field != NULL && (level->seen >> place & 1) != 0) {
        return reader_fail(reader, alloc_format("'%s' is there twice", field->key));
    }
    if (field != NULL) {
        level->seen |= UINT64_C(1) << place;
    }
    return true;
}

static bool
reader_event(void *arg, enum json_event event)
{
    struct reader *reader = arg;

    if (reader->n_skipped > 0) {
        reader_skip_on(reader, event);
        return true;
    }
    switch (event) {
    case JSON_OBJECT:
        return reader_begin_object(reader);
    case JSON_OBJECT_END:
        return reader_end_object(reader);
    case JSON_ARRAY:
        return reader_begin_array(reader);
    case JSON_ARRAY_END:
        reader_end_array(reader);
        return true;
    case JSON_KEY:
        return reader_take_key(reader);
    default:
        return reader_take_value(reader, event);
    }
}

void
fields_begin(struct reader *reader, const struct root *root)
{
    *reader = (struct reader){.root = *root};
    json_begin(&reader->json, reader_event, reader);
}

/* What JSON itself has to complain about. */
static bool
reader_fail_json(struct reader *reader)
{
    const struct json *json = &reader->json;

    if (reader->reason == NULL && strcmp(json->error, "empty") == 0) {
        reader->reason = alloc_copy("empty: no document");
    } else if (reader->reason == NULL) {
        reader->reason = alloc_format("broken JSON in line %zu: %s", json->line, json->error);
    }
    return false;
}

bool
fields_feed(struct reader *reader, const char *bytes, size_t n)
{
    return json_feed(&reader->json, bytes, n) || reader_fail_json(reader);
}

bool
fields_finish(struct reader *reader)
{
    return json_finish(&reader->json) || reader_fail_json(reader);
}

void
fields_end(struct reader *reader)
{
    json_free(&reader->json);
    free(reader->reason);
    reader->reason = NULL;
}
