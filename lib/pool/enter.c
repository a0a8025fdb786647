/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/enter.h"

#include "sync/freeze.h"

void
pool_enter_gated(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    while (tail->gate != 0 && !freeze_is_mine()) {
        bool frozen = (tail->gate & POOL_GATE_FROZEN) != 0;

        tail->gate &= ~(uint32_t)POOL_GATE_FIRST_CALL;
        lock_give(&tail->lock);
        if (frozen) {
            freeze_wait();
        } else {
            freeze_first_call();
        }
        lock_take(&tail->lock);
    }
}
