/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <errno.h>
#include <stdint.h>
#include <sys/uio.h>
#include <unistd.h>

/* Whether the kernel reads both bytes, or does not tell. A count that is less than asked for tells
 * that it cannot read the second one. */
static bool
memory_has_ends(char *first, char *last)
{
    char ends[2];
    const struct iovec here = {ends, sizeof(ends)};
    const struct iovec there[] = {{first, 1}, {last, 1}};
    ssize_t got = process_vm_readv(getpid(), &here, 1, there, 2, 0);

    return got == sizeof(ends) || (got < 0 && errno != EFAULT);
}

bool
memory_can_be_read(const void *bytes, size_t n)
{
    char *first = (char *)(uintptr_t)bytes;
    int saved = errno;
    bool can = n == 0 || memory_has_ends(first, first + n - 1);

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
