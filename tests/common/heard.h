/* SPDX-License-Identifier: Apache-2.0 */
/* heard.h: a fault handler that remembers the last fault, and how many there were. */
#ifndef OSMP_TESTS_HEARD_H
#define OSMP_TESTS_HEARD_H

#include "osmempool.h"

static struct osmempool_fault seen;
static unsigned n_seen;

static void
remember(const struct osmempool_fault *fault, void *arg)
{
    seen = *fault;
    n_seen++;
}

#endif
