/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/membarrier.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Leaves errno as it was: get and put are no system calls to their callers. */
static bool
membarrier_call(int command)
{
    int saved = errno;
    long result = syscall(SYS_membarrier, command, 0, 0);

    errno = saved;
    return result == 0;
}

bool
membarrier_register(void)
{
    return membarrier_call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

bool
membarrier_all(void)
{
    return membarrier_call(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}
