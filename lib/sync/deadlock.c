/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/deadlock.h"

#include <stdlib.h>

#include "base/text.h"

void
deadlock_abort(void)
{
    struct text text = {0};

    text_add(&text,
             "osmempool: deadlock: a thread called the library while it was inside another call, "
             "whose lock it holds\n"
             "osmempool:   from a signal handler, or after a switch of tasks inside the thread: "
             "block the signal during calls,\n"
             "osmempool:   or leave the work to a thread; see CAVEATS in os_mempool(3). The call "
             "could never return: abort\n");
    text_write(&text);
    abort();
}
