/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/callback.h"

os_error_t
callback_run(struct os_mempool_ext *ext, os_mempool_put_fn *put_cb, void *arg, void *block,
             uintptr_t frame)
{
    struct running running = running_begin(RUNNING_CALL, &ext->mpe_mp, block, frame);
    os_error_t error = put_cb(ext, block, arg);

    running_end(running);
    return error;
}
