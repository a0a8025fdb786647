/* SPDX-License-Identifier: Apache-2.0 */
/* error.c: texts for errors, and the version. */
#include "base/build.h"
#include "base/compiler.h"
#include "osmempool.h"

static const char *const error_texts[] = {
    [OS_OK] = "OS_OK: success",
    [OS_ENOMEM] = "OS_ENOMEM: no memory or no blocks left",
    [OS_EINVAL] = "OS_EINVAL: invalid argument",
    [OS_INVALID_PARM] = "OS_INVALID_PARM: an argument is wrong",
    [OS_MEM_NOT_ALIGNED] = "OS_MEM_NOT_ALIGNED: the buffer is not on an OS_ALIGNMENT boundary",
    [OS_BAD_MUTEX] = "OS_BAD_MUTEX: bad mutex",
    [OS_TIMEOUT] = "OS_TIMEOUT: timed out",
    [OS_ERR_IN_ISR] = "OS_ERR_IN_ISR: not allowed in an interrupt handler",
    [OS_ERR_PRIV] = "OS_ERR_PRIV: privilege violation",
    [OS_NOT_STARTED] = "OS_NOT_STARTED: not started",
    [OS_ENOENT] = "OS_ENOENT: no such entry",
    [OS_EBUSY] = "OS_EBUSY: already registered or already running",
    [OS_ERROR] = "OS_ERROR: a system call failed, see errno",
};

OSMP_PUBLIC const char *
os_error_str(os_error_t error)
{
    size_t i = (size_t)error;

    return i < sizeof(error_texts) / sizeof(error_texts[0]) ? error_texts[i] : "unknown error";
}
OSMP_LOCAL_NAME(os_error_str);

OSMP_PUBLIC const char *
osmempool_version(void)
{
    return build_version;
}
