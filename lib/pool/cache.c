/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/cache.h"

#include <string.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "pool/cache_path.h"
#include "pool/depot.h"
#include "pool/owner.h"
#include "sync/deadlock.h"
#include "sync/wait.h"

/*
 * What a claim costs, measured: some 18 us, against some 23 ns that a cached operation saves, so an
 * open time of 800 operations has paid.
 */
enum { CACHE_RUN_MIN = 256, CACHE_RUN_MAX = 50000, CACHE_PAID = 800 };

/* A key for each of up to this many cache lines of a block. */
enum { CACHE_KEY_LINES_MAX = 32, CACHE_LINE = 64 };

static struct cache_set *
cache_set(struct os_mempool *mp)
{
    return pool_tail(mp)->caches;
}

static uint32_t
cache_least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t
cache_batch(uint32_t depth)
{
    return depth > 1 ? depth / 2 : 1;
}

/* Blocks that may leave the list while a cache is open. */
static uint32_t
cache_spare(struct os_mempool *mp)
{
    uint32_t on_list = freelist_count(mp);
    uint32_t list_min = cache_set(mp)->list_min;

    return on_list > list_min ? on_list - list_min : 0;
}

/* As cache_pop(), of the last n, in the order of the array. */
static bool
cache_pop_all(struct cache *cache, void **blocks, uint32_t n)
{
    uint64_t word = cache->counts;
    uint32_t held = cache_held(word);

    if (osmp_unlikely(held < n || __builtin_add_overflow(word, n * OSMP_COUNTS_GET, &word))) {
        return false;
    }
    memcpy(blocks, &cache->blocks[held - n], n * sizeof(*blocks));
    /* Unrolled, so that a processor remembers where the loop ends: a wrong guess costs a call of 32
     * as much as a fifth of its blocks. */
#pragma GCC unroll 8
    for (uint32_t i = 0; i < n; i++) {
        *cache_key_word(cache, blocks[i]) = 0;
    }
    cache_store(cache, word);
    return true;
}

OSMP_HOT bool
cache_get_bulk(const struct os_mempool *mp, struct cache *cache, void **blocks, uint32_t n)
{
    bool done;

    if (osmp_unlikely(!cache_enter(cache, mp, osmp_thread_pointer()))) {
        return false;
    }
    done = cache_pop_all(cache, blocks, n);
    cache_leave(cache);
    return done;
}

/* Marks n blocks free, or none if one of them cannot be or stands twice. */
static bool
cache_mark_all(const struct os_mempool *mp, const struct cache *cache, void *const *blocks,
               uint32_t n)
{
    uint32_t marked = 0;

    while (marked < n && cache_mark(mp, cache, blocks[marked])) {
        marked++;
    }
    if (osmp_likely(marked == n)) {
        return true;
    }
    while (marked > 0) {
        *cache_key_word(cache, blocks[--marked]) = 0;
    }
    return false;
}

/* As cache_push(), of all or none. */
static bool
cache_push_all(const struct os_mempool *mp, struct cache *cache, void *const *blocks, uint32_t n)
{
    uint64_t word = cache->counts;
    uint32_t held = cache_held(word);

    if (osmp_unlikely(cache->depth - held < n || !cache_mark_all(mp, cache, blocks, n))) {
        return false;
    }
    memcpy(&cache->blocks[held], blocks, n * sizeof(*blocks));
    cache_store(cache, word + n);
    return true;
}

OSMP_HOT bool
cache_put_bulk(const struct os_mempool *mp, struct cache *cache, void *const *blocks, uint32_t n)
{
    bool done;

    if (osmp_unlikely(!cache_enter(cache, mp, osmp_thread_pointer()))) {
        return false;
    }
    done = cache_push_all(mp, cache, blocks, n);
    cache_leave(cache);
    return done;
}

/* Operations served by caches so far, the measure of an open time. */
static uint64_t
cache_served(const struct cache_set *set)
{
    uint64_t served = 0;

    for (const struct cache *cache = set->all; cache != NULL; cache = cache->next) {
        served += cache_gets(cache) + cache_puts(cache);
    }
    return served;
}

/* Puts the depot's blocks on the list, where everybody finds them. */
static void
cache_spill(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);

    if (set != NULL && set->depot_n > 0) {
        freelist_link(mp, set->depot, set->depot_n);
        set->depot_n = 0;
    }
}

/*
 * After a batch has gone from list and depot to a cache, or back. Release for what was given: it is
 * there before the word that it belongs to; pairs with the acquire in cache_puts().
 */
static void
cache_account(struct os_mempool *mp, struct cache *cache, uint32_t given, uint32_t taken)
{
    uint64_t word = cache->counts;
    uint64_t moved = cache->moved[cache_which_moved(word)] + given - taken;
    uint32_t batch = ((uint32_t)word & CACHE_BATCH_MASK) + (1u << CACHE_HELD_BITS);

    word = counts_of(counts_gets(word), batch | (cache_held(word) + given - taken));
    __atomic_store_n(&cache->moved[cache_which_moved(word)], moved, __ATOMIC_RELEASE);
    cache_store(cache, word);
    osmp_counts_store(mp, osmp_counts_load(mp) - given + taken);
    counts_note_low(mp);
}

/*
 * Takes the n latest blocks of a cache: to the depot while it has room. Those below stay where they
 * are: a thread that only puts then passes on few blocks, not all that its cache has room for.
 */
static void
cache_flush(struct os_mempool *mp, struct cache *cache, uint32_t n)
{
    struct cache_set *set = cache_set(mp);
    uint32_t to_depot;
    void **from;

    if (n == 0) {
        return;
    }
    from = &cache->blocks[cache_held(cache->counts) - n];
    to_depot = depot_put(set, from, n);
    freelist_link(mp, &from[to_depot], n - to_depot);
    cache_account(mp, cache, 0, n);
}

bool
cache_stop(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);
    bool stopped = false;

    if (set == NULL || set->n_open == 0) {
        return false;
    }
    for (struct cache *cache = set->all; cache != NULL; cache = cache->next) {
        if (cache_is_open(cache)) {
            __atomic_store_n(&cache->open_tp, 0, OSMP_DEKKER_STORE);
            cache->paused = true;
            stopped = true;
        }
    }
    set->n_open = 0;
    return stopped;
}

/* A thread is in its own cache here only if it was interrupted there. Relaxed: what is compared was
 * written by the caller itself. */
static void
cache_wait(const struct cache *cache, const struct os_mempool *mp)
{
    if (cache->tp == osmp_thread_pointer() &&
        __atomic_load_n(&cache->busy, __ATOMIC_RELAXED) == mp) {
        deadlock_abort();
    }
    sync_wait_while(&cache->busy, mp);
}

/* After cache_stop() and a barrier: waits for each thread to be out of its section. */
void
cache_collect(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);

    for (struct cache *cache = set != NULL ? set->all : NULL; cache != NULL; cache = cache->next) {
        if (cache->paused) {
            cache_wait(cache, mp);
            cache_flush(mp, cache, cache_held(cache->counts));
        }
    }
    cache_spill(mp);
}

void
cache_pause(struct os_mempool *mp)
{
    if (cache_stop(mp)) {
        owner_barrier();
        cache_collect(mp);
    }
    cache_spill(mp);
}

/* The pool leads to a thread's cache no longer. The cache stays in memory, so who found it a moment
 * ago may look whether it is open. */
static void
cache_take_away(struct pool_near *near)
{
    __atomic_store_n(&near->tp, 0, __ATOMIC_RELAXED);
}

static void
cache_take_all_away(struct os_mempool *mp)
{
    for (int i = 0; i < POOL_NEAR; i++) {
        cache_take_away(&pool_tail(mp)->near[i]);
    }
}

/*
 * Lets the pool lead to the caller's cache, which is being opened, if a place is free. Not an
 * extended pool: cache_near(). Release for the cache: pairs with the acquire in cache_near_cache().
 * Relaxed for whose it is: only that thread looks for it.
 */
static void
cache_bring_near(struct os_mempool *mp, struct cache *cache)
{
    struct pool_near *near = pool_tail(mp)->near;

    if ((mp->mp_flags & OS_MEMPOOL_F_EXT) != 0) {
        return;
    }
    for (int i = 0; i < POOL_NEAR; i++) {
        if (near[i].tp == 0) {
            __atomic_store_n(&near[i].cache, cache, __ATOMIC_RELEASE);
            __atomic_store_n(&near[i].tp, cache->tp, __ATOMIC_RELAXED);
            return;
        }
    }
}

/*
 * Opening for another thread: release, which that thread's acquire in cache_enter() pairs with, so
 * it finds the cache as empty as it was left here.
 */
static void
cache_end_pause(struct os_mempool *mp, bool reopen)
{
    struct cache_set *set = cache_set(mp);

    for (struct cache *cache = set != NULL ? set->all : NULL; cache != NULL; cache = cache->next) {
        if (cache->paused && reopen && cache->tp != 0) {
            __atomic_store_n(&cache->open_tp, cache->tp, __ATOMIC_RELEASE);
            set->n_open++;
        }
        cache->paused = false;
    }
    if (!reopen) {
        cache_take_all_away(mp);
    }
}

/* Whether the threads of all paused caches are out of their sections, waiting for some 2 ms. */
static bool
cache_wait_briefly(const struct os_mempool *mp, const struct cache_set *set)
{
    for (const struct cache *cache = set->all; cache != NULL; cache = cache->next) {
        if (cache->paused && !sync_wait_briefly(&cache->busy, mp)) {
            return false;
        }
    }
    return true;
}

/*
 * Opened again in any case, even where caches are over: a closed one would not be waited for, and
 * a thread may be in it.
 */
bool
cache_try_close(struct os_mempool *mp)
{
    if (!cache_stop(mp)) {
        return true;
    }
    owner_barrier();
    if (!cache_wait_briefly(mp, cache_set(mp))) {
        cache_end_pause(mp, true);
        return false;
    }
    return true;
}

/* Nobody is waited for any more. */
bool
cache_try_pause(struct os_mempool *mp)
{
    if (!cache_try_close(mp)) {
        return false;
    }
    cache_collect(mp);
    return true;
}

/* Whether the list has what it keeps while a cache is open. */
static bool
cache_list_suffices(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);

    return set == NULL || freelist_count(mp) >= set->list_min;
}

/*
 * A frozen pool's caches were closed by the fork, not by the caller; the fork opens them again,
 * unless a fork handler has taken too much from the list meanwhile.
 */
void
cache_resume(struct os_mempool *mp)
{
    if ((pool_tail(mp)->gate & POOL_GATE_FROZEN) == 0) {
        cache_end_pause(mp, owner_is_allowed() && cache_list_suffices(mp));
    }
}

/* Takes all caches' blocks for good and raises the price of opening. */
static OSMP_COLD void
cache_claim(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);

    cache_pause(mp);
    cache_end_pause(mp, false);
    set->run = 0;
    set->run_needed =
        owner_next_run(set->run_needed, cache_served(set) - set->open_from >= CACHE_PAID);
}

/* No memory, no cache: that is no failure. Of a thread without a record another operation comes
 * here again when it has one. */
static struct cache *
cache_make_mine(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);
    struct thread *thread = thread_known();
    struct cache *cache = NULL;

    if (!owner_is_allowed()) {
        set->run = 0;
    } else if (thread == NULL) {
        owner_want_record(mp);
    } else {
        cache = cache_table_own(set, thread);
        set->run = cache != NULL ? set->run : 0;
    }
    return cache;
}

/* Opens the caller's cache, made for it if need be. */
static OSMP_COLD void
cache_open(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);
    struct cache *cache = cache_make_mine(mp);

    if (cache == NULL) {
        return;
    }
    cache->key_mask = (uint32_t)geometry_key_mask(mp);
    /* There is a block: some are free, or the cache would not be opened. */
    cache->span = geometry_span_of(mp);
    if (set->n_open++ == 0) {
        set->open_from = cache_served(set);
    }
    /* Release: pairs with the acquire in cache_set_of(). */
    __atomic_store_n(&pool_tail(mp)->open_caches, set, __ATOMIC_RELEASE);
    cache_bring_near(mp, cache);
    /* Relaxed: its own thread is the one that reads it without the lock. */
    __atomic_store_n(&cache->open_tp, cache->tp, __ATOMIC_RELAXED);
}

/* Whether the list has enough blocks for a cache to open. */
static bool
cache_list_may_feed(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);
    uint32_t half = mp->mp_num_blocks - mp->mp_num_blocks / 2;

    return freelist_count(mp) >= (set->list_min > 0 ? half : cache_batch(cache_batch(set->depth)));
}

/*
 * Counts an operation under the lock, which takes n blocks from the list, towards the opening of
 * the caller's cache. Not while the pool is frozen: the forking thread's cache would be open in the
 * child.
 */
static void
cache_count(struct os_mempool *mp, uint32_t n)
{
    struct cache_set *set = cache_set(mp);

    if (set->run < set->run_needed) {
        set->run++;
    } else if (pool_tail(mp)->gate == 0 && cache_list_may_feed(mp) && cache_spare(mp) >= n) {
        cache_open(mp);
    }
}

/* The caller's cache if it is open, read under the lock as it may have been claimed meanwhile. */
static struct cache *
cache_mine(struct os_mempool *mp)
{
    struct cache *cache = cache_table_find(cache_set(mp));

    return cache != NULL && cache_is_open(cache) ? cache : NULL;
}

static void
cache_reverse(void **blocks, uint32_t n)
{
    for (uint32_t i = 0; i < n / 2; i++) {
        void *block = blocks[i];

        blocks[i] = blocks[n - 1 - i];
        blocks[n - 1 - i] = block;
    }
}

/*
 * Gives an open cache a batch, or n blocks if that is more, of the depot first, and no more than
 * the list can spare. The array is taken from its end, so the list's first block goes last.
 */
static void
cache_refill(struct os_mempool *mp, struct cache *cache, uint32_t n, uint32_t spare)
{
    struct cache_set *set = cache_set(mp);
    uint32_t held = cache_held(cache->counts);
    uint32_t batch = cache_batch(cache->depth);
    uint32_t room = cache_least(cache->depth - held, spare);
    uint32_t wanted = cache_least(batch > n ? batch : n, room);
    void **to = &cache->blocks[held];
    uint32_t on_list = freelist_count(mp) - set->depot_n;
    uint32_t of_depot = depot_take(set, to, wanted);
    uint32_t of_list = freelist_unlink(mp, to + of_depot, wanted - of_depot, on_list);

    cache_reverse(to + of_depot, of_list);
    cache_account(mp, cache, of_depot + of_list, 0);
}

/* Before a cache's gets would wrap they move to where there is more room. */
static void
cache_carry(struct os_mempool *mp, struct cache *cache, uint32_t n)
{
    uint64_t word = cache->counts;

    if (osmp_unlikely(UINT32_MAX - counts_gets(word) < n)) {
        counts_begin(mp);
        __atomic_store_n(&cache->gets_before, cache->gets_before + counts_gets(word),
                         __ATOMIC_RELEASE);
        cache_store(cache, (uint32_t)word);
        counts_end(mp);
    }
}

/*
 * The caller's cache if it is open, with n blocks in it if it has room for them. If there are too
 * few in it and to be spared by the list, claims all caches.
 */
static struct cache *
cache_with_blocks(struct os_mempool *mp, uint32_t n)
{
    struct cache *cache = cache_mine(mp);
    uint32_t held = cache != NULL ? cache_held(cache->counts) : 0;
    uint32_t spare = cache_spare(mp);

    if (osmp_unlikely(spare + held < n && cache_set(mp)->n_open > 0)) {
        cache_claim(mp);
        cache = NULL;
    }
    if (cache == NULL) {
        cache_count(mp, n);
        return NULL;
    }
    cache_carry(mp, cache, n);
    if (held < n) {
        cache_refill(mp, cache, n - held, spare);
    }
    return cache;
}

/* A damaged link may have cost the list what it keeps while a cache is open. */
void *
cache_get_locked(struct os_mempool *mp, struct faults *faults)
{
    struct cache *cache = cache_with_blocks(mp, 1);
    void *block;

    if (cache != NULL && cache_pop(cache, &block)) {
        return block;
    }
    cache_spill(mp);
    block = freelist_pop(mp, faults);
    if (osmp_unlikely(!cache_list_suffices(mp) && cache_set(mp)->n_open > 0)) {
        cache_claim(mp);
    }
    return block;
}

/* More than a cache has room for come from the list, with what the caller's cache has. */
bool
cache_get_bulk_locked(struct os_mempool *mp, void **blocks, uint32_t n)
{
    struct cache *cache = cache_with_blocks(mp, n);

    if (cache != NULL) {
        if (cache_pop_all(cache, blocks, n)) {
            return true;
        }
        cache_flush(mp, cache, cache_held(cache->counts));
    }
    cache_spill(mp);
    return freelist_pop_all(mp, blocks, n);
}

/* The caller's cache with room for n blocks, if it is open and large enough. */
static struct cache *
cache_with_room(struct os_mempool *mp, uint32_t n)
{
    struct cache *cache = cache_mine(mp);
    uint32_t held;

    if (cache == NULL) {
        cache_count(mp, 0);
        return NULL;
    }
    held = cache_held(cache->counts);
    if (cache->depth - held < n) {
        cache_flush(mp, cache, cache_least(cache_batch(cache->depth), held));
    }
    return cache;
}

/* A block that could not be marked was looked for before: it is put on the list, which refuses it.
 */
os_error_t
cache_put_locked(struct os_mempool *mp, void *block, struct faults *faults)
{
    struct cache *cache = cache_with_room(mp, 1);
    os_error_t error = OS_OK;

    if (cache == NULL || !cache_push(mp, cache, block)) {
        error = freelist_push(mp, block, faults);
        counts_add_puts(mp, error == OS_OK);
    }
    return error;
}

os_error_t
cache_put_bulk_on_list(struct os_mempool *mp, void *const *blocks, uint32_t n,
                       struct faults *faults)
{
    os_error_t error = freelist_push_or_refuse(mp, blocks, n, faults);

    counts_add_puts(mp, error == OS_OK ? n : 0);
    return error;
}

os_error_t
cache_put_bulk_locked(struct os_mempool *mp, void *const *blocks, uint32_t n, struct faults *faults)
{
    struct cache *cache = cache_with_room(mp, n);

    if (cache != NULL && cache_push_all(mp, cache, blocks, n)) {
        return OS_OK;
    }
    return cache_put_bulk_on_list(mp, blocks, n, faults);
}

bool
cache_has(struct os_mempool *mp, void *block)
{
    bool has;

    if (!freelist_may_have(mp, block)) {
        return false;
    }
    cache_pause(mp);
    has = freelist_has(mp, block);
    cache_resume(mp);
    return has;
}

void
cache_disown(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);

    for (struct cache *cache = set != NULL ? set->all : NULL; cache != NULL; cache = cache->next) {
        cache_flush(mp, cache, cache_held(cache->counts));
        cache->busy = NULL;
        cache->open_tp = 0;
        cache->paused = false;
        cache_table_set_thread(cache, NULL);
    }
    cache_take_all_away(mp);
    if (set != NULL) {
        set->n_open = 0;
        cache_spill(mp);
    }
}

/* The largest power of two of lines that a block has, less one. */
static uint8_t
cache_key_lines(const struct os_mempool *mp)
{
    uint32_t lines = mp->mp_block_size / CACHE_LINE;

    if (lines < 4) {
        return 0;
    }
    lines = lines < CACHE_KEY_LINES_MAX ? lines : CACHE_KEY_LINES_MAX;
    return (uint8_t)((1u << (31 - __builtin_clz(lines))) - 1);
}

/* Gives the depot, empty now, room for two full caches. Without memory it has none. */
static void
cache_make_depot(const struct os_mempool *mp, struct cache_set *set, uint32_t depth)
{
    uint32_t room = depth < mp->mp_num_blocks / 2 ? 2 * depth : mp->mp_num_blocks;

    arena_free(set->depot, set->depot_room * sizeof(*set->depot));
    set->depot = arena_alloc_array(room, sizeof(*set->depot));
    set->depot_room = set->depot != NULL ? room : 0;
}

bool
cache_enable(struct os_mempool *mp, uint32_t depth, uint32_t list_min)
{
    struct pool_tail *tail = pool_tail(mp);
    struct cache_set *set = tail->caches;

    if (set == NULL) {
        set = cache_table_new_set();
        if (set == NULL) {
            return false;
        }
        tail->caches = set;
        if (tail->keep != NULL) {
            tail->keep->caches = set;
        }
    }
    if (set->depth == 0) {
        owner_forbid(mp);
        counts_split(mp);
        freelist_move_keys(mp, cache_key_lines(mp));
    } else if (set->depth != depth) {
        cache_pause(mp);
        cache_end_pause(mp, false);
    }
    if (set->depth != depth) {
        cache_make_depot(mp, set, depth);
    }
    tail->unusual |= POOL_CACHED;
    set->depth = depth;
    set->list_min = list_min;
    set->run = 0;
    set->run_needed = CACHE_RUN_MIN;
    return true;
}

void
cache_disable(struct os_mempool *mp)
{
    if (!cache_is_enabled(mp)) {
        return;
    }
    cache_pause(mp);
    cache_end_pause(mp, false);
    freelist_move_keys(mp, 0);
    counts_join(mp);
    /* Relaxed: who still has it finds closed caches. */
    __atomic_store_n(&pool_tail(mp)->open_caches, (struct cache_set *)NULL, __ATOMIC_RELAXED);
    cache_set(mp)->depth = 0;
    pool_tail(mp)->unusual &= ~(uint32_t)POOL_CACHED;
    owner_init(mp);
}

/*
 * By the thread pointer, not by the record: a thread whose end did not come here left its cache to
 * the next one that has its pointer, which may be inside, and its record to yet another.
 */
void
cache_forget_thread(struct os_mempool *mp, struct thread *thread)
{
    struct cache_set *set = cache_set(mp);

    for (struct cache *cache = set != NULL ? set->all : NULL; cache != NULL; cache = cache->next) {
        if (cache->tp != thread->hot.tp) {
            continue;
        }
        /* Only then: else the cache is empty, and the list may be an owner's, not ours to write. */
        if (cache_is_enabled(mp)) {
            cache_flush(mp, cache, cache_held(cache->counts));
        }
        if (cache_is_open(cache)) {
            __atomic_store_n(&cache->open_tp, 0, OSMP_DEKKER_STORE);
            set->n_open--;
        }
        if (cache->thread != NULL) {
            thread_unhold(cache->thread);
        }
        cache_table_set_thread(cache, NULL);
    }
    for (int i = 0; i < POOL_NEAR; i++) {
        if (pool_tail(mp)->near[i].tp == thread->hot.tp) {
            cache_take_away(&pool_tail(mp)->near[i]);
        }
    }
}

/* An orphan's thread pointer, which no thread has: its cache is open to claims alone. */
#define CACHE_ORPHAN ((uintptr_t)1)

/* Relaxed: this thread is alone. A cache that was closed holds nothing. */
void
cache_disown_dropped(struct cache_set *set)
{
    for (struct cache *cache = set->all; cache != NULL; cache = cache->next) {
        cache->busy = NULL;
        __atomic_store_n(&cache->open_tp, cache_is_open(cache) ? CACHE_ORPHAN : 0,
                         __ATOMIC_RELAXED);
        cache_table_set_thread(cache, NULL);
    }
}

/* Takes the set out of the pool. Release: pairs with the acquire in registry_keeps_nothing(). */
static void
cache_unhook(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    tail->caches = NULL;
    tail->unusual &= ~(uint32_t)POOL_CACHED;
    if (tail->keep != NULL) {
        __atomic_store_n(&tail->keep->caches, (struct cache_set *)NULL, __ATOMIC_RELEASE);
    }
}

/* The caches' threads have them no longer. */
static void
cache_forget_all_threads(struct cache_set *set)
{
    for (struct cache *cache = set->all; cache != NULL; cache = cache->next) {
        if (cache->thread != NULL) {
            thread_unhold(cache->thread);
            cache_table_set_thread(cache, NULL);
        }
    }
}

static uint64_t
cache_sum_held(const struct cache_set *set)
{
    uint64_t held = 0;

    for (const struct cache *cache = set->all; cache != NULL; cache = cache->next) {
        held += cache_held(cache->counts);
    }
    return held;
}

/* All blocks are free, wherever they are: the list is made anew at the pool's next call. */
static void
cache_give_all(struct os_mempool *mp)
{
    counts_join(mp);
    osmp_counts_store(mp, counts_of(counts_gets(osmp_counts_load(mp)), mp->mp_num_blocks));
    mp->slh_first = NULL;
    mp->osmp_key_lines = 0;
}

struct cache_set *
cache_retire(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);

    if (set == NULL) {
        return NULL;
    }
    cache_end_pause(mp, false);
    cache_forget_all_threads(set);
    /* Relaxed: who still has it finds closed caches. */
    __atomic_store_n(&pool_tail(mp)->open_caches, (struct cache_set *)NULL, __ATOMIC_RELAXED);
    if (cache_is_enabled(mp)) {
        pool_tail(mp)->gate |= POOL_GATE_RETIRED;
        if (freelist_count(mp) + cache_sum_held(set) < mp->mp_num_blocks) {
            return NULL;
        }
        cache_give_all(mp);
    }
    cache_unhook(mp);
    return set;
}

struct cache_set *
cache_settle(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);

    for (struct cache *cache = set->all; cache != NULL; cache = cache->next) {
        cache_flush(mp, cache, cache_held(cache->counts));
    }
    cache_spill(mp);
    freelist_move_keys(mp, 0);
    counts_join(mp);
    cache_unhook(mp);
    return set;
}

void
cache_free(struct cache_set *set)
{
    if (set != NULL) {
        cache_forget_all_threads(set);
        cache_table_free_set(set);
    }
}
