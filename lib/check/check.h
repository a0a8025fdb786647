/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h: pools under a debug word, or in a program that a tool watches.
 *
 * Get and put of a checked pool are here. They use the record of its blocks (record.h) and never
 * follow a link that lies in a block, so nothing that a program writes after put misleads them.
 *
 * A checked pool is never owned and has no caches: the flag that leads here is looked at under the
 * lock only. The record begins with init and ends with unregister. If blocks are out then, it stays
 * until the last one has come back. A pool that is used after that is no longer checked.
 *
 * Synchronization: what takes a record under the registry's mutex; check_begin() and check_end()
 * under both; everything else under the pool's lock.
 */
#ifndef OSMP_CHECK_CHECK_H
#define OSMP_CHECK_CHECK_H

#include "check/fault.h"
#include "layout/tail.h"

struct record;
struct trace_end;

/* Before a pool is formatted: tools let the library write into the buffer. */
void check_prepare(const void *membuf, size_t n);

/* A pool was formatted and registered: what the environment and the tools want for it. */
void check_begin(struct os_mempool *mp);

/* It is no longer registered. Notes what is_sane finds, and blocks that are out; *held says whose.
 */
void check_end(struct os_mempool *mp, struct faults *faults, struct held *held);

/* The calls of the public interface, for a pool with a record. */
void *check_get(struct os_mempool *mp, const void *caller, struct faults *faults);
os_error_t check_put(struct os_mempool *mp, void *block, const void *caller, struct faults *faults);
bool check_get_all(struct os_mempool *mp, void **blocks, uint32_t n, const void *caller,
                   struct faults *faults);
os_error_t check_put_all(struct os_mempool *mp, void *const *blocks, uint32_t n, const void *caller,
                         struct faults *faults);
void check_clear(struct os_mempool *mp, struct faults *faults);
bool check_is_sane(struct os_mempool *mp, struct faults *faults);

/* Under the word check: looks at everything, as each put does. */
void check_look(struct os_mempool *mp, struct faults *faults);

/* The first thing that is wrong, in words, and the block that shows it or NULL; NULL if nothing is.
 * Notes no fault. */
const char *check_inspect(struct os_mempool *mp, const void **block);

/* Whether a block of the pool is free. */
bool check_has(const struct os_mempool *mp, const void *block);

/* Notes a put that is refused, with what is known of the block's life; also for other pools. */
os_error_t check_refuse(struct faults *faults, struct os_mempool *mp, int kind, const void *block);

/* At the end of each call: the record of a pool that was unregistered ends with the last block.
 * Those that get, put and clear, and is_sane, do it themselves; also for other pools. */
void check_rest(struct os_mempool *mp);

/* Of a new pool: whether its buffer is fixed: watch_is_fixed(). */
void check_set_fixed(struct record *record, bool is_fixed);

/* The pool of a record is dropped: its blocks are no leaks. */
void check_drop(struct record *record);

/* The pool of a record is over, or other memory is made on its own: frees the record; or just takes
 * back what tools were told, as the pool may still be used. */
void check_forget(struct record *record);
void check_end_marks(struct record *record);

/* A registered pool is initialised again. Notes that, if blocks are out and the pool is under the
 * word check; *held says whose. */
void check_note_reinit(const struct record *record, struct os_mempool *mp, struct faults *faults,
                       struct held *held);

/* Whether blocks are out that are to be told at the end of the program. */
bool check_tells_leaks(const struct record *record);

/* At the end of the program: has Memcheck look for lost blocks, if any are out. */
void check_keep_held(const struct record *record);

/* Who holds the blocks of one. */
void check_held(const struct record *record, struct held *held);

/* Whether block number i is out, as far as can be told without the pool's lock: while it is, nobody
 * but its holder changes that. Without a record it may be if any is. */
bool check_may_be_out(const struct os_mempool *mp, uint32_t i);

/* Whether the pool is under the word check. */
bool check_is_thorough(const struct os_mempool *mp);

/* Whether the pool is tracked. It is so from init to unregister: the pool's lock is not needed. */
bool check_is_tracked(const struct os_mempool *mp);

/* Copies the gets of the blocks that are out, room for all blocks being there; how many there are.
 */
uint32_t check_copy_gets(const struct os_mempool *mp, struct trace_end *gets);

/* In a forked child. */
void check_fork_child(void);

/* Whether the pool is checked; of one that is used on after unregister the caller renews. */
static inline bool
check_is_wanted(const struct os_mempool *mp)
{
    return (pool_tail_const(mp)->unusual & POOL_CHECKED) != 0;
}

#endif
