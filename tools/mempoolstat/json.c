/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"

#define TOKEN_MIN_ROOM 32

/* What may come next. */
enum json_state {
    STATE_VALUE, /* or the end of an array that has none */
    STATE_KEY,   /* or the end of an object that has none */
    STATE_COLON, /* behind a key */
    STATE_COMMA, /* behind a value: or an end */
    /* Up to here blanks are skipped. */
    STATE_STRING,  /* the rest of a string or of a key */
    STATE_ESCAPE,  /* behind a backslash */
    STATE_UNICODE, /* digits behind \u */
    STATE_KEY_STRING,
    STATE_NUMBER,
    STATE_WORD, /* true, false or null */
};

static bool
json_fail(struct json *json, const char *error)
{
    json->error = json->error == NULL ? error : json->error;
    return false;
}

static void
json_tell(struct json *json, enum json_event event)
{
    if (!json->fn(json->arg, event)) {
        json->stopped = true;
    }
}

static void
token_begin(struct json *json)
{
    json->length = 0;
    json->code = json->high = 0;
    json->n_continued = 0;
}

/* Adds bytes, as far as they are kept; one more is for the NUL. */
static void
token_add(struct json *json, const char *bytes, size_t n)
{
    size_t at = json->length < JSON_MAX_TOKEN ? json->length : JSON_MAX_TOKEN;
    size_t kept = n < JSON_MAX_TOKEN - at ? n : JSON_MAX_TOKEN - at;

    while (at + kept + 1 > json->room) {
        json->room = json->room > 0 ? json->room * 2 : TOKEN_MIN_ROOM;
        json->token = alloc_array(json->token, json->room, 1);
    }
    memcpy(json->token + at, bytes, kept);
    json->token[at + kept] = '\0';
    json->length += n;
}

static void
token_add_code(struct json *json, uint32_t code)
{
    char bytes[4];
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = n - 1; i > 0; i--) {
        bytes[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    bytes[0] = (char)(marks[n] | code);
    token_add(json, bytes, n);
}

static bool
json_in_array(const struct json *json)
{
    return (json->arrays >> (json->depth - 1) & 1) != 0;
}

/* Behind a value, which may have been the only one. */
static void
json_value_done(struct json *json)
{
    json->state = STATE_COMMA;
}

static bool
json_open(struct json *json, bool array)
{
    if (json->depth == JSON_MAX_DEPTH) {
        return json_fail(json, "nested too deep");
    }
    json_tell(json, array ? JSON_ARRAY : JSON_OBJECT);
    json->arrays = (json->arrays & ~(UINT64_C(1) << json->depth)) | (uint64_t)array << json->depth;
    json->depth++;
    json->after_comma = false;
    json->state = array ? STATE_VALUE : STATE_KEY;
    return true;
}

static bool
json_close(struct json *json, bool array)
{
    if (json->depth == 0 || json_in_array(json) != array || json->after_comma) {
        return json_fail(json, "a bracket or brace that closes nothing");
    }
    json->depth--;
    json_value_done(json);
    json_tell(json, array ? JSON_ARRAY_END : JSON_OBJECT_END);
    return true;
}

static bool
byte_is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool
byte_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static void
json_begin_token(struct json *json, enum json_state state)
{
    token_begin(json);
    json->state = (int)state;
}

/* The states take at least one byte, or change the state. Each returns the bytes that it took;
 * after an error that does not matter. */
typedef size_t state_fn(struct json *json, const char *bytes, size_t n);

static size_t
take_value(struct json *json, const char *bytes, size_t n)
{
    char byte = bytes[0];

    if (byte == '{' || byte == '[') {
        json_open(json, byte == '[');
    } else if (byte == '"') {
        json_begin_token(json, STATE_STRING);
    } else if (byte == '-' || byte_is_digit(byte)) {
        json_begin_token(json, STATE_NUMBER);
        return 0;
    } else if (byte >= 'a' && byte <= 'z') {
        json_begin_token(json, STATE_WORD);
        return 0;
    } else if (byte == ']' && json->depth > 0) {
        json_close(json, true);
    } else {
        json_fail(json, "a value is missing");
    }
    return 1;
}

static size_t
take_key(struct json *json, const char *bytes, size_t n)
{
    if (bytes[0] == '"') {
        json_begin_token(json, STATE_KEY_STRING);
        json->ignored = false;
    } else if (bytes[0] == '}') {
        json_close(json, false);
    } else {
        json_fail(json, "a key is missing");
    }
    return 1;
}

static size_t
take_colon(struct json *json, const char *bytes, size_t n)
{
    if (bytes[0] != ':') {
        json_fail(json, "a colon is missing");
    }
    json->after_comma = true; /* no bracket can close before the value */
    json->state = STATE_VALUE;
    return 1;
}

static size_t
take_comma(struct json *json, const char *bytes, size_t n)
{
    char byte = bytes[0];

    json->after_comma = false;
    if (json->depth == 0) {
        json_fail(json, "there is more behind the end");
    } else if (byte == ',') {
        json->after_comma = true;
        json->state = json_in_array(json) ? STATE_VALUE : STATE_KEY;
    } else if (byte == ']' || byte == '}') {
        json_close(json, byte == ']');
    } else {
        json_fail(json, "a comma is missing");
    }
    return 1;
}

/* The first byte of a character of UTF-8 that has more than one. */
static bool
utf8_begin(struct json *json, unsigned char byte)
{
    json->least = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    json->most = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    json->n_continued = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    return byte >= 0xc2 && byte <= 0xf4;
}

static bool
utf8_continue(struct json *json, unsigned char byte)
{
    bool fits = byte >= json->least && byte <= json->most;

    json->least = 0x80;
    json->most = 0xbf;
    json->n_continued--;
    return fits;
}

/* How many bytes at the beginning stand for themselves in a string. */
static size_t
plain_length(const char *bytes, size_t n)
{
    size_t i = 0;

    while (i < n && bytes[i] >= ' ' && (unsigned char)bytes[i] < 0x80 && bytes[i] != '"' &&
           bytes[i] != '\\') {
        i++;
    }
    return i;
}

static void
string_add(struct json *json, const char *bytes, size_t n)
{
    if (!json->ignored) {
        token_add(json, bytes, n);
    }
}

static void
string_end(struct json *json)
{
    bool key = json->state == STATE_KEY_STRING;

    string_add(json, "", 0);
    json->state = key ? STATE_COLON : STATE_COMMA;
    json_tell(json, key ? JSON_KEY : JSON_STRING);
}

static size_t
take_string(struct json *json, const char *bytes, size_t n)
{
    unsigned char byte = (unsigned char)bytes[0];
    size_t n_plain = json->n_continued == 0 && json->high == 0 ? plain_length(bytes, n) : 0;

    if (n_plain > 0) {
        string_add(json, bytes, n_plain);
        return n_plain;
    }
    if (json->n_continued > 0 ? !utf8_continue(json, byte)
                              : byte >= 0x80 && !utf8_begin(json, byte)) {
        json_fail(json, "not UTF-8");
    } else if (json->high != 0 && byte != '\\') {
        json_fail(json, "half of a surrogate pair");
    } else if (byte >= 0x80) {
        string_add(json, bytes, 1);
    } else if (byte == '"') {
        string_end(json);
    } else if (byte == '\\') {
        json->in_key = json->state == STATE_KEY_STRING;
        json->state = STATE_ESCAPE;
    } else {
        json_fail(json, "a control character in a string");
    }
    return 1;
}

static void
string_resume(struct json *json)
{
    json->state = json->in_key ? STATE_KEY_STRING : STATE_STRING;
}

static size_t
take_escape(struct json *json, const char *bytes, size_t n)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *letter = bytes[0] != '\0' ? strchr(letters, bytes[0]) : NULL;

    if (bytes[0] == 'u') {
        json->code = 0;
        json->n_digits = 0;
        json->state = STATE_UNICODE;
    } else if (letter != NULL && json->high == 0) {
        string_add(json, &meanings[letter - letters], 1);
        string_resume(json);
    } else {
        json_fail(json, "a backslash with nothing to escape");
    }
    return 1;
}

/* A code that was escaped: a character, or half of one. */
static void
unicode_end(struct json *json)
{
    bool low = json->code >= 0xdc00 && json->code < 0xe000;
    uint32_t code = json->code;

    string_resume(json);
    if (low != (json->high != 0)) {
        json_fail(json, "half of a surrogate pair");
        return;
    }
    if (code == 0) {
        json_fail(json, "a NUL in a string");
        return;
    }
    if (code >= 0xd800 && code < 0xdc00) {
        json->high = code;
        return;
    }
    if (low) {
        code = 0x10000 + ((json->high & 0x3ff) << 10 | (code & 0x3ff));
        json->high = 0;
    }
    if (!json->ignored) {
        token_add_code(json, code);
    }
}

static size_t
take_unicode(struct json *json, const char *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    char byte = bytes[0] >= 'A' && bytes[0] <= 'F' ? (char)(bytes[0] - 'A' + 'a') : bytes[0];
    const char *digit = byte != '\0' ? strchr(digits, byte) : NULL;

    if (digit == NULL) {
        json_fail(json, "\\u without four digits");
        return 1;
    }
    json->code = json->code << 4 | (uint32_t)(digit - digits);
    if (++json->n_digits == 4) {
        unicode_end(json);
    }
    return 1;
}

/* Skips digits, of which there must be one. */
static bool
number_digits(const char **at)
{
    const char *first = *at;

    while (byte_is_digit(**at)) {
        ++*at;
    }
    return *at > first;
}

static bool
number_is_valid(const char *at)
{
    bool valid;

    at += *at == '-';
    valid = *at == '0' ? at++ != NULL : number_digits(&at);
    if (*at == '.') {
        at++;
        valid = number_digits(&at) && valid;
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '+' || *at == '-';
        valid = number_digits(&at) && valid;
    }
    return valid && *at == '\0';
}

static void
number_end(struct json *json)
{
    json_value_done(json);
    if (json->length > JSON_MAX_TOKEN || !number_is_valid(json->token)) {
        json_fail(json, "not a number");
        return;
    }
    json_tell(json, JSON_NUMBER);
}

static size_t
take_number(struct json *json, const char *bytes, size_t n)
{
    size_t i = 0;

    while (i < n && (byte_is_digit(bytes[i]) || (bytes[i] != '\0' && strchr("+-.eE", bytes[i])))) {
        i++;
    }
    token_add(json, bytes, i);
    if (i < n) {
        number_end(json);
    }
    return i;
}

static void
word_end(struct json *json)
{
    static const struct {
        const char *word;
        enum json_event event;
    } words[] = {{"true", JSON_TRUE}, {"false", JSON_FALSE}, {"null", JSON_NULL}};

    json_value_done(json);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].word, json->token) == 0) {
            json_tell(json, words[i].event);
            return;
        }
    }
    json_fail(json, "a word that is none of true, false and null");
}

static size_t
take_word(struct json *json, const char *bytes, size_t n)
{
    size_t i = 0;

    while (i < n && bytes[i] >= 'a' && bytes[i] <= 'z') {
        i++;
    }
    token_add(json, bytes, i);
    if (i < n) {
        word_end(json);
    }
    return i;
}

static state_fn *const states[] = {
    [STATE_VALUE] = take_value,     [STATE_KEY] = take_key,           [STATE_COLON] = take_colon,
    [STATE_COMMA] = take_comma,     [STATE_STRING] = take_string,     [STATE_ESCAPE] = take_escape,
    [STATE_UNICODE] = take_unicode, [STATE_KEY_STRING] = take_string, [STATE_NUMBER] = take_number,
    [STATE_WORD] = take_word,
};

void
json_begin(struct json *json, json_fn *fn, void *arg)
{
    *json = (struct json){.fn = fn, .arg = arg, .line = 1};
}

bool
json_feed(struct json *json, const char *bytes, size_t n)
{
    while (n > 0 && json->error == NULL && !json->stopped) {
        bool blank = json->state < STATE_STRING && byte_is_blank(bytes[0]);
        size_t taken = blank ? 1 : states[json->state](json, bytes, n);

        json->line += blank && bytes[0] == '\n';
        bytes += taken;
        n -= taken;
        json->offset += taken;
    }
    return json->error == NULL && !json->stopped;
}

bool
json_is_cut(const struct json *json)
{
    return json->error == NULL && !json->stopped && (json->depth > 0 || json->state != STATE_COMMA);
}

bool
json_finish(struct json *json)
{
    /* Only what follows it shows that a number is at its end. */
    if (json->depth == 0 && (json->state == STATE_NUMBER || json->state == STATE_WORD)) {
        json_feed(json, " ", 1);
    }
    if (json_is_cut(json)) {
        return json_fail(
            json, json->depth == 0 && json->state == STATE_VALUE ? "empty" : "it ends too early");
    }
    return json->error == NULL && !json->stopped;
}

void
json_free(struct json *json)
{
    free(json->token);
    json->token = NULL;
}
