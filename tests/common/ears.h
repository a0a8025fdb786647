/* SPDX-License-Identifier: Apache-2.0 */
/* ears.h: two fault handlers, each of which knows its own argument. */
#ifndef OSMP_TESTS_EARS_H
#define OSMP_TESTS_EARS_H

#include "common/check.h"
#include "osmempool.h"

static unsigned ears_heard[2];
static unsigned ears_strangers; /* faults that came with another handler's argument */

static void
ears_hear(void *arg, unsigned *own)
{
    if (arg == own) {
        ++*own;
    } else {
        ears_strangers++;
    }
}

static void
ears_hear_first(const struct osmempool_fault *fault, void *arg)
{
    ears_hear(arg, &ears_heard[0]);
}

static void
ears_hear_second(const struct osmempool_fault *fault, void *arg)
{
    ears_hear(arg, &ears_heard[1]);
}

static void
ears_set_first(void)
{
    osmempool_set_fault_handler(ears_hear_first, &ears_heard[0]);
}

static void
ears_set_second(void)
{
    osmempool_set_fault_handler(ears_hear_second, &ears_heard[1]);
}

/* Makes faults; whether each was heard, by a handler with its own argument. */
static bool
ears_hear_all(unsigned n)
{
    unsigned before = ears_heard[0] + ears_heard[1];

    for (unsigned i = 0; i < n; i++) {
        os_memblock_put(NULL, NULL);
    }
    return ears_strangers == 0 && ears_heard[0] + ears_heard[1] - before == n;
}

#endif
