/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/callback.h"

/* So many of the innermost callbacks are remembered. */
enum { CALLBACK_DEPTH = 32 };

struct callback {
    uintptr_t frame; /* stack address of callback_run() */
    const struct os_mempool *mp;
    const void *block; /* NULL once released */
};

/* Callback number i of this thread, from 0, is at i % CALLBACK_DEPTH. */
static _Thread_local struct callback callbacks[CALLBACK_DEPTH];
static _Thread_local unsigned callbacks_running;

/*
 * The one at the last power of two of depths beyond them. A chain of callbacks that leads back to
 * a block through however many others meets it before it is four times as deep (R. P. Brent's way
 * to find a cycle).
 */
static _Thread_local struct callback callback_milestone;

static struct callback *
callback_at(unsigned i)
{
    return &callbacks[i % CALLBACK_DEPTH];
}

/* The stack grows downwards: what lies at or below this frame is no caller of it. */
void
callback_drop_left(uintptr_t frame)
{
    while (callbacks_running > 0 && callback_at(callbacks_running - 1)->frame <= frame) {
        callbacks_running--;
    }
    if (callback_milestone.frame <= frame) {
        callback_milestone.block = NULL;
    }
}

static bool
callback_is_of(const struct callback *callback, const struct os_mempool *mp, const void *block)
{
    return callback->block == block && callback->mp == mp;
}

/* The innermost running callback of the block; NULL if none is. */
static struct callback *
callback_find(const struct os_mempool *mp, const void *block)
{
    unsigned known;

    callback_drop_left((uintptr_t)__builtin_frame_address(0));
    known = callbacks_running < CALLBACK_DEPTH ? callbacks_running : CALLBACK_DEPTH;
    for (unsigned i = 1; i <= known; i++) {
        struct callback *callback = callback_at(callbacks_running - i);

        if (callback_is_of(callback, mp, block)) {
            return callback;
        }
    }
    return callback_is_of(&callback_milestone, mp, block) ? &callback_milestone : NULL;
}

os_error_t
callback_run(struct os_mempool_ext *ext, os_mempool_put_fn *put_cb, void *arg, void *block)
{
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    unsigned depth;
    os_error_t error;

    callback_drop_left(frame);
    depth = callbacks_running++;
    *callback_at(depth) = (struct callback){frame, &ext->mpe_mp, block};
    if (depth >= CALLBACK_DEPTH && (depth & (depth - 1)) == 0) {
        callback_milestone = *callback_at(depth);
    }
    error = put_cb(ext, block, arg);
    callbacks_running = depth;
    return error;
}

bool
callback_is_running(const struct os_mempool *mp, const void *block)
{
    return callback_find(mp, block) != NULL;
}

void
callback_released(const struct os_mempool *mp, const void *block)
{
    struct callback *callback = callback_find(mp, block);

    if (callback == NULL) {
        return;
    }
    if (callback_milestone.frame == callback->frame) {
        callback_milestone.block = NULL;
    }
    callback->block = NULL;
}
