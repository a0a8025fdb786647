/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_touch.c: what a hand-over costs without any allocator if both sides touch the block, as
 * they do with a pool: the user writes a word, and the put looks at another and writes it. So the
 * block's cache line changes cores twice. The blocks go round in a fixed order.
 */
#include <stdlib.h>

#include "buffer.h"
#include "engine.h"

#define TOUCH_WORD 1
#define TOUCH_FREE ((uintptr_t)-1)

struct touch_pool {
    char *buffer;
    size_t bytes; /* of the buffer */
    size_t next;  /* offset of the next block; the getter's alone */
};

ENGINE_INLINE void *
touch_get(void *opened, size_t block_bytes)
{
    struct touch_pool *pool = opened;
    uintptr_t *block = (uintptr_t *)(void *)(pool->buffer + pool->next);

    pool->next += block_bytes;
    if (pool->next == pool->bytes) {
        pool->next = 0;
    }
    block[TOUCH_WORD] = 0;
    return block;
}

ENGINE_INLINE void
touch_put(void *opened, void *data)
{
    uintptr_t *block = data;

    if (__builtin_expect(block[TOUCH_WORD] == TOUCH_FREE, 0)) {
        die("a block was handed over that nobody had got");
    }
    block[TOUCH_WORD] = TOUCH_FREE;
}

ENGINE_LOOPS(touch)

/* There are more blocks than can be on the way, so the next one has come back long ago. */
static void *
touch_open(size_t block_bytes, uint32_t n_blocks, uint32_t depth)
{
    struct touch_pool *pool = buffer_new(sizeof(*pool));

    pool->bytes = n_blocks * block_bytes;
    pool->buffer = buffer_new(pool->bytes);
    return pool;
}

static void
touch_close(void *opened)
{
    struct touch_pool *pool = opened;

    free(pool->buffer);
    free(pool);
}

const struct engine engine_touch = {
    .shareable = true,
    .open = touch_open,
    .close = touch_close,
    ENGINE_LOOPS_OF(touch),
};
