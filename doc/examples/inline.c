/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inline.c: get and put without a function call.
 *
 * The define below makes both inline for a pool that one thread uses at a time; nothing else of a
 * program changes. In exchange the program runs only with a library of the same soname. Here the
 * bytes of a long text become nodes of a tree that counts them, and the tree is given back.
 */
#define OSMEMPOOL_INLINE
#include <os_mempool.h>
#include <stdio.h>
#include <stdlib.h>

#define N_NODES  256
#define N_ROUNDS 2000

struct node {
    struct node *less;
    struct node *more;
    unsigned byte;
    unsigned seen;
};

static os_membuf_t buffer[OS_MEMPOOL_SIZE(N_NODES, sizeof(struct node))];
static struct os_mempool nodes;

/* Counts a byte; false if there is no node left for a new one. */
static bool
tree_count(struct node **at, unsigned byte)
{
    while (*at != NULL && (*at)->byte != byte) {
        at = byte < (*at)->byte ? &(*at)->less : &(*at)->more;
    }
    if (*at == NULL) {
        struct node *node = os_memblock_get(&nodes);

        if (node == NULL) {
            return false;
        }
        *node = (struct node){.byte = byte};
        *at = node;
    }
    (*at)->seen++;
    return true;
}

/* Gives a tree back; the number of bytes that it counted. */
static unsigned
tree_end(struct node *node)
{
    unsigned seen;

    if (node == NULL) {
        return 0;
    }
    seen = node->seen + tree_end(node->less) + tree_end(node->more);
    return os_memblock_put(&nodes, node) == OS_OK ? seen : 0;
}

int
main(void)
{
    static const char text[] = "the quick brown fox jumps over the lazy dog";
    struct os_mempool_info info;
    bool right = true;

    if (os_mempool_init(&nodes, N_NODES, sizeof(struct node), buffer, "nodes") != OS_OK) {
        return EXIT_FAILURE;
    }
    for (unsigned round = 0; round < N_ROUNDS; round++) {
        struct node *tree = NULL;

        for (const char *c = text; *c != '\0'; c++) {
            right = tree_count(&tree, (unsigned char)*c) && right;
        }
        right = tree_end(tree) == sizeof(text) - 1 && right;
    }
    os_mempool_get("nodes", &info);
    printf("%d of %d nodes are free; at least %d ever were\n", info.omi_num_free,
           info.omi_num_blocks, info.omi_min_free);
    right = right && info.omi_num_free == N_NODES && os_mempool_is_sane(&nodes);
    return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
