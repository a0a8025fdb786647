/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/cache_table.h"

#include "base/arena.h"
#include "base/hash.h"

/* The tables have 64, 512, 4,096 and 32,768 slots, in buckets of four. */
enum {
    CACHE_TABLE_BITS = 6,
    CACHE_TABLE_BITS_MORE = 3,
    CACHE_TABLE_BITS_MAX = 15,
    CACHE_BUCKET = 4,
};

struct cache cache_nobodys;

static size_t
cache_table_bucket(const struct cache_table *table, uint64_t mixed)
{
    return (size_t)(mixed >> (64 - table->bits)) / CACHE_BUCKET * CACHE_BUCKET;
}

static size_t
cache_table_bytes(unsigned bits)
{
    return sizeof(struct cache_table) + ((size_t)1 << bits) * sizeof(struct cache_slot);
}

struct cache_set *
cache_table_new_set(void)
{
    struct cache_set *set = arena_alloc(sizeof(*set));

    for (size_t i = 0; set != NULL && i < CACHE_HOMES; i++) {
        set->homes[i] = &cache_nobodys;
    }
    return set;
}

void
cache_table_free_set(struct cache_set *set)
{
    struct cache *cache = set->all;
    struct cache_table *table = set->table;

    while (cache != NULL) {
        struct cache *next = cache->next;

        arena_free(cache->blocks, cache->depth * sizeof(*cache->blocks));
        arena_free(cache, sizeof(*cache));
        cache = next;
    }
    while (table != NULL) {
        struct cache_table *smaller = table->smaller;

        arena_free(table, cache_table_bytes(table->bits));
        table = smaller;
    }
    arena_free(set->depot, set->depot_room * sizeof(*set->depot));
    arena_free(set, sizeof(*set));
}

/*
 * Relaxed for whose a slot and a cache are: a thread's own pointer stands there only if it wrote it
 * itself, or one with the same pointer did that had ended before. Such a one's cache may be
 * another's by now, but is one of this pool's, and tells.
 */
static inline struct cache *
cache_table_look(const struct cache_table *table, uint64_t mixed, uintptr_t tp)
{
    const struct cache_slot *slot = &table->slots[cache_table_bucket(table, mixed)];

    for (size_t i = 0; i < CACHE_BUCKET; i++) {
        struct cache *cache;

        if (__atomic_load_n(&slot[i].tp, __ATOMIC_RELAXED) != tp) {
            continue;
        }
        cache = cache_table_slot(&slot[i].cache);
        if (__atomic_load_n(&cache->tp, __ATOMIC_RELAXED) == tp) {
            return cache;
        }
    }
    return NULL;
}

/* Acquire: pairs with the release that adds a table, so it is seen as it was made. */
static inline struct cache *
cache_table_find_of(const struct cache_set *set, uintptr_t tp)
{
    const uint64_t mixed = hash_mix(tp);
    const struct cache_table *table = __atomic_load_n(&set->table, __ATOMIC_ACQUIRE);
    struct cache *cache = NULL;

    for (; table != NULL && cache == NULL; table = table->smaller) {
        cache = cache_table_look(table, mixed, tp);
    }
    return cache;
}

struct cache *
cache_table_find(const struct cache_set *set)
{
    return cache_table_find_of(set, osmp_thread_pointer());
}

struct cache *
cache_table_beside(const struct cache_set *set)
{
    struct cache *cache = cache_table_find(set);
    bool is_open = cache != NULL && __atomic_load_n(&cache->open_tp, __ATOMIC_RELAXED) != 0;

    return is_open ? cache : NULL;
}

/* Release: pairs with the acquire in cache_table_slot(). */
static void
cache_table_fill(struct cache **slot, struct cache *cache)
{
    __atomic_store_n(slot, cache, __ATOMIC_RELEASE);
}

/* Nobody looks for the cache of a dead thread. */
static bool
cache_table_is_free(const struct cache *slot)
{
    return slot == &cache_nobodys || slot->tp == 0;
}

/* Whether no living thread's cache is found through a slot. */
static bool
cache_table_may_fill(const struct cache_slot *slot)
{
    return slot->cache == NULL || slot->cache->tp != slot->tp;
}

/* Puts a cache into a free slot of its bucket; false if there is none. */
static bool
cache_table_put(struct cache_table *table, struct cache *cache)
{
    struct cache_slot *slot = &table->slots[cache_table_bucket(table, hash_mix(cache->tp))];

    for (size_t i = 0; i < CACHE_BUCKET; i++) {
        if (cache_table_may_fill(&slot[i])) {
            cache_table_fill(&slot[i].cache, cache);
            __atomic_store_n(&slot[i].tp, cache->tp, __ATOMIC_RELAXED);
            return true;
        }
    }
    return false;
}

/* Adds a table, which is empty: nothing is moved. Release: pairs with the acquire in
 * cache_table_find_of(). */
static struct cache_table *
cache_table_add(struct cache_set *set)
{
    unsigned bits =
        set->table != NULL ? set->table->bits + CACHE_TABLE_BITS_MORE : CACHE_TABLE_BITS;
    struct cache_table *table = NULL;

    if (bits <= CACHE_TABLE_BITS_MAX) {
        table = arena_alloc(cache_table_bytes(bits));
    }
    if (table != NULL) {
        table->bits = bits;
        table->smaller = set->table;
        __atomic_store_n(&set->table, table, __ATOMIC_RELEASE);
    }
    return table;
}

/* An earlier thread with the same pointer may have had the same cache: its slot will do. */
bool
cache_table_place(struct cache_set *set, struct cache *cache)
{
    struct cache_table *table = set->table;

    if (cache_table_find_of(set, cache->tp) == cache) {
        return true;
    }
    while (table != NULL && !cache_table_put(table, cache)) {
        table = table->smaller;
    }
    if (table != NULL) {
        return true;
    }
    table = cache_table_add(set);
    return table != NULL && cache_table_put(table, cache);
}

/* Nobody comes to a cache by the home that it had. */
static void
cache_table_leave_home(struct cache_set *set, const struct cache *cache)
{
    for (size_t i = 0; i < CACHE_HOMES; i++) {
        if (set->homes[i] == cache) {
            cache_table_fill(&set->homes[i], &cache_nobodys);
        }
    }
}

/* A cache that nobody has: a dead thread's, or a new one. One that is open still may hold blocks: a
 * forked child found it in a dropped pool. */
static struct cache *
cache_table_spare(struct cache_set *set)
{
    struct cache *cache = set->all;

    while (cache != NULL && (cache->tp != 0 || cache->open_tp != 0)) {
        cache = cache->next;
    }
    if (cache != NULL) {
        cache_table_leave_home(set, cache);
        return cache;
    }
    cache = arena_alloc(sizeof(*cache));
    if (cache != NULL) {
        cache->next = set->all;
        /* Release: pairs with the acquire in cache_set_first(). */
        __atomic_store_n(&set->all, cache, __ATOMIC_RELEASE);
    }
    return cache;
}

/* Gives a closed cache room for the set's depth. */
static bool
cache_table_make_room(const struct cache_set *set, struct cache *cache)
{
    void **blocks;

    if (cache->depth == set->depth) {
        return true;
    }
    blocks = arena_alloc_array(set->depth, sizeof(*blocks));
    if (blocks != NULL) {
        arena_free(cache->blocks, cache->depth * sizeof(*blocks));
        cache->blocks = blocks;
        cache->depth = set->depth;
    }
    return blocks != NULL;
}

/* Gives a spare cache to a thread. */
static struct cache *
cache_table_adopt(struct cache_set *set, struct thread *thread)
{
    struct cache *cache = cache_table_spare(set);

    if (cache == NULL) {
        return NULL;
    }
    cache_table_set_thread(cache, thread);
    if (!cache_table_place(set, cache)) {
        cache_table_set_thread(cache, NULL);
        return NULL;
    }
    thread_hold(thread);
    return cache;
}

/* Moves a cache into its home if nobody alive has one there. */
static void
cache_table_settle(struct cache_set *set, struct cache *cache)
{
    struct cache **home = &set->homes[cache_table_home_index(cache->tp)];

    if (cache_table_is_free(*home)) {
        cache_table_fill(home, cache);
    }
}

struct cache *
cache_table_own(struct cache_set *set, struct thread *thread)
{
    struct cache *cache = cache_table_find(set);

    if (cache == NULL) {
        cache = cache_table_adopt(set, thread);
    }
    if (cache == NULL || !cache_table_make_room(set, cache)) {
        return NULL;
    }
    cache_table_settle(set, cache);
    return cache;
}
