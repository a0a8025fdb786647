/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extended.c: an extended pool, as Mynewt code uses it.
 *
 * The blocks are connections. Whoever puts one back need not know what else ends with it: the put
 * callback wipes the key, counts, and only then frees the block.
 */
#include <os/os_mempool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONN_COUNT 4

struct conn {
    unsigned handle;
    unsigned char key[16];
};

static struct os_mempool_ext conn_pool;
static os_membuf_t conn_mem[OS_MEMPOOL_SIZE(CONN_COUNT, sizeof(struct conn))];

static os_error_t
conn_closed(struct os_mempool_ext *ome, void *data, void *arg)
{
    struct conn *conn = data;
    unsigned *n_closed = arg;

    memset(conn->key, 0, sizeof(conn->key));
    (*n_closed)++;
    /* Not os_memblock_put(): that would call this function again. */
    return os_memblock_put_from_cb(&ome->mpe_mp, conn);
}

static struct conn *
conn_open(unsigned handle)
{
    struct conn *conn = os_memblock_get(&conn_pool.mpe_mp);

    if (conn != NULL) {
        conn->handle = handle;
        memset(conn->key, (int)handle, sizeof(conn->key));
    }
    return conn;
}

/* Mynewt's `mpool`: every registered pool. */
static void
print_pools(void)
{
    struct os_mempool_info info;
    struct os_mempool *mp = NULL;

    printf("%32s %5s %4s %4s %4s\n", "name", "blksz", "cnt", "free", "min");
    while ((mp = os_mempool_info_get_next(mp, &info)) != NULL) {
        printf("%32s %5d %4d %4d %4d\n", info.omi_name, info.omi_block_size, info.omi_num_blocks,
               info.omi_num_free, info.omi_min_free);
    }
}

int
main(void)
{
    struct conn *conns[CONN_COUNT + 1];
    unsigned n_closed = 0;
    unsigned n_open = 0;

    os_mempool_module_init(); /* as Mynewt's start-up code does */
    if (os_mempool_ext_init(&conn_pool, CONN_COUNT, sizeof(struct conn), conn_mem, "conns") != 0) {
        return EXIT_FAILURE;
    }
    conn_pool.mpe_put_cb = conn_closed;
    conn_pool.mpe_put_arg = &n_closed;

    while (n_open <= CONN_COUNT && (conns[n_open] = conn_open(n_open + 1)) != NULL) {
        n_open++;
    }
    printf("opened %u, then the pool was empty\n", n_open);
    while (n_open > 1) {
        if (os_memblock_put(&conn_pool.mpe_mp, conns[--n_open]) != 0) {
            return EXIT_FAILURE;
        }
    }
    printf("closed %u, connection %u is still open\n", n_closed, conns[0]->handle);
    print_pools();
    return n_closed == CONN_COUNT - 1 && os_memblock_put(&conn_pool.mpe_mp, conns[0]) == 0
               ? EXIT_SUCCESS
               : EXIT_FAILURE;
}
