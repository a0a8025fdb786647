/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/scratch.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/pages.h"

/* NULL if there is no memory, which leaves errno as it was. */
static void **
scratch_map(uint32_t n, size_t *bytes)
{
    int saved = errno;
    void *map = __builtin_mul_overflow(n, sizeof(void *), bytes) ? NULL : pages_map(*bytes);

    errno = saved;
    return map;
}

bool
scratch_begin(struct scratch *scratch, uint32_t n)
{
    if (n <= SCRATCH_ON_STACK) {
        scratch->array = scratch->on_stack;
        scratch->map_bytes = 0;
    } else {
        scratch->array = scratch_map(n, &scratch->map_bytes);
    }
    return scratch->array != NULL;
}

void
scratch_end(struct scratch *scratch)
{
    if (scratch->map_bytes > 0) {
        munmap(scratch->array, scratch->map_bytes);
    }
}
