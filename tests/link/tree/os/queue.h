/* SPDX-License-Identifier: Apache-2.0 */
/* tree/os/queue.h: the tree's macros for queues. */
#ifndef TREE_QUEUE_H
#define TREE_QUEUE_H

#define TREE_QUEUES 1

#define STAILQ_ENTRY(type)                                                                         \
    struct {                                                                                       \
        struct type *stqe_next;                                                                    \
    }
#define STAILQ_HEAD(name, type)                                                                    \
    struct name {                                                                                  \
        struct type *stqh_first;                                                                   \
        struct type **stqh_last;                                                                   \
    }
#define STAILQ_HEAD_INITIALIZER(head)                                                              \
    {                                                                                              \
        0, &(head).stqh_first                                                                      \
    }
#define STAILQ_NEXT(element, field) ((element)->field.stqe_next)
#define SLIST_FIRST(head)           ((head)->slh_first)
#define SLIST_NEXT(element, field)  ((element)->field.sle_next)

#endif
