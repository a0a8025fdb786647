/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errors.c: what goes wrong, and what the calls say to it.
 *
 * Each mistake is made on purpose. The pool refuses it with an error and is as it was; the last
 * lines show that it is whole.
 */
#include <osmempool.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define N_BLOCKS   8
#define BLOCK_SIZE 64

static bool as_told = true;

static void
tell(const char *what, os_error_t error, os_error_t expected)
{
    printf("%-36s %s\n", what, os_error_str(error));
    as_told = as_told && error == expected;
}

static void
wrong_inits(os_membuf_t *buffer)
{
    struct os_mempool other;

    tell("a buffer that is not there:", os_mempool_init(&other, N_BLOCKS, BLOCK_SIZE, NULL, "b"),
         OS_INVALID_PARM);
    tell("a buffer off its boundary:",
         os_mempool_init(&other, N_BLOCKS - 1, BLOCK_SIZE, (char *)buffer + 1, "b"),
         OS_MEM_NOT_ALIGNED);
    tell("a pool that is never registered:", os_mempool_unregister(&other), OS_INVALID_PARM);
}

static void
wrong_puts(struct os_mempool *pool)
{
    char *block = os_memblock_get(pool);
    int foreign;

    tell("a pointer into the middle:", os_memblock_put(pool, block + 8), OS_INVALID_PARM);
    tell("memory of somebody else:", os_memblock_put(pool, &foreign), OS_INVALID_PARM);
    tell("the block itself:", os_memblock_put(pool, block), OS_OK);
    tell("the block again:", os_memblock_put(pool, block), OS_INVALID_PARM);
}

/* An empty pool is no error but a limit that was reached: there must be a way on without a block.
 */
static unsigned
take_all(struct os_mempool *pool)
{
    unsigned n = 0;

    while (os_memblock_get(pool) != NULL) {
        n++;
    }
    return n;
}

int
main(void)
{
    os_membuf_t *buffer = malloc(OS_MEMPOOL_BYTES(N_BLOCKS, BLOCK_SIZE));
    struct os_mempool pool;
    unsigned taken;

    if (buffer == NULL) {
        return EXIT_FAILURE;
    }
    tell("a good pool:", os_mempool_init(&pool, N_BLOCKS, BLOCK_SIZE, buffer, "a"), OS_OK);
    tell("the same pool again:", os_mempool_init(&pool, N_BLOCKS, BLOCK_SIZE, buffer, "a"), OS_OK);
    wrong_inits(buffer);
    wrong_puts(&pool);
    taken = take_all(&pool);
    printf("%-36s %u, then NULL\n", "blocks to be had:", taken);
    tell("all of them given up at once:", os_mempool_clear(&pool), OS_OK);
    printf("%-36s %s\n", "after all that the pool is", os_mempool_is_sane(&pool) ? "sane" : "bad");
    as_told = as_told && taken == N_BLOCKS && os_mempool_is_sane(&pool);
    os_mempool_unregister(&pool);
    free(buffer);
    return as_told ? EXIT_SUCCESS : EXIT_FAILURE;
}
