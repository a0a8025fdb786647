/* SPDX-License-Identifier: Apache-2.0 */
/*
 * other/os/os_mempool.h: stands for the header of another implementation of the same API. Names and
 * meaning are the same; the structures are smaller (48 bytes with 64-bit pointers), and a program
 * that took its pools from here to this library would be overwritten in silence.
 */
#ifndef OTHER_OS_MEMPOOL_H
#define OTHER_OS_MEMPOOL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int os_error_t;
typedef uint64_t os_membuf_t;

#define OS_MEMPOOL_SIZE(n, size) (((size) + sizeof(os_membuf_t) - 1) / sizeof(os_membuf_t) * (n))

struct os_mempool {
    uint32_t block_size;
    uint16_t num_blocks, num_free, min_free;
    uint8_t flags;
    uintptr_t membuf;
    struct os_mempool *next;
    void *first;
    char *name;
};

struct os_mempool_ext {
    struct os_mempool mp;
    os_error_t (*put_cb)(struct os_mempool_ext *mpe, void *block, void *arg);
    void *put_arg;
};

struct os_mempool_info {
    int block_size, num_blocks, num_free, min_free;
    char name[32];
};

os_error_t
os_mempool_init(struct os_mempool *mp, uint16_t n, uint32_t size, void *membuf, char *name);
os_error_t os_mempool_ext_init(struct os_mempool_ext *mpe, uint16_t n, uint32_t size, void *membuf,
                               char *name);
void *os_memblock_get(struct os_mempool *mp);
os_error_t os_memblock_put(struct os_mempool *mp, void *block);
struct os_mempool *os_mempool_info_get_next(struct os_mempool *mp, struct os_mempool_info *info);

#ifdef __cplusplus
}
#endif

#endif
