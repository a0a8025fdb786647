/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fixture.h"

#include <stdlib.h>
#include <string.h>

static struct fixture *
fixture_new(void)
{
    struct fixture *fx = calloc(1, sizeof(*fx));

    assert_non_null(fx);
    fx->pool = &fx->ext.mpe_mp;
    fx->buffer = malloc(OS_MEMPOOL_BYTES(FIXTURE_BLOCKS, FIXTURE_SIZE));
    assert_non_null(fx->buffer);
    return fx;
}

int
fixture_plain(void **state)
{
    struct fixture *fx = fixture_new();

    *state = fx;
    return os_mempool_init(fx->pool, FIXTURE_BLOCKS, FIXTURE_SIZE, fx->buffer, "fixture");
}

int
fixture_extended(void **state)
{
    struct fixture *fx = fixture_new();
    os_error_t error =
        os_mempool_ext_init(&fx->ext, FIXTURE_BLOCKS, FIXTURE_SIZE, fx->buffer, "fixture");

    fx->ext.mpe_put_cb = fixture_count_call;
    fx->ext.mpe_put_arg = fx;
    *state = fx;
    return error;
}

/* A test may have unregistered the pool itself. */
int
fixture_end(void **state)
{
    struct fixture *fx = *state;

    pool_expect_whole(fx->pool);
    os_mempool_unregister(fx->pool);
    free(fx->buffer);
    free(fx);
    return 0;
}

os_error_t
fixture_count_call(struct os_mempool_ext *ome, void *data, void *arg)
{
    struct fixture *fx = arg;

    fx->n_calls++;
    return os_memblock_put_from_cb(&ome->mpe_mp, data);
}

void *
fixture_block(const struct fixture *fx, unsigned i)
{
    return fx->buffer + (size_t)i * FIXTURE_STRIDE;
}

/* The index is computed here by division, not by the library's own arithmetic. */
static size_t
pool_index(const struct os_mempool *mp, const void *block)
{
    size_t distance = (uintptr_t)block - mp->mp_membuf_addr;
    size_t stride = OS_MEMPOOL_BYTES(1, mp->mp_block_size);

    assert_int_equal(distance % stride, 0);
    return distance / stride;
}

void **
pool_get_all(struct os_mempool *mp)
{
    uint32_t n = mp->mp_num_blocks;
    void **blocks = calloc((size_t)n + 1, sizeof(*blocks));
    bool *seen = calloc((size_t)n + 1, sizeof(*seen));

    assert_non_null(blocks);
    assert_non_null(seen);
    for (uint32_t i = 0; i < n; i++) {
        size_t index;

        blocks[i] = os_memblock_get(mp);
        assert_non_null(blocks[i]);
        index = pool_index(mp, blocks[i]);
        assert_true(index < n);
        assert_false(seen[index]);
        seen[index] = true;
    }
    free(seen);
    return blocks;
}

void
pool_put_all(struct os_mempool *mp, void **blocks)
{
    for (uint32_t i = mp->mp_num_blocks; i > 0; i--) {
        assert_int_equal(os_memblock_put_from_cb(mp, blocks[i - 1]), OS_OK);
    }
    free(blocks);
}

void
pool_expect_whole(struct os_mempool *mp)
{
    void **blocks;

    assert_true(os_mempool_is_sane(mp));
    assert_int_equal(mp->mp_num_free, mp->mp_num_blocks);
    blocks = pool_get_all(mp);
    assert_null(os_memblock_get(mp));
    assert_int_equal(mp->mp_num_free, 0);
    pool_put_all(mp, blocks);
    assert_int_equal(mp->mp_num_free, mp->mp_num_blocks);
    assert_true(os_mempool_is_sane(mp));
}

unsigned
pools_registered(void)
{
    unsigned n = 0;

    for (struct os_mempool *mp = NULL; (mp = os_mempool_info_get_next(mp, NULL)) != NULL;) {
        n++;
    }
    return n;
}

extern void __asan_init(void) __attribute__((weak));

/* Valgrind preloads its replacements of malloc. */
bool
free_blocks_are_hidden(void)
{
    const char *preload = getenv("LD_PRELOAD");

    return __asan_init != NULL || (preload != NULL && strstr(preload, "vgpreload") != NULL);
}
