/* SPDX-License-Identifier: Apache-2.0 */
/* tool_body.h: built without Valgrind's headers. */
#include <stdbool.h>
#include <stddef.h>

static inline bool
tool_running(void)
{
    return false;
}

static inline void
tool_make_defined(const void *bytes, size_t n)
{
}

static inline void
tool_lock_taken(const void *lock)
{
}

static inline void
tool_lock_giving(const void *lock)
{
}

static inline void
tool_mutex_inherited(void *mutex)
{
}

static inline void
tool_atomics(const void *bytes, size_t n)
{
}
