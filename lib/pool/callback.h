/* SPDX-License-Identifier: Apache-2.0 */
/*
 * callback.h: put callbacks that run, by the life of the block.
 *
 * A put of the very block whose callback is running, from inside it, would call the callback again
 * and never end; os_memblock_put() asks here. The note that a callback runs for a block ends when
 * the callback returns, or before that when the block is put by os_memblock_put_from_cb(), is got
 * again, or its pool is cleared or initialised: then it may be put again. Notes are in
 * sync/running.h, so nothing of the pool, of the stack or of the thread is touched after the
 * callback has returned.
 *
 * Of extended pools only.
 *
 * Synchronization: any thread, with or without the pool's lock.
 */
#ifndef OSMP_POOL_CALLBACK_H
#define OSMP_POOL_CALLBACK_H

#include "os/os_mempool.h"
#include "sync/running.h"

/* Runs the pool's callback, with its argument, for a block. The frame is that of the put. */
os_error_t callback_run(struct os_mempool_ext *ext, os_mempool_put_fn *put_cb, void *arg,
                        void *block, uintptr_t frame);

/* Whether a put, whose frame is given, may be inside the callback of this block. */
static inline bool
callback_is_running(const struct os_mempool *mp, const void *block, uintptr_t frame)
{
    return running_has(mp, block, frame);
}

/* The block is about to be freed, or was got. */
static inline void
callback_end(const struct os_mempool *mp, const void *block)
{
    running_end_for(mp, block);
}

/* All blocks become free. */
static inline void
callback_end_all(const struct os_mempool *mp)
{
    running_end_all(mp, mp);
}

/*
 * A bulk put notes itself, with the pool in the place of a block: one of the callbacks that it runs
 * may end the pool. running_is_noted() tells whether one did, which the pool's memory could not.
 * Other bulk puts to it that this thread left by longjmp() are forgotten.
 */
static inline struct running
callback_begin_bulk(const struct os_mempool *mp, uintptr_t frame)
{
    running_drop_left(mp, mp, frame);
    return running_begin(RUNNING_KEPT, mp, mp, frame);
}

/* The pool is unregistered: no bulk put goes on. */
static inline void
callback_end_bulk(const struct os_mempool *mp)
{
    running_end_for(mp, mp);
}

/* The pool is made anew. */
static inline void
callback_end_pool(const struct os_mempool *mp)
{
    running_end_all(mp, NULL);
}

#endif
