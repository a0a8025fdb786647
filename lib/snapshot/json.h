/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h: writes JSON text into a buffer that grows.
 *
 * An error sticks: after the first failed allocation every call does nothing, and json_take()
 * says so once at the end. Commas are set by the writer, quotes and escapes too.
 */
#ifndef OSMP_SNAPSHOT_JSON_H
#define OSMP_SNAPSHOT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* All bytes 0 is an empty writer. */
struct json {
    char *bytes;
    size_t used;
    size_t room;
    bool failed; /* no memory: nothing more is written */
    bool comma;  /* a value stands before: the next one is set off from it */
};

/* Gets room for n more bytes; false if there is none to be had. */
bool json_grow(struct json *json, size_t n);

/* A value: text in quotes, escaped, and so what a reader would not see (unseen.h); bytes that are
 * not UTF-8 become U+FFFD. */
void json_string(struct json *json, const char *text);

/* A value: an exact integer. */
void json_u64(struct json *json, uint64_t value);
void json_i64(struct json *json, int64_t value);

/* A value: true or false. */
void json_bool(struct json *json, bool value);

/* Opens an object or an array, '{' or '['. */
void json_open(struct json *json, char bracket);

/* Closes it, '}' or ']'. */
void json_close(struct json *json, char bracket);

/*
 * Ends the document with a newline and hands its bytes to the caller, who frees them; the writer
 * is empty again. NULL if memory ran out.
 */
char *json_take(struct json *json, size_t *length);

/* Makes sure of room for n more bytes; false if there is none to be had. */
static inline bool
json_reserve(struct json *json, size_t n)
{
    return json->room - json->used >= n || json_grow(json, n);
}

/* Bytes as they are. */
static inline void
json_raw(struct json *json, const char *bytes, size_t n)
{
    if (json_reserve(json, n)) {
        memcpy(json->bytes + json->used, bytes, n);
        json->used += n;
    }
}

/* A value that stands in the document already: n bytes from a place in it. */
void json_repeat(struct json *json, size_t begin, size_t n);

/* The name of a member: a plain word that needs no escapes. Inline: its length is a constant. */
static inline void
json_key(struct json *json, const char *word)
{
    size_t n = strlen(word);
    char *to;

    if (json_reserve(json, n + 4)) {
        to = json->bytes + json->used;
        *to = ',';
        to += json->comma;
        *to++ = '"';
        memcpy(to, word, n);
        to += n;
        *to++ = '"';
        *to++ = ':';
        json->used = (size_t)(to - json->bytes);
    }
    json->comma = false;
}

static inline void
json_key_string(struct json *json, const char *word, const char *text)
{
    json_key(json, word);
    json_string(json, text);
}

static inline void
json_key_u64(struct json *json, const char *word, uint64_t value)
{
    json_key(json, word);
    json_u64(json, value);
}

#endif
