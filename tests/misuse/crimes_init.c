/* SPDX-License-Identifier: Apache-2.0 */
/* crimes_init.c: pools made wrongly, or of what cannot be one. */
#include <stdlib.h>
#include <string.h>

#include "crime.h"

/* Both inits of a pool that cannot be; the struct must stay as it is. */
static void
init_in_vain(struct scene *s, uint32_t blocks, uint32_t size, void *buffer, os_error_t error)
{
    struct os_mempool_ext ext, before;

    memset(&ext, 0xa5, sizeof(ext));
    before = ext;
    scene_expect(s, os_mempool_init(&ext.mpe_mp, blocks, size, buffer, "vain"), error);
    scene_expect(s, os_mempool_ext_init(&ext, blocks, size, buffer, "vain"), error);
    if (memcmp(&ext, &before, sizeof(ext)) != 0 || os_mempool_get("vain", NULL) != NULL) {
        scene_say("corrupt a pool that was refused");
    }
}

static void
init_no_pool(struct scene *s)
{
    os_membuf_t buffer[8];

    scene_expect(s, os_mempool_init(NULL, 1, 8, buffer, "vain"), OS_INVALID_PARM);
    scene_expect(s, os_mempool_ext_init(NULL, 1, 8, buffer, "vain"), OS_INVALID_PARM);
}

static void
init_size_zero(struct scene *s)
{
    os_membuf_t buffer[8];

    init_in_vain(s, 1, 0, buffer, OS_INVALID_PARM);
    init_in_vain(s, 0, 0, NULL, OS_INVALID_PARM);
}

static void
init_no_buffer(struct scene *s)
{
    init_in_vain(s, 1, 8, NULL, OS_INVALID_PARM);
    init_in_vain(s, UINT32_MAX, UINT32_MAX, NULL, OS_INVALID_PARM);
}

static void
init_misaligned(struct scene *s)
{
    os_membuf_t buffer[8];

    for (unsigned off = 1; off < OS_ALIGNMENT; off++) {
        init_in_vain(s, 1, 8, (char *)buffer + off, OS_MEM_NOT_ALIGNED);
    }
}

static void
init_size_wraps(struct scene *s)
{
    init_in_vain(s, 1, UINT32_MAX, (void *)(UINTPTR_MAX - 4095), OS_INVALID_PARM);
    init_in_vain(s, 2, 1, (void *)(UINTPTR_MAX - 7), OS_INVALID_PARM);
}

static void
init_product_wraps(struct scene *s)
{
    init_in_vain(s, UINT32_MAX, UINT32_MAX, (void *)(UINTPTR_MAX - 4095), OS_INVALID_PARM);
    init_in_vain(s, 0x10001, 0xffff, (void *)(UINTPTR_MAX - 4095), OS_INVALID_PARM);
}

static void
init_without_name(struct scene *s)
{
    struct os_mempool_info info;
    os_membuf_t buffer[8];
    struct os_mempool pool;
    bool good = os_mempool_init(&pool, 1, 8, buffer, NULL) == OS_OK &&
                os_mempool_get("", &info) == &pool && info.omi_name[0] == '\0';

    scene_fine(s, good && os_mempool_unregister(&pool) == OS_OK);
}

static void
init_name_freed(struct scene *s)
{
    char *name = strdup("short-lived");
    os_membuf_t buffer[8];
    struct os_mempool pool;
    bool good = name != NULL && os_mempool_init(&pool, 1, 8, buffer, name) == OS_OK;

    memset(name, 'x', 5);
    free(name);
    good = good && os_mempool_get("short-lived", NULL) == &pool;
    scene_fine(s, good && os_mempool_unregister(&pool) == OS_OK);
}

static void
init_name_too_long(struct scene *s)
{
    char name[1000];
    os_membuf_t buffer[8];
    struct os_mempool pool;
    bool good;

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    good =
        os_mempool_init(&pool, 1, 8, buffer, name) == OS_OK && os_mempool_get(name, NULL) == &pool;
    scene_fine(s, good && os_mempool_unregister(&pool) == OS_OK);
}

static void
init_of_garbage(struct scene *s)
{
    os_membuf_t buffer[8];
    struct os_mempool pool;
    bool good;

    memset(&pool, 0xff, sizeof(pool));
    good = os_mempool_init(&pool, 1, 8, buffer, "was garbage") == OS_OK;
    scene_fine(s, good && os_mempool_unregister(&pool) == OS_OK);
}

/* A registered pool is left alone. */
static void
init_twice_badly(struct scene *s)
{
    unsigned char *buffer = s->scene.buffer;

    place_take(&s->scene);
    scene_expect(s, os_mempool_init(s->scene.pool, 1, 0, buffer, "again"), OS_INVALID_PARM);
    scene_expect(s, os_mempool_ext_init(&s->scene.ext, 1, 8, NULL, "again"), OS_INVALID_PARM);
    scene_expect(s, os_mempool_init(s->scene.pool, 1, 8, buffer + 1, "again"), OS_MEM_NOT_ALIGNED);
}

/* The same memory handed to two pools. One block's worth of it would be its holder's to use. */
static void
init_on_used_buffer(struct scene *s)
{
    struct os_mempool pool;
    unsigned char *block;
    os_error_t error;

    place_take(&s->scene);
    place_take(&s->scene);
    error = os_mempool_init(&pool, 2, SCENE_SIZE, s->scene.buffer, "usurper");
    if (error != OS_OK) {
        scene_expect(s, error, OS_INVALID_PARM);
        return;
    }
    block = os_memblock_get(&pool);
    memset(block, 0x11, SCENE_SIZE);
    os_memblock_put(&pool, block);
    os_mempool_unregister(&pool);
}

static void
init_empty(struct scene *s)
{
    struct os_mempool pool;
    os_membuf_t block[8];

    scene_fine(s, os_mempool_init(&pool, 0, 8, NULL, "none") == OS_OK);
    scene_expect_true(s, os_memblock_get(&pool) == NULL);
    scene_expect_true(s, os_memblock_put(&pool, NULL) == OS_INVALID_PARM);
    scene_expect_true(s, os_memblock_put(&pool, block) == OS_INVALID_PARM);
    scene_fine(s, os_mempool_clear(&pool) == OS_OK && os_mempool_is_sane(&pool) &&
                      os_memblock_get(&pool) == NULL && os_mempool_unregister(&pool) == OS_OK);
}

const struct crime crimes_init[] = {
    CRIME(init_no_pool, "init and ext_init of NULL", KIND_SHARED, 0, "init_null", ALWAYS("error")),
    CRIME(init_size_zero, "a block size of 0", KIND_SHARED, 0, "init_size", ALWAYS("error")),
    CRIME(init_no_buffer, "blocks, and NULL for a buffer", KIND_SHARED, 0, "init_buffer",
          ALWAYS("error")),
    CRIME(init_misaligned, "a buffer that is off OS_ALIGNMENT, by every amount", KIND_SHARED, 0,
          "init_alignment", ALWAYS("error")),
    CRIME(init_size_wraps, "a block that would end beyond the address space", KIND_SHARED, 0,
          "init_wrap", ALWAYS("error")),
    CRIME(init_product_wraps, "blocks x size beyond the address space", KIND_SHARED, 0, "init_wrap",
          ALWAYS("error")),
    CRIME(init_without_name, "NULL for a name, then a walk", KIND_SHARED, 0, "init_name",
          ALWAYS("fine")),
    CRIME(init_name_freed, "a name that is overwritten and freed", KIND_SHARED, 0, NULL,
          ALWAYS("fine")),
    CRIME(init_name_too_long, "a name of 999 bytes", KIND_SHARED, 0, NULL, ALWAYS("fine")),
    CRIME(init_of_garbage, "a struct full of garbage", KIND_SHARED, 0, NULL, ALWAYS("fine")),
    CRIME(init_twice_badly, "bad measures for a pool that is registered already", KINDS_ALL, 0,
          NULL, ALWAYS("error")),
    CRIME(init_on_used_buffer, "a second pool on the first one's buffer", KIND_SHARED, 0, NULL,
          ANSWERS("corrupt", "shared buffer, corrupt", "corrupt", "shared buffer, corrupt",
                  "silent")),
    CRIME(init_empty, "a pool of 0 blocks, then get, put, clear", KIND_SHARED, 0, NULL,
          ALWAYS("error, fine, put of NULL, foreign put")),
    {.name = NULL},
};
