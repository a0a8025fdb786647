/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h: what the registry knows of a pool, in memory of its own.
 *
 * A pool's struct and buffer are the caller's. They may be overwritten, unmapped or used for
 * something else while the pool is registered, so nothing that leads from one pool to another, and
 * nothing that the library must free, is only there. A node holds both. Nodes lie in pages of their
 * own, never in malloc's memory, as a program's malloc may itself stand on a pool.
 *
 * States of a node:
 *   registered  in the list, in order of registration
 *   dropped     forgotten without a look at the pool, which works on as it was. The node stays for
 *               what the pool keeps, until its address is initialised again or unregistered
 *   retired     unregistered with blocks in use. The pool's own calls free what it keeps, and the
 *               node stays until they have, or until its address is initialised again
 * A node that keeps nothing is registered or free.
 *
 * Synchronization: the registry's mutex; node->keep as layout/tail.h says.
 */
#ifndef OSMP_REGISTRY_NODE_H
#define OSMP_REGISTRY_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include <bsd/sys/tree.h>

#include "layout/geometry.h"
#include "layout/tail.h"
#include "registry/identity.h"

enum node_state {
    NODE_REGISTERED,
    NODE_DROPPED,
    NODE_RETIRED,
};

/* What leads from node to node lies in one cache line. */
struct node {
    RB_ENTRY(node) by_address;
    struct os_mempool *mp; /* the key; followed only while the pool is registered and intact */
    struct node *next;     /* in the list of its state */
    struct node **prevp;   /* the pointer that leads here */
    enum node_state state;
    bool is_frozen; /* by a fork that is under way */
    bool is_shared; /* with other processes, as the last fork found */
    struct pool_keep keep;
    struct identity identity;
    struct geometry_extent extent; /* where the blocks lie */
    uintptr_t membuf;              /* the caller's buffer, which a fence leaves unused */
    size_t membuf_bytes;
    char name[OS_MEMPOOL_INFO_NAME_LEN];
} __attribute__((aligned(64)));

/* A list of nodes, in the order in which they were appended. */
struct node_list {
    struct node *first;
    struct node **lastp;
};

void node_append(struct node_list *list, struct node *node);
void node_unlink(struct node_list *list, struct node *node);

/* Memory for a node; NULL if there is none. */
struct node *node_new(void);
void node_free(struct node *node);

#endif
