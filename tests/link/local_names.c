/* SPDX-License-Identifier: Apache-2.0 */
/* local_names.c: functions that are exported and named as the library's are, in one file so that
 * each compiler and each of its ways can be tried on them. */
#include "base/compiler.h"
#include "osmempool.h"

OSMP_PUBLIC const char *
os_error_str(os_error_t error)
{
    return error == OS_OK ? "one" : "other";
}
OSMP_LOCAL_NAME(os_error_str);

OSMP_PUBLIC OSMP_HOT void *
os_memblock_get(struct os_mempool *mp)
{
    return mp != NULL && *os_error_str(OS_OK) == 'o' ? mp->slh_first : NULL;
}
OSMP_LOCAL_NAME(os_memblock_get);
