/* SPDX-License-Identifier: Apache-2.0 */
/* tree/os/os_arch.h: what the tree says of its machine; -DTREE_ALIGNMENT for another one. */
#ifndef TREE_OS_ARCH_H
#define TREE_OS_ARCH_H

#ifndef TREE_ALIGNMENT
#define TREE_ALIGNMENT 4
#endif

#define OS_ALIGNMENT (TREE_ALIGNMENT)

typedef unsigned int os_sr_t;

#endif
