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

static inline bool
tool_checks_memory(void)
{
    return false;
}

static inline void
tool_pool_begin(const void *handle)
{
}

static inline void
tool_pool_end(const void *handle)
{
}

static inline void
tool_block_out(const void *handle, const void *block, size_t n)
{
}

static inline void
tool_block_in(const void *handle, const void *block)
{
}

static inline void
tool_keep(const void *byte)
{
}

static inline void
tool_hide(const void *bytes, size_t n)
{
}

static inline void
tool_show(const void *bytes, size_t n)
{
}

static inline void
tool_reveal(const void *bytes, size_t n)
{
}

static inline void
tool_pool_forget(const void *handle, const void *bytes, size_t n)
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
