/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree/os/os.h: stands for a source tree that has headers of these names, pools among them, that
 * include each other in a circle.
 */
#ifndef TREE_OS_H
#define TREE_OS_H

#define OS_ALIGN(n, a) (((n) + (a)-1) / (a) * (a))

#ifdef __cplusplus
extern "C" {
#endif

#include "os/os_arch.h"
#include "os/os_error.h"
#include "os/os_mbuf.h"
#include "os/os_mempool.h"
#include "os/queue.h"

#ifdef __cplusplus
}
#endif

#endif
