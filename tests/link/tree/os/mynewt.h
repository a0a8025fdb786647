/* SPDX-License-Identifier: Apache-2.0 */
/* tree/os/mynewt.h: stands for the header that brings all others, and the kernel's tasks. */
#ifndef TREE_MYNEWT_H
#define TREE_MYNEWT_H

#include "os/os.h"

#define OS_ENTER_CRITICAL(sr) ((sr) = tree_enter_critical())
#define OS_EXIT_CRITICAL(sr)  tree_exit_critical(sr)

int os_started(void);
os_sr_t tree_enter_critical(void);
void tree_exit_critical(os_sr_t sr);

#endif
