/* SPDX-License-Identifier: Apache-2.0 */
#include "export/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "export/dirlock.h"
#include "export/place.h"

/* The number at the beginning of a text and what follows it; 0 if that is no process's. */
static pid_t
sweep_number(const char *text, const char **rest)
{
    char *end;
    long number;

    if (*text < '1' || *text > '9') {
        return 0;
    }
    errno = 0;
    number = strtol(text, &end, 10);
    *rest = end;
    return errno == 0 && number <= INT_MAX ? (pid_t)number : 0;
}

/* The process of which the library would have made such a name; 0 for none. */
static pid_t
sweep_owner(const struct socket_path *path, const char *name)
{
    const size_t n = path->dir_is_default ? 0 : strlen(path->name);
    const char *rest = "";
    pid_t pid;

    if (!path->dir_is_default) {
        if (strncmp(name, path->name, n) != 0 || name[n] != '.') {
            return 0;
        }
        name += n + 1;
    }
    pid = sweep_number(name, &rest);
    return strcmp(rest, path->dir_is_default ? ".sock" : "") == 0 ? pid : 0;
}

/* Whether it is a socket of ours, made by a process that does not live, or not in our namespace. */
static bool
sweep_is_suspect(const struct socket_path *path, int dir, const char *name)
{
    pid_t pid = sweep_owner(path, name);
    struct stat st;

    return pid > 0 && kill(pid, 0) < 0 && errno == ESRCH &&
           fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode) &&
           st.st_uid == geteuid();
}

/* The lock keeps others from making a socket meanwhile, which for a moment has no listener. */
static bool
sweep_remove(const struct socket_path *path, int dir, const char *name)
{
    bool removed = false;
    struct dirlock lock;

    if (dirlock_take(&lock, dir, 0) == 0) {
        removed = dirlock_is_held(&lock) && place_probe(path, dir, name) == 0 &&
                  unlinkat(dir, name, 0) == 0;
        dirlock_give(&lock);
    }
    return removed;
}

static void
sweep_names(const struct socket_path *path, DIR *names)
{
    const uint64_t until_ms = clock_steady_ms() + SWEEP_MS_MAX;
    const struct dirent *entry;
    int removed = 0;
    int seen = 0;

    while (seen++ < SWEEP_NAMES_MAX && removed < SWEEP_SOCKETS_MAX &&
           clock_steady_ms() <= until_ms && (entry = readdir(names)) != NULL) {
        if (sweep_is_suspect(path, dirfd(names), entry->d_name)) {
            removed += sweep_remove(path, dirfd(names), entry->d_name);
        }
    }
}

void
sweep_dead(const struct socket_path *path)
{
    struct owned_fd dir;
    DIR *names = NULL;
    int fd;

    if (place_open(path, &dir) < 0) {
        return;
    }
    fd = openat(dir.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fd_close(&dir);
    if (fd >= 0) {
        names = fdopendir(fd);
    }
    if (names != NULL) {
        sweep_names(path, names);
        closedir(names);
    } else if (fd >= 0) {
        close(fd);
    }
}
