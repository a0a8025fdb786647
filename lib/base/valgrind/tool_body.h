/* SPDX-License-Identifier: Apache-2.0 */
/* tool_body.h: Valgrind's client requests, sent only under Valgrind. Those of pools and
 * their blocks have callers that know that they are. */
#include <stdbool.h>
#include <stddef.h>

#include <valgrind/helgrind.h>
#include <valgrind/memcheck.h>

/* Set once, before main(), in tool.c; a request costs a few ns natively, this flag nothing. */
extern bool tool_is_running;

static inline bool
tool_running(void)
{
    return __builtin_expect(tool_is_running, 0);
}

static inline void
tool_make_defined(const void *bytes, size_t n)
{
    if (tool_running()) {
        VALGRIND_MAKE_MEM_DEFINED(bytes, n);
    }
}

/* Other tools answer 0 to the question. */
static inline bool
tool_checks_memory(void)
{
    char byte = 0;
    char bits;

    return tool_running() && VALGRIND_GET_VBITS(&byte, &bits, 1) == 1;
}

static inline void
tool_pool_begin(const void *handle)
{
    VALGRIND_CREATE_MEMPOOL(handle, 0, 0);
}

static inline void
tool_pool_end(const void *handle)
{
    VALGRIND_DESTROY_MEMPOOL(handle);
}

static inline void
tool_block_out(const void *handle, const void *block, size_t n)
{
    VALGRIND_MEMPOOL_ALLOC(handle, block, n);
}

static inline void
tool_block_in(const void *handle, const void *block)
{
    VALGRIND_MEMPOOL_FREE(handle, block);
}

static inline void
tool_keep(const void *byte)
{
    VALGRIND_MALLOCLIKE_BLOCK(byte, 1, 0, 1);
}

static inline void
tool_hide(const void *bytes, size_t n)
{
    VALGRIND_MAKE_MEM_NOACCESS(bytes, n);
}

static inline void
tool_show(const void *bytes, size_t n)
{
    VALGRIND_MAKE_MEM_UNDEFINED(bytes, n);
}

/* Seldom called and not short: tool.c. */
void tool_reveal_bytes(const void *bytes, size_t n);
void tool_forget_pool(const void *handle, const void *bytes, size_t n);

static inline void
tool_reveal(const void *bytes, size_t n)
{
    tool_reveal_bytes(bytes, n);
}

static inline void
tool_pool_forget(const void *handle, const void *bytes, size_t n)
{
    tool_forget_pool(handle, bytes, n);
}

static inline void
tool_lock_taken(const void *lock)
{
    if (tool_running()) {
        ANNOTATE_HAPPENS_AFTER(lock);
    }
}

static inline void
tool_lock_giving(const void *lock)
{
    if (tool_running()) {
        ANNOTATE_HAPPENS_BEFORE(lock);
    }
}

static inline void
tool_mutex_inherited(void *mutex)
{
    if (tool_running()) {
        VALGRIND_HG_MUTEX_UNLOCK_PRE(mutex);
        VALGRIND_HG_MUTEX_UNLOCK_POST(mutex);
    }
}

static inline void
tool_atomics(const void *bytes, size_t n)
{
    if (tool_running()) {
        VALGRIND_HG_DISABLE_CHECKING(bytes, n);
    }
}
