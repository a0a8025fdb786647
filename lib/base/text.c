/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cancel.h"

/* How much of the text one name may take: two of them and the words beside fit. */
enum { TEXT_ESCAPED_MAX = 1500 };

void
text_add(struct text *text, const char *format, ...)
{
    size_t room = sizeof(text->bytes) - text->used;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text->bytes + text->used, room, format, args);
    va_end(args);
    /* The last byte of a full text is the NUL. */
    if (n > 0) {
        text->used += (size_t)n < room ? (size_t)n : room - 1;
    }
}

void
text_add_escaped(struct text *text, const char *name)
{
    size_t end = text->used + TEXT_ESCAPED_MAX;

    for (; *name != '\0' && text->used < end; name++) {
        unsigned char byte = (unsigned char)*name;

        if (byte >= ' ' && byte < 0x7f) {
            text_add(text, "%c", byte);
        } else {
            text_add(text, "\\x%02x", byte);
        }
    }
    if (*name != '\0') {
        text_add(text, "...");
    }
}

void
text_add_bytes(struct text *text, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        text_add(text, "%s%02x", i > 0 ? " " : "", bytes[i]);
    }
}

static void
text_write_all(const struct text *text)
{
    size_t written = 0;

    while (written < text->used) {
        ssize_t n = write(STDERR_FILENO, text->bytes + written, text->used - written);

        if (n < 0 && errno != EINTR) {
            return;
        }
        written += n > 0 ? (size_t)n : 0;
    }
}

void
text_write(const struct text *text)
{
    int cancel = cancel_off();
    int saved = errno;

    text_write_all(text);
    errno = saved;
    cancel_back(cancel);
}
