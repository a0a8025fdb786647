/* SPDX-License-Identifier: Apache-2.0 */
/* inline_user.h: functions of a user's own that call the inline get and put. */
#ifndef INLINE_USER_H
#define INLINE_USER_H

#include "os_mempool.h"

static inline void *
user_static_get(struct os_mempool *mp)
{
    return os_memblock_get(mp);
}

/* Of external linkage: in C one file emits it with an extern declaration, in C++ the linker picks.
 */
inline os_error_t
user_inline_put(struct os_mempool *mp, void *block)
{
    return os_memblock_put(mp, block);
}

#endif
