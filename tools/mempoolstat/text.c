/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "alloc.h"

struct text_range {
    wint_t first, last;
};

/* Printable by the locale's account, but they show other text wrongly, or nothing. */
static const struct text_range text_deceivers[] = {
    {0x061c, 0x061c}, /* Arabic letter mark */
    {0x200b, 0x200f}, /* zero-width space to right-to-left mark */
    {0x2028, 0x202e}, /* line separators, embeddings and overrides */
    {0x2060, 0x206f}, /* word joiner, isolates */
    {0xfeff, 0xfeff}, /* byte order mark */
};

static bool
text_deceives(wint_t character)
{
    for (size_t i = 0; i < sizeof(text_deceivers) / sizeof(text_deceivers[0]); i++) {
        if (character >= text_deceivers[i].first && character <= text_deceivers[i].last) {
            return true;
        }
    }
    return false;
}

/* One character at text: its bytes (at least 1), and its columns, or -1 if it must be escaped. */
static size_t
text_step(const char *text, int *columns)
{
    mbstate_t state;
    wchar_t character;
    size_t n_bytes;

    memset(&state, 0, sizeof(state));
    n_bytes = mbrtowc(&character, text, strlen(text), &state);
    if (n_bytes == (size_t)-1 || n_bytes == (size_t)-2) {
        *columns = -1;
        return 1;
    }
    *columns = wcwidth(character);
    if (!iswprint((wint_t)character) || text_deceives((wint_t)character)) {
        *columns = -1;
    }
    return n_bytes;
}

char *
text_escape(const char *text)
{
    /* Four bytes for each at most. */
    char *escaped = alloc_array(NULL, strlen(text) + 1, 4), *end = escaped;

    while (*text != '\0') {
        int columns;
        size_t n_bytes = text_step(text, &columns);

        for (size_t i = 0; i < n_bytes; i++) {
            end += sprintf(end, columns < 0 ? "\\x%02x" : "%c", (unsigned char)text[i]);
        }
        text += n_bytes;
    }
    *end = '\0';
    return escaped;
}

char *
text_escape_data(const char *text)
{
    static locale_t utf8;
    locale_t before;
    char *escaped;

    /* Part of every glibc since 2.35. Without it, the locale's characters must do. */
    if (utf8 == (locale_t)0) {
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    }
    before = utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;
    escaped = text_escape(text);
    if (utf8 != (locale_t)0) {
        uselocale(before);
    }
    return escaped;
}

size_t
text_columns(const char *escaped)
{
    size_t sum = 0;

    while (*escaped != '\0') {
        int columns;

        escaped += text_step(escaped, &columns);
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
        size_t step = text_step(escaped + n_bytes, &width);

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
    for (; n > 0; n--) {
        fputc(' ', out);
    }
}
