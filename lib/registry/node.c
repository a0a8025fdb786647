/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/node.h"

#include <string.h>

#include "base/pages.h"

/* Most programs have fewer pools than there are static nodes; others get memory by the chunk. */
enum { NODE_STATIC = 32, NODE_CHUNK_BYTES = 65536 };

static struct node node_static[NODE_STATIC];
static size_t node_n_static;
static struct node *node_spare; /* free nodes, linked by next */

static void
node_add_chunk(void)
{
    struct node *chunk = pages_map(NODE_CHUNK_BYTES);

    for (size_t i = chunk != NULL ? NODE_CHUNK_BYTES / sizeof(*chunk) : 0; i > 0; i--) {
        node_free(&chunk[i - 1]);
    }
}

struct node *
node_new(void)
{
    struct node *node;

    if (node_spare == NULL && node_n_static < NODE_STATIC) {
        return &node_static[node_n_static++];
    }
    if (node_spare == NULL) {
        node_add_chunk();
    }
    node = node_spare;
    if (node != NULL) {
        node_spare = node->next;
        memset(node, 0, sizeof(*node));
    }
    return node;
}

void
node_free(struct node *node)
{
    node->next = node_spare;
    node_spare = node;
}

void
node_append(struct node_list *list, struct node *node)
{
    struct node **lastp = list->first != NULL ? list->lastp : &list->first;

    node->next = NULL;
    node->prevp = lastp;
    *lastp = node;
    list->lastp = &node->next;
}

void
node_unlink(struct node_list *list, struct node *node)
{
    *node->prevp = node->next;
    if (node->next != NULL) {
        node->next->prevp = node->prevp;
    } else {
        list->lastp = node->prevp;
    }
}
