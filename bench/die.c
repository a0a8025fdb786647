/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "die.h"

void
die(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

void *
die_calloc(unsigned long n, unsigned long bytes)
{
    void *memory = calloc(n, bytes);

    if (memory == NULL) {
        die("no memory for %lu x %lu bytes; choose smaller cases with --case", n, bytes);
    }
    return memory;
}
