/* SPDX-License-Identifier: Apache-2.0 */
/* lock_taken.c: a lock that somebody has. */
#include "sync/freeze.h"
#include "sync/lock.h"

void
lock_found_taken(struct lock *lock)
{
    mutex_check_holder(&lock->mutex);
    if (freeze_is_left_behind()) {
        lock_init(lock);
    } else {
        mutex_check_unsigned(&lock->mutex);
    }
}
