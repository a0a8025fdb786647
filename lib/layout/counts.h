/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counts.h: a pool's counters as plain numbers of one moment.
 *
 * What pool_counts_read() fills in, and all that the rooms above registry/ ever see of a pool.
 */
#ifndef OSMP_LAYOUT_COUNTS_H
#define OSMP_LAYOUT_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "os/os_mempool.h"

/*
 * gets - puts + adjust == num_blocks - num_free in every row that is not stale. gets and puts never
 * go back.
 */
struct pool_counts {
    char name[OS_MEMPOOL_INFO_NAME_LEN];
    uint32_t block_size;
    uint32_t num_blocks;
    uint32_t num_free;
    uint32_t min_free;
    uint32_t num_cached;
    uint64_t gets;      /* gets that returned a block */
    uint64_t puts;      /* puts that succeeded */
    int64_t adjust;     /* blocks lost to damage, less blocks given up by clear */
    uint64_t failed;    /* gets that returned NULL */
    uint64_t refused;   /* puts that were turned away */
    uint64_t failed_us; /* time of the last failed get, microseconds since 1970; 0 never */
    uint64_t min_us;    /* time at which min_free was reached, likewise */
    bool stale;         /* no consistent copy was to be had: the fields may disagree */
};

#endif
