/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compat/os/os.h: what a source file that was written for Mynewt, and uses no more of it than
 * pools, finds under this name (pkg-config osmempool-compat).
 */
#ifndef OSMEMPOOL_COMPAT_OS_H
#define OSMEMPOOL_COMPAT_OS_H

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "os/os_mempool.h"
#include "os/queue.h"
#include "syscfg/syscfg.h"

#endif
