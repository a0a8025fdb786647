/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fields.h: from JSON to structs, by rules: the type of each field, its range, and where its value
 * goes. Whoever serves a document is not trusted: each value is checked, and members that no rule
 * names are skipped without being kept.
 */
#ifndef MEMPOOLSTAT_FIELDS_H
#define MEMPOOLSTAT_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"
#include "pages.h"

/* Microseconds since 1970 or between two moments. */
#define FIELDS_MAX_TIME ((int64_t)1 << 53)
/* Strings: the library's names have 31 bytes. One of a megabyte would make each row that wide. */
#define FIELDS_MAX_STRING JSON_MAX_TOKEN
#define FIELDS_MAX_LEVELS 4

/* What the value is, and what is at the offset. */
enum field_type {
    FIELD_INTEGER, /* int64_t; MODEL_ABSENT where the field is missing */
    FIELD_STRING,  /* const char *; NULL where it is missing */
    FIELD_FLAG,    /* bool */
    FIELD_ADDRESS, /* uint64_t, from a string of hexadecimal digits behind 0x */
    FIELD_WORD,    /* int: which of the words it is */
    FIELD_OBJECT,  /* a struct, from an object with rules of its own */
    FIELD_ENTRIES, /* a pointer to the first of several structs, from an array of objects */
    FIELD_MARK,    /* bool: the field is there, whatever its value */
};

struct record;

struct field {
    const char *key;
    enum field_type type;
    bool required;
    size_t offset;
    int64_t min, max;             /* FIELD_INTEGER */
    size_t known;                 /* FIELD_ADDRESS: offset of a bool: it is there */
    const char *const *words;     /* FIELD_WORD: NULL behind the last */
    const struct record *entries; /* FIELD_ENTRIES: what each is; FIELD_OBJECT: what it is */
    size_t count;                 /* FIELD_ENTRIES: offset of a size_t, how many there are */
    size_t list; /* likewise: offset of a struct span, what is between the brackets; 0: none */
    char *(*check)(const char *text); /* FIELD_STRING: what is wrong with it; NULL: any will do */
};

/* A part of a document's text, counted from its brace. */
struct span {
    uint32_t begin, end;
};

/* The rules of an object. */
struct record {
    const char *noun; /* what an object is called in a message */
    size_t n_bytes;   /* of the struct, which is all zero when it is begun */
    const struct field *fields;
    size_t n_fields; /* at most 64 */
    size_t text;     /* offset of a struct span: the object's own text; 0: none */
    /* Called at the end: what does not fit together, as a new string, or NULL. seen has a bit for
     * each field that is there. */
    char *(*complete)(void *object, uint64_t seen);
    bool lenient; /* complete() looks what is missing, too */
};

/** Says that a required field is missing, as a new string; NULL if none is. */
char *fields_missing(const struct record *record, uint64_t seen);

struct reader;

/* The object that is outermost, or one of several in an array. */
struct root {
    const struct record *record;
    bool or_array; /* an array of them is allowed, too */
    void *arg;
    void *(*begin)(void *arg, size_t offset); /* a struct, all zero, for the object at an offset */
    /* It ends before an offset. Returns what is wrong, or NULL. */
    char *(*end)(void *arg, size_t offset);
};

struct level {
    const struct record *record;
    char *object;
    uint64_t seen;
    const struct field *field; /* whose value comes next; NULL: that of a field without a rule */
    bool in_entries;           /* of that field */
    size_t number;             /* among the entries of the level above, if it is one of several */
    size_t room;               /* for entries */
};

struct reader {
    struct json json;
    struct root root;
    struct pages *strings; /* where strings are kept; may be changed by begin() */
    struct level levels[FIELDS_MAX_LEVELS];
    size_t n_levels;
    size_t n_skipped; /* objects and arrays within one another that no rule knows */
    size_t offset;    /* of the outermost object */
    bool in_array;
    size_t n_bytes;         /* what all of it costs in memory, until it is printed */
    const char *recent[32]; /* strings that may come again */
    char *reason;           /* what is wrong, NULL: nothing so far */
};

void fields_begin(struct reader *reader, const struct root *root);

/** Takes more text. Returns false if something is wrong. */
bool fields_feed(struct reader *reader, const char *bytes, size_t n);

/** Whether it is whole. */
bool fields_finish(struct reader *reader);

/** Frees what only reading needs. */
void fields_end(struct reader *reader);

#endif
