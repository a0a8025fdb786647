/* SPDX-License-Identifier: Apache-2.0 */
#include "export/dirlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DIRLOCK_TRY_MS = 10 };

enum attempt { ATTEMPT_LOCKED, ATTEMPT_BUSY, ATTEMPT_NO_LOCK };

/* Whether nobody else can have opened the file, but root: not one that another user made, or a link
 * to one of ours that others may read. */
static bool
dirlock_is_private(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_uid == geteuid() && (st->st_mode & 0077) == 0;
}

/* Opens the file, or makes it. It may be anything that another user has put there. */
static bool
dirlock_open(struct dirlock *lock)
{
    const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    struct stat st;
    int error;

    fd_lock();
    error = fd_own(&lock->file, openat(lock->dir, lock->name, flags, 0600));
    fd_unlock();
    return error == 0 && fstat(lock->file.fd, &st) == 0 && dirlock_is_private(&st);
}

/* Whether the file is still the one of that name: who had the lock before has removed it. */
static bool
dirlock_is_current(const struct dirlock *lock)
{
    struct stat st;

    return fstatat(lock->dir, lock->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           fd_same_file(&st, lock->file.dev, lock->file.ino);
}

static enum attempt
dirlock_lock(const struct dirlock *lock)
{
    if (flock(lock->file.fd, LOCK_EX | LOCK_NB) == 0) {
        return dirlock_is_current(lock) ? ATTEMPT_LOCKED : ATTEMPT_BUSY;
    }
    if (errno == EWOULDBLOCK) {
        return ATTEMPT_BUSY;
    }
    /* Nobody can lock it. */
    unlinkat(lock->dir, lock->name, 0);
    return ATTEMPT_NO_LOCK;
}

static enum attempt
dirlock_try(struct dirlock *lock)
{
    enum attempt attempt = dirlock_open(lock) ? dirlock_lock(lock) : ATTEMPT_NO_LOCK;

    if (attempt != ATTEMPT_LOCKED) {
        fd_close(&lock->file);
    }
    return attempt;
}

int
dirlock_take(struct dirlock *lock, int dir, int patience_ms)
{
    const struct timespec pause = {.tv_nsec = DIRLOCK_TRY_MS * 1000000L};
    enum attempt attempt;
    int waited_ms;

    lock->dir = dir;
    snprintf(lock->name, sizeof(lock->name), ".osmempool-%lu.lock", (unsigned long)geteuid());
    attempt = dirlock_try(lock);
    for (waited_ms = 0; attempt == ATTEMPT_BUSY && waited_ms < patience_ms;
         waited_ms += DIRLOCK_TRY_MS) {
        nanosleep(&pause, NULL);
        attempt = dirlock_try(lock);
    }
    return attempt == ATTEMPT_BUSY ? -ETIMEDOUT : 0;
}

bool
dirlock_is_held(const struct dirlock *lock)
{
    return lock->file.fd >= 0;
}

/* Removed first: a file that is removed locked is nobody's to lock again. */
void
dirlock_give(struct dirlock *lock)
{
    if (dirlock_is_held(lock)) {
        unlinkat(lock->dir, lock->name, 0);
        fd_close(&lock->file);
    }
}
