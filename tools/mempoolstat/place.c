/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char digits[] = "0123456789";

const char *
place_below_root(const char *path)
{
    static const char proc[] = "/proc/", task[] = "/task/", root[] = "/root/";
    const char *at = path + sizeof(proc) - 1;

    if (strncmp(path, proc, sizeof(proc) - 1) != 0 || strspn(at, digits) == 0) {
        return NULL;
    }
    at += strspn(at, digits);
    if (strncmp(at, task, sizeof(task) - 1) == 0) {
        at += sizeof(task) - 1;
        at += strspn(at, digits);
    }
    return strncmp(at, root, sizeof(root) - 1) == 0 ? at + sizeof(root) - 2 : NULL;
}

/* Goes from one directory into the next, and closes the first. */
static int
place_step(int directory, const char *name, int flags)
{
    int fd = openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC);
    int error = errno;

    close(directory);
    errno = error;
    return fd;
}

/* Opens component by component: a link would lead out, as those that begin with a slash begin at
 * our own root. */
static int
place_open_below(int root, const char *below, int flags)
{
    char name[NAME_MAX + 1];
    int fd = root;

    while (fd >= 0) {
        size_t n;
        bool last;

        below += strspn(below, "/");
        n = strcspn(below, "/");
        last = below[n] == '\0';
        if (n > NAME_MAX) {
            close(fd);
            errno = ENAMETOOLONG;
            return -1;
        }
        snprintf(name, sizeof(name), "%.*s", (int)n, below);
        if (strcmp(name, "..") == 0) {
            close(fd);
            errno = ELOOP;
            return -1;
        }
        fd = place_step(fd, name, last ? flags : O_PATH | O_DIRECTORY);
        if (last) {
            return fd;
        }
        below += n;
    }
    return -1;
}

int
place_open(const char *path, int flags)
{
    const char *below = place_below_root(path);
    char root[PATH_MAX];
    int fd;

    if (below == NULL) {
        return open(path, flags | O_NOFOLLOW | O_CLOEXEC);
    }
    snprintf(root, sizeof(root), "%.*s", (int)(below - path), path);
    fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -1 : place_open_below(fd, below, flags);
}
