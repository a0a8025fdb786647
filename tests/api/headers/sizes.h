/* SPDX-License-Identifier: Apache-2.0 */
/* sizes.h: the sizing macros as constant expressions, in any language version. */
#ifndef SIZES_H
#define SIZES_H

#include <os_mempool.h>

static os_membuf_t sizes_small[OS_MEMPOOL_SIZE(4, 33)];
static unsigned char sizes_bytes[OS_MEMPOOL_BYTES(4, 33)];

/* An array of negative size, and so an error, unless the condition holds. */
#define SIZES_CHECK(name, condition) typedef char name[(condition) ? 1 : -1]

SIZES_CHECK(sizes_agree, sizeof(sizes_small) == sizeof(sizes_bytes));
SIZES_CHECK(sizes_large,
            sizeof(size_t) == 4 ||
                OS_MEMPOOL_BYTES((uint32_t)40000, (uint32_t)1048576) / 1000 == 41943040);

#if OS_ALIGNMENT < 4
#error "OS_ALIGNMENT is a constant of the preprocessor"
#endif

static inline size_t
sizes_use(void)
{
    return sizeof(sizes_agree) + sizeof(sizes_large);
}

#endif
