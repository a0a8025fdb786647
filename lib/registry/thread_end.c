/* SPDX-License-Identifier: Apache-2.0 */
/* thread_end.c: a thread that ends gives up what it has in pools. */
#include "pool/pool.h"
#include "registry/registry.h"

static void
thread_end_release(struct thread *thread)
{
    registry_enter();
    for (struct os_mempool *mp = registry_first(); mp != NULL; mp = registry_next(mp)) {
        pool_forget_thread(mp, thread);
    }
    registry_leave();
}

__attribute__((constructor(102))) static void
thread_end_register(void)
{
    thread_set_release(thread_end_release);
}
