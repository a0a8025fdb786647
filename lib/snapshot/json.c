/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/json.h"

#include <stdlib.h>

#include "snapshot/unseen.h"

enum {
    JSON_FIRST_ROOM = 512,
    JSON_INTEGER_MAX = 20, /* digits of 2^64 - 1 */
};

static const char json_replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

/* Doubled, so that a document is copied a fixed number of times per byte. */
static size_t
json_room_for(const struct json *json, size_t least)
{
    size_t room;

    if (__builtin_mul_overflow(json->room, 2, &room) || room < JSON_FIRST_ROOM) {
        room = JSON_FIRST_ROOM;
    }
    return room < least ? least : room;
}

bool
json_grow(struct json *json, size_t n)
{
    size_t least;
    size_t room;
    char *bytes = NULL;

    if (!__builtin_add_overflow(json->used, n, &least) && !json->failed) {
        room = json_room_for(json, least);
        bytes = realloc(json->bytes, room);
    }
    if (bytes == NULL) {
        json->failed = true;
        json->room = json->used;
        return false;
    }
    json->bytes = bytes;
    json->room = room;
    return true;
}

static void
json_separate(struct json *json)
{
    if (json->comma) {
        json_raw(json, ",", 1);
    }
    json->comma = true;
}

void
json_open(struct json *json, char bracket)
{
    json_separate(json);
    json_raw(json, &bracket, 1);
    json->comma = false;
}

void
json_close(struct json *json, char bracket)
{
    json_raw(json, &bracket, 1);
    json->comma = true;
}

static void
json_escaped_unit(struct json *json, uint32_t unit)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {
        '\\', 'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15], hex[unit >> 4 & 15], hex[unit & 15]};

    json_raw(json, text, sizeof(text));
}

/* As one unit of UTF-16, or two. */
static void
json_escaped(struct json *json, uint32_t character)
{
    if (character < 0x10000) {
        json_escaped_unit(json, character);
    } else {
        json_escaped_unit(json, 0xd800 + ((character - 0x10000) >> 10));
        json_escaped_unit(json, 0xdc00 + ((character - 0x10000) & 0x3ff));
    }
}

/*
 * Tells how many bytes at text make one character, or, where *valid becomes false, how many start
 * one that does not go on: those together are one U+FFFD, as Unicode recommends (its table of
 * well-formed byte sequences). The NUL at the end is no continuation, so nothing behind it is read.
 */
static size_t
json_utf8(const unsigned char *text, bool *valid)
{
    unsigned char first = text[0];
    unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    size_t length = first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;
    size_t n = 1;

    while (n < length && text[n] >= low && text[n] <= high) {
        low = 0x80;
        high = 0xbf;
        n++;
    }
    *valid = n == length && (length > 1 || first < 0x80);
    return n;
}

/* The character that n well-formed bytes stand for. */
static uint32_t
json_decode(const unsigned char *text, size_t n)
{
    uint32_t character = n == 1 ? text[0] : text[0] & (0x7fu >> n);
    size_t i;

    for (i = 1; i < n; i++) {
        character = character << 6 | (text[i] & 0x3f);
    }
    return character;
}

/* A well-formed character that is not plain. Names that look alike read differently, and no
 * terminal obeys one, though these characters need no escape. */
static void
json_character(struct json *json, const unsigned char *text, size_t n)
{
    uint32_t character = json_decode(text, n);

    if (character == '"' || character == '\\') {
        json_raw(json, "\\", 1);
        json_raw(json, (const char *)text, 1);
    } else if (unseen(character)) {
        json_escaped(json, character);
    } else {
        json_raw(json, (const char *)text, n);
    }
}

/* What is not plain; how many bytes that is. */
static size_t
json_special(struct json *json, const unsigned char *text)
{
    bool valid;
    size_t n = json_utf8(text, &valid);

    if (valid) {
        json_character(json, text, n);
    } else {
        json_raw(json, json_replacement, sizeof(json_replacement) - 1);
    }
    return n;
}

static bool
json_is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

void
json_string(struct json *json, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    json_separate(json);
    json_raw(json, "\"", 1);
    while (*at != '\0') {
        size_t n = 0;

        while (json_is_plain(at[n])) {
            n++;
        }
        json_raw(json, (const char *)at, n);
        at += n;
        if (*at != '\0') {
            at += json_special(json, at);
        }
    }
    json_raw(json, "\"", 1);
}

/* Two digits a division, written from the right. */
static char *
json_digits(char *end, uint64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";

    while (value >= 100) {
        end -= 2;
        memcpy(end, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, pairs + value * 2, 2);
    } else {
        *--end = (char)('0' + value);
    }
    return end;
}

void
json_u64(struct json *json, uint64_t value)
{
    char text[JSON_INTEGER_MAX];
    char *end = text + sizeof(text);
    char *start = json_digits(end, value);

    json_separate(json);
    json_raw(json, start, (size_t)(end - start));
}

void
json_i64(struct json *json, int64_t value)
{
    if (value >= 0) {
        json_u64(json, (uint64_t)value);
        return;
    }
    json_separate(json);
    json_raw(json, "-", 1);
    json->comma = false;
    /* Unsigned, as the lowest value has no positive counterpart. */
    json_u64(json, -(uint64_t)value);
}

void
json_bool(struct json *json, bool value)
{
    const char *text = value ? "true" : "false";

    json_separate(json);
    json_raw(json, text, strlen(text));
}

void
json_repeat(struct json *json, size_t begin, size_t n)
{
    json_separate(json);
    /* Room first: it may move the bytes. */
    if (json_reserve(json, n)) {
        memcpy(json->bytes + json->used, json->bytes + begin, n);
        json->used += n;
    }
}

char *
json_take(struct json *json, size_t *length)
{
    char *bytes;

    json_raw(json, "\n", 1);
    bytes = json->bytes;
    if (json->failed) {
        free(bytes);
        bytes = NULL;
    } else {
        *length = json->used;
    }
    *json = (struct json){0};
    return bytes;
}
