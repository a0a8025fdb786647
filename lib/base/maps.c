/* SPDX-License-Identifier: Apache-2.0 */
#include "base/maps.h"

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/cancel.h"

enum { MAPS_BUFFER = 4096 };

/* What is read of a line "first-end perms ...". */
enum maps_part { MAPS_FIRST, MAPS_END, MAPS_PERMS, MAPS_REST };

struct maps_reader {
    struct maps maps;
    enum maps_part part;
    unsigned n_perms;
    struct maps_range range;
    bool shared;
    void (*see)(const struct maps *maps, void *arg);
    void *arg;
};

static void
maps_flush(struct maps_reader *reader)
{
    if (reader->maps.n > 0) {
        reader->see(&reader->maps, reader->arg);
        reader->maps.n = 0;
    }
}

static void
maps_add(struct maps_reader *reader)
{
    struct maps *maps = &reader->maps;

    if (maps->n > 0 && maps->ranges[maps->n - 1].end == reader->range.first) {
        maps->ranges[maps->n - 1].end = reader->range.end;
        return;
    }
    if (maps->n == MAPS_MAX) {
        maps_flush(reader);
    }
    maps->ranges[maps->n++] = reader->range;
}

static uintptr_t
maps_digit(char c)
{
    return (uintptr_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The fourth of the letters "rwxs" tells: s is shared, p is private. */
static void
maps_read_permission(struct maps_reader *reader, char c)
{
    if (++reader->n_perms == 4) {
        if (c == 's') {
            maps_add(reader);
        }
        reader->part = MAPS_REST;
    }
}

static void
maps_read(struct maps_reader *reader, char c)
{
    if (c == '\n') {
        reader->part = MAPS_FIRST;
        reader->range = (struct maps_range){0, 0};
        reader->n_perms = 0;
    } else if (reader->part == MAPS_PERMS) {
        maps_read_permission(reader, c);
    } else if (reader->part != MAPS_REST && (c == '-' || c == ' ')) {
        reader->part = c == '-' ? MAPS_END : MAPS_PERMS;
    } else if (reader->part == MAPS_FIRST) {
        reader->range.first = reader->range.first << 4 | maps_digit(c);
    } else if (reader->part == MAPS_END) {
        reader->range.end = reader->range.end << 4 | maps_digit(c);
    }
}

/* /proc/thread-self is there also when the main thread has ended. */
void
maps_each_shared(void (*see)(const struct maps *maps, void *arg), void *arg)
{
    struct maps_reader reader = {.see = see, .arg = arg};
    int cancel = cancel_off();
    int fd = open("/proc/thread-self/maps", O_RDONLY | O_CLOEXEC);
    char buffer[MAPS_BUFFER];
    ssize_t n = 0;

    while (fd >= 0 && (n = read(fd, buffer, sizeof(buffer))) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            maps_read(&reader, buffer[i]);
        }
    }
    maps_flush(&reader);
    if (fd >= 0) {
        close(fd);
    }
    cancel_back(cancel);
}

/* The first range that ends behind the memory's first byte decides. */
bool
maps_have(const struct maps *maps, uintptr_t first, size_t n)
{
    size_t low = 0;
    size_t high = maps->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (maps->ranges[middle].end > first) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low < maps->n && n > 0 && maps->ranges[low].first <= first + (n - 1);
}
