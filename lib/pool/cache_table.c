/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/cache_table.h"

#include <stdlib.h>

enum { CACHE_TABLE_BITS = 4, CACHE_WINDOW = 4 };

struct cache cache_nobodys;

/* Multiplicative hash (Knuth, The Art of Computer Programming 3, 6.4); its high bits are good. */
static size_t
cache_table_hash(const struct cache_table *table, uintptr_t tp)
{
    return (size_t)((uint64_t)tp * 0x9e3779b97f4a7c15u >> (64 - table->bits));
}

/* The window of the last hash ends behind it, so that no index wraps. */
static size_t
cache_table_slots(unsigned bits)
{
    return ((size_t)1 << bits) + CACHE_WINDOW - 1;
}

static void
cache_table_empty(struct cache **slots, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        slots[i] = &cache_nobodys;
    }
}

static struct cache_table *
cache_table_new(unsigned bits)
{
    size_t slots = cache_table_slots(bits);
    struct cache_table *table = malloc(sizeof(*table) + slots * sizeof(table->slots[0]));

    if (table != NULL) {
        *table = (struct cache_table){.bits = bits};
        cache_table_empty(table->slots, slots);
    }
    return table;
}

struct cache_set *
cache_table_new_set(void)
{
    struct cache_set *set = calloc(1, sizeof(*set));

    if (set != NULL) {
        cache_table_empty(set->homes, CACHE_HOMES);
        set->table = cache_table_new(CACHE_TABLE_BITS);
    }
    if (set != NULL && set->table == NULL) {
        free(set);
        set = NULL;
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

        free(cache->blocks);
        free(cache);
        cache = next;
    }
    while (table != NULL) {
        struct cache_table *older = table->older;

        free(table);
        table = older;
    }
    free(set->depot);
    free(set);
}

/*
 * Relaxed for what tells whose a cache is and whether it is open: only one's own makes a
 * difference, and what that thread stored itself it sees; the section looks again.
 */
struct cache *
cache_table_find(const struct cache_set *set)
{
    const struct cache_table *table = __atomic_load_n(&set->table, __ATOMIC_ACQUIRE);
    const uintptr_t tp = osmp_thread_pointer();
    struct cache *const *slot = &table->slots[cache_table_hash(table, tp)];

    for (size_t i = 0; i < CACHE_WINDOW; i++) {
        struct cache *cache = cache_table_slot(&slot[i]);

        if (__atomic_load_n(&cache->tp, __ATOMIC_RELAXED) == tp) {
            return cache;
        }
    }
    return NULL;
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

/* Puts a cache into a free slot of its window; false if there is none. */
static bool
cache_table_place(struct cache_table *table, struct cache *cache)
{
    struct cache **slot = &table->slots[cache_table_hash(table, cache->tp)];

    for (size_t i = 0; i < CACHE_WINDOW; i++) {
        if (cache_table_is_free(slot[i])) {
            cache_table_fill(&slot[i], cache);
            return true;
        }
    }
    return false;
}

/* Places all caches that somebody has in a new table; false if one finds no slot. */
static bool
cache_table_place_all(struct cache_table *table, const struct cache_set *set)
{
    for (struct cache *cache = set->all; cache != NULL; cache = cache->next) {
        if (cache->tp != 0 && !cache_table_place(table, cache)) {
            return false;
        }
    }
    return true;
}

/* Replaces the table by a larger one in which every cache has a slot; false without memory. */
static bool
cache_table_grow(struct cache_set *set)
{
    unsigned bits = set->table->bits;
    struct cache_table *table;

    for (;;) {
        table = cache_table_new(++bits);
        if (table == NULL || cache_table_place_all(table, set)) {
            break;
        }
        free(table);
    }
    if (table != NULL) {
        table->older = set->table;
        __atomic_store_n(&set->table, table, __ATOMIC_RELEASE);
    }
    return table != NULL;
}

static void
cache_table_remove(struct cache **slots, size_t n, const struct cache *cache)
{
    for (size_t i = 0; i < n; i++) {
        if (slots[i] == cache) {
            cache_table_fill(&slots[i], &cache_nobodys);
        }
    }
}

/* A cache that nobody has: a dead thread's, out of the table, or a new one. One that is open still
 * may hold blocks: a forked child found it in a dropped pool. */
static struct cache *
cache_table_spare(struct cache_set *set)
{
    struct cache *cache = set->all;

    while (cache != NULL && (cache->tp != 0 || cache->open_tp != 0)) {
        cache = cache->next;
    }
    if (cache != NULL) {
        cache_table_remove(set->homes, CACHE_HOMES, cache);
        cache_table_remove(set->table->slots, cache_table_slots(set->table->bits), cache);
        return cache;
    }
    cache = aligned_alloc(_Alignof(struct cache), sizeof(*cache));
    if (cache != NULL) {
        *cache = (struct cache){.next = set->all};
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
    blocks = reallocarray(cache->blocks, set->depth, sizeof(*blocks));
    if (blocks != NULL) {
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
    if (!cache_table_place(set->table, cache) && !cache_table_grow(set)) {
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
cache_table_own(struct cache_set *set)
{
    struct cache *cache = cache_table_find(set);
    struct thread *thread = thread_get();

    if (cache == NULL && thread != NULL) {
        cache = cache_table_adopt(set, thread);
    }
    if (cache == NULL || !cache_table_make_room(set, cache)) {
        return NULL;
    }
    cache_table_settle(set, cache);
    return cache;
}
