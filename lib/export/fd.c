/* SPDX-License-Identifier: Apache-2.0 */
#include "export/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int
fd_fail(int fd, int error)
{
    close(fd);
    return -error;
}

int
fd_own(struct owned_fd *own, int fd)
{
    struct stat st;

    own->fd = -1;
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
    return 0;
}

bool
fd_is_ours(const struct owned_fd *own)
{
    struct stat st;

    return own->fd >= 0 && fstat(own->fd, &st) == 0 && fd_same_file(&st, own->dev, own->ino);
}

void
fd_close(struct owned_fd *own)
{
    if (fd_is_ours(own)) {
        close(own->fd);
    }
    own->fd = -1;
}
