/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/wait.h"

#include <errno.h>
#include <time.h>

#include "base/cancel.h"
#include "sync/pause.h"

/*
 * A section lasts some ns; one that has not ended after this many looks has a thread that is off
 * its core. It wakes nobody when it leaves, as that would cost every section; so sleep and look
 * again.
 */
enum { SYNC_SPINS = 100, SYNC_SLEEP_NS = 50000, SYNC_BRIEF_SLEEPS = 20 };

void
sync_sleep(long ns)
{
    const struct timespec a_while = {.tv_nsec = ns};
    int cancel = cancel_off();
    int saved = errno;

    nanosleep(&a_while, NULL);
    cancel_back(cancel);
    errno = saved;
}

/*
 * Acquire: pairs with the release that ends a section, so what it wrote is seen. Under
 * ThreadSanitizer sequentially consistent, the other half of the Dekker pair.
 */
static bool
sync_is_busy(const struct os_mempool *const *busy, const struct os_mempool *mp)
{
    return __atomic_load_n(busy, OSMP_DEKKER_LOAD) == mp;
}

static void
sync_wait_once(unsigned round)
{
    if (round < SYNC_SPINS) {
        sync_pause();
    } else {
        sync_sleep(SYNC_SLEEP_NS);
    }
}

void
sync_wait_while(const struct os_mempool *const *busy, const struct os_mempool *mp)
{
    for (unsigned round = 0; sync_is_busy(busy, mp); round++) {
        sync_wait_once(round);
    }
}

bool
sync_wait_briefly(const struct os_mempool *const *busy, const struct os_mempool *mp)
{
    for (unsigned round = 0; round < SYNC_SPINS + SYNC_BRIEF_SLEEPS; round++) {
        if (!sync_is_busy(busy, mp)) {
            return true;
        }
        sync_wait_once(round);
    }
    return !sync_is_busy(busy, mp);
}
