/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h: reads JSON (RFC 8259) as it arrives, whatever the pieces, and keeps nothing but the token
 * that it is at. What comes from a process is not trusted: memory is bounded by JSON_MAX_TOKEN, and
 * time is linear.
 */
#ifndef MEMPOOLSTAT_JSON_H
#define MEMPOOLSTAT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longer strings are read, but not kept. */
#define JSON_MAX_TOKEN 4096
/* Objects and arrays within one another. */
#define JSON_MAX_DEPTH 64

enum json_event {
    JSON_OBJECT,
    JSON_OBJECT_END,
    JSON_ARRAY,
    JSON_ARRAY_END,
    JSON_KEY,
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
};

/** Takes an event. Returns false to stop. */
typedef bool json_fn(void *arg, enum json_event event);

struct json {
    json_fn *fn;
    void *arg;
    /* Of a key, string or number: its text, decoded, and with a NUL; at most JSON_MAX_TOKEN bytes
     * are there, but length is that of all. No text holds a NUL of its own. */
    char *token;
    size_t length;
    bool ignored;  /* set by the taker of events: it wants no strings now */
    size_t offset; /* bytes before the one that the event is about */
    size_t line;
    const char *error; /* what is wrong; NULL: nothing so far */
    /* The rest is json.c's. */
    int state;
    bool stopped, after_comma, in_key;
    unsigned int depth, n_digits, n_continued;
    uint64_t arrays; /* a bit for each level: it is an array */
    uint32_t code, high;
    unsigned char least, most; /* bounds of the byte of UTF-8 that comes next */
    size_t room;
};

void json_begin(struct json *json, json_fn *fn, void *arg);

/** Takes more text. Returns false if it is wrong, or if the taker of events has stopped. */
bool json_feed(struct json *json, const char *bytes, size_t n);

/** Whether what was fed is one value, from its beginning to its end. If not, the error says why. */
bool json_finish(struct json *json);

/** Whether what was fed is right so far, and not yet a whole value. */
bool json_is_cut(const struct json *json);

void json_free(struct json *json);

#endif
