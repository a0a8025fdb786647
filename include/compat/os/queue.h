/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compat/os/queue.h: SLIST, STAILQ and TAILQ. libbsd's header has all of BSD's macros, the C
 * library's, where there is one, has most.
 */
#ifndef OSMEMPOOL_COMPAT_QUEUE_H
#define OSMEMPOOL_COMPAT_QUEUE_H

#if __has_include(<bsd/sys/queue.h>)
#include <bsd/sys/queue.h>
#else
#include <sys/queue.h>
#endif

#endif
