/* SPDX-License-Identifier: Apache-2.0 */
#include "alloc.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

/* Set while only one thread runs. */
static void (*before_end)(void);

void
alloc_before_end(void (*fn)(void))
{
    before_end = fn;
}

static void *
alloc_checked(void *memory)
{
    if (memory == NULL) {
        if (before_end != NULL) {
            before_end();
        }
        /* Not message_print(), which needs memory. */
        fputs("mempoolstat: out of memory; name fewer processes (-p)\n", stderr);
        _Exit(EXIT_NOTHING);
    }
    return memory;
}

void *
alloc_array(void *array, size_t n, size_t size)
{
    return alloc_checked(reallocarray(array, n > 0 ? n : 1, size));
}

/* The room is a power of two, and full whenever the count is one. */
void *
alloc_one_more(void *array, size_t n, size_t size)
{
    bool full = (n & (n - 1)) == 0;

    return full ? alloc_array(array, n > 0 ? n * 2 : 1, size) : array;
}

char *
alloc_copy(const char *string)
{
    return alloc_checked(strdup(string));
}

char *
alloc_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) {
        text = NULL;
    }
    va_end(args);
    return alloc_checked(text);
}
