/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fields.h: the fields of a JSON object, each by a rule: its type, its range, and where its value
 * goes. Whoever serves a document is not trusted.
 *
 * Each reader returns NULL, or what is wrong as a new string, to be freed.
 */
#ifndef MEMPOOLSTAT_FIELDS_H
#define MEMPOOLSTAT_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Microseconds since 1970 or between two moments. */
#define FIELDS_MAX_TIME ((json_int_t)1 << 53)
/* Strings: the library's names have 31 bytes. One of a megabyte would make each row that wide. */
#define FIELDS_MAX_STRING 4096

struct integer_rule {
    const char *key;
    size_t offset; /* of an int64_t in the struct; MODEL_ABSENT where the field is missing */
    json_int_t min, max;
    bool required;
};

struct string_rule {
    const char *key;
    size_t offset; /* of a const char * in the struct; NULL where the field is missing */
    bool required;
};

char *
fields_read_integers(const json_t *object, const struct integer_rule *rules, size_t n, void *into);

char *
fields_read_strings(const json_t *object, const struct string_rule *rules, size_t n, void *into);

/** A field that is true or false; one that is missing leaves flag as it is. */
char *fields_read_flag(const json_t *object, const char *key, bool *flag);

/** An address, as a string of hexadecimal digits behind 0x; known is whether the field is there. */
char *fields_read_address(const json_t *object, const char *key, uint64_t *address, bool *known);

/** Reads one entry of an array. The memory of an entry is zeroed before. */
typedef char *entry_fn(const json_t *json, void *entry);

struct entry_rule {
    const char *key;
    const char *noun; /* what an entry is called in a message */
    size_t entry_bytes;
    entry_fn *read;
    size_t entries, n_entries; /* offsets in the struct: of a pointer to the entries, a size_t */
    bool required;
};

/** An array of objects. On failure the entries up to that one are there, to be freed. */
char *fields_read_entries(const json_t *object, const struct entry_rule *rule, void *into);

#endif
