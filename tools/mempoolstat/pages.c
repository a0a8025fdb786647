/* SPDX-License-Identifier: Apache-2.0 */
#include "pages.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"

/* Each page has twice the room of the one before, so that little text takes little. */
#define PAGE_MIN_BYTES ((size_t)200)
#define PAGE_MAX_BYTES ((size_t)64 << 10)

/* The page that has room for so many bytes more. */
static struct page *
pages_with_room(struct pages *pages, size_t n)
{
    struct page *last = pages->last;
    size_t room = last == NULL ? PAGE_MIN_BYTES : last->room * 2;

    if (last != NULL && last->room - last->n_bytes >= n) {
        return last;
    }
    room = room > PAGE_MAX_BYTES ? PAGE_MAX_BYTES : room;
    room = room > n ? room : n;
    last = alloc_array(NULL, sizeof(*last) + room, 1);
    *last = (struct page){.room = room};
    if (pages->last == NULL) {
        pages->first = last;
    } else {
        pages->last->next = last;
    }
    pages->last = last;
    return last;
}

char *
pages_add(struct pages *pages, const char *bytes, size_t n)
{
    struct page *page = pages_with_room(pages, n);
    char *copy = page->bytes + page->n_bytes;

    memcpy(copy, bytes, n);
    page->n_bytes += n;
    return copy;
}

void
pages_move(struct pages *to, struct pages *from)
{
    if (to->last == NULL) {
        *to = *from;
    } else if (from->first != NULL) {
        to->last->next = from->first;
        to->last = from->last;
    }
    *from = (struct pages){NULL, NULL};
}

void
pages_free(struct pages *pages)
{
    struct page *next;

    for (struct page *page = pages->first; page != NULL; page = next) {
        next = page->next;
        free(page);
    }
    *pages = (struct pages){NULL, NULL};
}
