/* SPDX-License-Identifier: Apache-2.0 */
#include "export/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t fd_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct owned_fd *fd_first;

void
fd_lock(void)
{
    pthread_mutex_lock(&fd_mutex);
}

void
fd_unlock(void)
{
    pthread_mutex_unlock(&fd_mutex);
}

static int
fd_fail(int fd, int error)
{
    close(fd);
    return -error;
}

static void
fd_enlist(struct owned_fd *own)
{
    own->next = fd_first;
    fd_first = own;
}

/* They are few. */
static void
fd_delist(struct owned_fd *own)
{
    struct owned_fd **link = &fd_first;

    while (*link != own) {
        link = &(*link)->next;
    }
    *link = own->next;
}

int
fd_own(struct owned_fd *own, int fd)
{
    struct stat st;

    own->fd = -1;
    if (fd < 0) {
        return -errno;
    }
    if (fd <= STDERR_FILENO) {
        int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

        if (moved < 0) {
            return fd_fail(fd, errno);
        }
        close(fd);
        fd = moved;
    }
    if (fstat(fd, &st) < 0) {
        return fd_fail(fd, errno);
    }
    *own = (struct owned_fd){.fd = fd, .dev = st.st_dev, .ino = st.st_ino};
    fd_enlist(own);
    return 0;
}

void
fd_move(struct owned_fd *to, struct owned_fd *from)
{
    *to = *from;
    if (from->fd >= 0) {
        fd_delist(from);
        fd_enlist(to);
        from->fd = -1;
    }
}

bool
fd_is_ours(const struct owned_fd *own)
{
    struct stat st;

    return own->fd >= 0 && fstat(own->fd, &st) == 0 && fd_same_file(&st, own->dev, own->ino);
}

static void
fd_close_locked(struct owned_fd *own)
{
    if (fd_is_ours(own)) {
        close(own->fd);
    }
    own->fd = -1;
}

void
fd_close(struct owned_fd *own)
{
    fd_lock();
    if (own->fd >= 0) {
        fd_delist(own);
        fd_close_locked(own);
    }
    fd_unlock();
}

void
fd_forget_all(void)
{
    while (fd_first != NULL) {
        struct owned_fd *own = fd_first;

        fd_first = own->next;
        fd_close_locked(own);
    }
    fd_unlock();
}
