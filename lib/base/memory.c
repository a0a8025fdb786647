/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <errno.h>
#include <stdint.h>
#include <sys/uio.h>
#include <unistd.h>

/* A count that is less than asked for tells that the second byte cannot be read. */
bool
memory_can_be_read(const void *bytes, size_t n)
{
    char *first = (char *)(uintptr_t)bytes;
    char ends[2];
    const struct iovec here = {ends, sizeof(ends)};
    const struct iovec there[] = {{first, 1}, {first + n - 1, 1}};
    int saved = errno;
    ssize_t got;
    bool can;

    if (n == 0) {
        return true;
    }
    got = process_vm_readv(getpid(), &here, 1, there, 2, 0);
    can = got == sizeof(ends) || (got < 0 && errno != EFAULT);
    errno = saved;
    return can;
}

bool
memory_read(void *to, const void *bytes, size_t n)
{
    const struct iovec here = {to, n};
    const struct iovec there = {(void *)(uintptr_t)bytes, n};
    int saved = errno;
    ssize_t got = process_vm_readv(getpid(), &here, 1, &there, 1, 0);

    errno = saved;
    return got >= 0 && (size_t)got == n;
}
