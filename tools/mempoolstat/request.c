/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"

/* The library takes lines of 256 bytes; the word and a blank stand before the glob. */
#define REQUEST_MAX_GLOB 200

static const char *const words[] = {
    [DOCUMENT_POOLS] = "snapshot",
    [DOCUMENT_HOLDERS] = "holders",
    [DOCUMENT_CHECKS] = "check",
    [DOCUMENT_RESET] = "reset-min",
};

static bool
byte_is_text(unsigned char byte)
{
    return byte >= ' ' && byte != 0x7f;
}

bool
request_can_hold(const char *glob)
{
    for (const char *byte = glob; *byte != '\0'; byte++) {
        if (!byte_is_text((unsigned char)*byte)) {
            return false;
        }
    }
    return glob[0] != '\0' && strlen(glob) <= REQUEST_MAX_GLOB;
}

struct request
request_make(enum document_kind kind, const char *glob)
{
    struct request request = {.kind = kind};

    if (kind == DOCUMENT_POOLS) {
        request.line = alloc_format("%s\n", words[kind]);
    } else {
        /* A blank at the beginning would be taken for one more between the words. */
        request.line = alloc_format("%s %s%s\n", words[kind], glob[0] == ' ' ? "\\" : "", glob);
    }
    request.n_bytes = strlen(request.line);
    return request;
}

char *
request_glob_of(const char *name)
{
    char *glob = alloc_array(NULL, 2 * strlen(name) + 2, 1), *end = glob;

    for (const char *byte = name; *byte != '\0'; byte++) {
        /* What is not ASCII may stand in the document for bytes that are no text. */
        bool plain = byte_is_text((unsigned char)*byte) && (unsigned char)*byte < 0x80;

        if (!plain) {
            *end++ = '*';
        } else {
            if (strchr("*?[\\", *byte) != NULL) {
                *end++ = '\\';
            }
            *end++ = *byte;
        }
    }
    if (end == glob) {
        *end++ = '*'; /* no other glob that can be sent matches a pool without a name */
    }
    *end = '\0';
    if (strlen(glob) > REQUEST_MAX_GLOB) {
        strcpy(glob, "*");
    }
    return glob;
}

void
request_free(struct request *request)
{
    free(request->line);
    request->line = NULL;
}
