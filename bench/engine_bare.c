/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "bare.h"
#include "buffer.h"
#include "engine.h"

/* One struct for the three: each engine uses the member that is its own. */
struct bare_pool {
    union {
        struct bare_list list;
        struct bare_mutex mutex;
        struct bare_spin spin;
    } u;
    void *buffer;
};

ENGINE_INLINE void *
list_get(void *pool, size_t block_bytes)
{
    return bare_list_get(pool);
}

ENGINE_INLINE void
list_put(void *pool, void *block)
{
    bare_list_put(pool, block);
}

ENGINE_INLINE void *
mutex_get(void *pool, size_t block_bytes)
{
    return bare_mutex_get(pool);
}

ENGINE_INLINE void
mutex_put(void *pool, void *block)
{
    bare_mutex_put(pool, block);
}

ENGINE_INLINE void *
spin_get(void *pool, size_t block_bytes)
{
    return bare_spin_get(pool);
}

ENGINE_INLINE void
spin_put(void *pool, void *block)
{
    bare_spin_put(pool, block);
}

ENGINE_LOOPS(list)
ENGINE_LOOPS(mutex)
ENGINE_LOOPS(spin)

static void *
list_open(size_t block_bytes, uint32_t n_blocks, uint32_t depth)
{
    struct bare_pool *pool = buffer_new(sizeof(*pool));

    pool->buffer = buffer_new(n_blocks * block_bytes);
    bare_list_format(&pool->u.list, pool->buffer, n_blocks, block_bytes);
    return pool;
}

static void *
mutex_open(size_t block_bytes, uint32_t n_blocks, uint32_t depth)
{
    struct bare_pool *pool = list_open(block_bytes, n_blocks, depth);

    pthread_mutex_init(&pool->u.mutex.mutex, NULL);
    return pool;
}

static void *
spin_open(size_t block_bytes, uint32_t n_blocks, uint32_t depth)
{
    struct bare_pool *pool = list_open(block_bytes, n_blocks, depth);

    atomic_init(&pool->u.spin.taken, false);
    return pool;
}

static void
bare_close(void *opened)
{
    struct bare_pool *pool = opened;

    free(pool->buffer);
    free(pool);
}

/* What forming a pool costs at least: two words written to each block. */
static uint64_t
two_words_ns(void *buffer, size_t block_bytes, uint32_t n_blocks)
{
    uint64_t begin = clock_now_ns();
    char *block = buffer;

    for (uint32_t i = 0; i < n_blocks; i++, block += block_bytes) {
        uintptr_t words[2] = {(uintptr_t)block + block_bytes, ~(uintptr_t)block};

        memcpy(block, words, sizeof(words));
    }
    __asm__ volatile("" : : "r"(buffer) : "memory");
    return clock_now_ns() - begin;
}

const struct engine engine_bare = {
    .shareable = false,
    .open = list_open,
    .close = bare_close,
    ENGINE_LOOPS_OF(list),
    .format_ns = two_words_ns,
};

const struct engine engine_bare_mutex = {
    .shareable = true,
    .open = mutex_open,
    .close = bare_close,
    ENGINE_LOOPS_OF(mutex),
};

const struct engine engine_bare_spin = {
    .shareable = true,
    .open = spin_open,
    .close = bare_close,
    ENGINE_LOOPS_OF(spin),
};
