/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "alloc.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* In the place of a character: a byte that is none. */
#define TEXT_NO_CHARACTER UINT32_MAX

struct text_range {
    uint32_t first, last;
};

/*
 * Characters that a terminal obeys, that show other text wrongly, or that show nothing or look like
 * a blank. Combining diacritics are among them, because each has a twin: a letter that looks the
 * same with it as another one does without. By the code points, as a locale's opinion of these
 * differs from one C library to the next, and the names of time series must not.
 */
static const struct text_range text_hidden[] = {
    {0x0000, 0x001f},   /* C0 */
    {0x007f, 0x00a0},   /* DEL, C1, no-break space */
    {0x00ad, 0x00ad},   /* soft hyphen */
    {0x0300, 0x036f},   /* combining diacritics */
    {0x061c, 0x061c},   /* Arabic letter mark */
    {0x070f, 0x070f},   /* Syriac abbreviation mark */
    {0x115f, 0x1160},   /* Hangul fillers */
    {0x1680, 0x1680},   /* Ogham space */
    {0x17b4, 0x17b5},   /* Khmer inherent vowels */
    {0x180b, 0x180f},   /* Mongolian selectors */
    {0x2000, 0x200f},   /* spaces, zero-width space to right-to-left mark */
    {0x2028, 0x202f},   /* separators, embeddings and overrides, narrow space */
    {0x205f, 0x206f},   /* mathematical space, word joiner, isolates */
    {0x2800, 0x2800},   /* empty Braille pattern */
    {0x3000, 0x3000},   /* ideographic space */
    {0x3164, 0x3164},   /* Hangul filler */
    {0xfe00, 0xfe0f},   /* variation selectors */
    {0xfeff, 0xfeff},   /* byte order mark */
    {0xffa0, 0xffa0},   /* halfwidth Hangul filler */
    {0xfff0, 0xfffb},   /* annotations */
    {0x13430, 0x1343f}, /* Egyptian joiners */
    {0x1bca0, 0x1bca3}, /* shorthand controls */
    {0x1d173, 0x1d17a}, /* musical controls */
    {0xe0000, 0xe0fff}, /* tags, more variation selectors */
};

static bool
character_is_hidden(uint32_t character)
{
    if (character > 0x20 && character < 0x7f) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(text_hidden) && character >= text_hidden[i].first; i++) {
        if (character <= text_hidden[i].last) {
            return true;
        }
    }
    return false;
}

/* Bytes of a character of UTF-8 that begins so; 0: none does. */
static size_t
utf8_length(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* One character of UTF-8, or one byte that is none; returns its bytes. */
static size_t
text_decode(const char *text, size_t n, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = utf8_length((unsigned char)text[0]);
    uint32_t code = (unsigned char)text[0] & (length > 1 ? 0x7fu >> length : 0x7fu);
    size_t i = 1;

    while (i < length && i < n && ((unsigned char)text[i] & 0xc0) == 0x80) {
        code = code << 6 | ((unsigned char)text[i++] & 0x3fu);
    }
    if (length == 0 || i < length || code < least[length] || code > 0x10ffff ||
        (code >= 0xd800 && code <= 0xdfff)) {
        *character = TEXT_NO_CHARACTER;
        return 1;
    }
    *character = code;
    return length;
}

/* One step through text: the bytes of a character (at least 1), and its columns, or -1 if it must
 * be escaped. */
typedef size_t step_fn(const char *text, int *columns);

/* By the locale, which is that of the terminal. */
static size_t
step_display(const char *text, int *columns)
{
    mbstate_t state;
    wchar_t character;
    size_t n_bytes;

    *columns = 1;
    if (text[0] >= ' ' && text[0] < 0x7f) {
        return 1;
    }
    memset(&state, 0, sizeof(state));
    n_bytes = mbrtowc(&character, text, strnlen(text, MB_CUR_MAX), &state);
    if (n_bytes == 0 || n_bytes == (size_t)-1 || n_bytes == (size_t)-2) {
        *columns = -1;
        return 1;
    }
    *columns = wcwidth(character);
    if (!iswprint((wint_t)character) || character_is_hidden((uint32_t)character)) {
        *columns = -1;
    }
    return n_bytes;
}

/* Whatever the locale. */
static size_t
step_data(const char *text, int *columns)
{
    uint32_t character;
    size_t n_bytes = text_decode(text, strnlen(text, 4), &character);

    *columns = character == TEXT_NO_CHARACTER || character_is_hidden(character) ? -1 : 1;
    return n_bytes;
}

/* A backslash that could be taken for the beginning of an escape. */
static bool
backslash_deceives(const char *text)
{
    return text[0] == '\\' && text[1] == 'x';
}

static char *
escape_bytes(char *end, const char *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)bytes[i];

        *end++ = '\\';
        *end++ = 'x';
        *end++ = digits[byte >> 4];
        *end++ = digits[byte & 0xf];
    }
    return end;
}

/* Edges: blanks at the ends are escaped, too. */
static char *
escape(const char *text, step_fn *step, bool edges)
{
    size_t length = strlen(text), i = 0, n_bytes;
    /* Four bytes for each at most. */
    char *escaped = alloc_array(NULL, length + 1, 4), *end = escaped;

    for (; i < length; i += n_bytes) {
        bool edge = edges && text[i] == ' ' && (i == 0 || i + 1 == length);
        int columns;

        n_bytes = step(text + i, &columns);
        if (columns < 0 || edge || backslash_deceives(text + i)) {
            end = escape_bytes(end, text + i, n_bytes);
        } else {
            end = mempcpy(end, text + i, n_bytes);
        }
    }
    *end++ = '\0';
    return alloc_array(escaped, (size_t)(end - escaped), 1);
}

char *
text_escape(const char *text)
{
    return escape(text, step_display, true);
}

char *
text_escape_line(const char *text)
{
    return escape(text, step_display, false);
}

char *
text_escape_data(const char *text)
{
    return escape(text, step_data, true);
}

/* How many bytes at the beginning are blanks of JSON or plain ASCII. */
static size_t
plain_length(const char *json, size_t n)
{
    size_t i = 0;

    while (i < n && (unsigned char)json[i] < 0x7f) {
        i++;
    }
    return i;
}

static void
print_json_character(FILE *out, const char *bytes, size_t n_bytes, uint32_t character)
{
    if (character == TEXT_NO_CHARACTER || !character_is_hidden(character)) {
        fwrite(bytes, 1, n_bytes, out);
    } else if (character < 0x10000) {
        fprintf(out, "\\u%04x", (unsigned int)character);
    } else {
        fprintf(out, "\\u%04x\\u%04x", (unsigned int)(0xd800 + ((character - 0x10000) >> 10)),
                (unsigned int)(0xdc00 + (character & 0x3ff)));
    }
}

void
text_print_json(FILE *out, const char *json, size_t n)
{
    for (size_t i = 0, n_bytes; i < n; i += n_bytes) {
        uint32_t character;

        n_bytes = plain_length(json + i, n - i);
        if (n_bytes > 0) {
            fwrite(json + i, 1, n_bytes, out);
        } else {
            n_bytes = text_decode(json + i, n - i, &character);
            print_json_character(out, json + i, n_bytes, character);
        }
    }
}

size_t
text_columns(const char *escaped)
{
    size_t sum = 0;

    while (*escaped != '\0') {
        int columns;

        escaped += step_display(escaped, &columns);
        sum += columns > 0 ? (size_t)columns : 0;
    }
    return sum;
}

size_t
text_fit(const char *escaped, size_t columns)
{
    size_t n_bytes = 0;

    while (escaped[n_bytes] != '\0') {
        int width;
        size_t step = step_display(escaped + n_bytes, &width);

        if ((size_t)(width > 0 ? width : 0) > columns) {
            break;
        }
        columns -= width > 0 ? (size_t)width : 0;
        n_bytes += step;
    }
    return n_bytes;
}

void
text_indent(FILE *out, size_t n)
{
    fprintf(out, "%*s", (int)n, "");
}
