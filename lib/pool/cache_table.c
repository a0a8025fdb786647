/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/cache_table.h"

#include <stdlib.h>

enum { CACHE_TABLE_BITS = 4 };

/* The window of the last home ends behind it, so that no index wraps. */
static size_t
cache_table_slots(const struct cache_table *table)
{
    return ((size_t)1 << table->bits) + CACHE_WINDOW - 1;
}

static struct cache_table *
cache_table_new(unsigned bits)
{
    const struct cache_table measure = {.bits = bits};
    struct cache_table *table =
        calloc(1, sizeof(*table) + cache_table_slots(&measure) * sizeof(table->slots[0]));

    if (table != NULL) {
        table->bits = bits;
    }
    return table;
}

struct cache_set *
cache_table_new_set(void)
{
    struct cache_set *set = calloc(1, sizeof(*set));

    if (set != NULL) {
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
    free(set);
}

/* Nobody looks for the cache of a dead thread. */
static bool
cache_table_is_free(const struct cache *slot, const struct cache *cache)
{
    return slot == NULL || slot == cache || slot->tp == 0;
}

/* Puts a cache into a free slot of its window; false if there is none. */
static bool
cache_table_place(struct cache_table *table, struct cache *cache, uintptr_t tp)
{
    struct cache **slot = &table->slots[cache_table_home(table, tp)];

    for (size_t i = 0; i < CACHE_WINDOW; i++) {
        if (cache_table_is_free(slot[i], cache)) {
            __atomic_store_n(&slot[i], cache, __ATOMIC_RELEASE);
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
        if (cache->tp != 0 && !cache_table_place(table, cache, cache->tp)) {
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
cache_table_remove(struct cache_table *table, const struct cache *cache)
{
    for (size_t i = 0; i < cache_table_slots(table); i++) {
        if (table->slots[i] == cache) {
            __atomic_store_n(&table->slots[i], (struct cache *)NULL, __ATOMIC_RELEASE);
        }
    }
}

/* A cache that nobody has: a dead thread's, out of the table, or a new one. */
static struct cache *
cache_table_spare(struct cache_set *set)
{
    struct cache *cache = set->all;

    while (cache != NULL && cache->tp != 0) {
        cache = cache->next;
    }
    if (cache != NULL) {
        cache_table_remove(set->table, cache);
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
    if (!cache_table_place(set->table, cache, thread->hot.tp) && !cache_table_grow(set)) {
        cache_table_set_thread(cache, NULL);
        return NULL;
    }
    thread_hold(thread);
    return cache;
}

struct cache *
cache_table_own(struct cache_set *set)
{
    struct cache *cache = cache_table_find(set);
    struct thread *thread = thread_get();

    if (cache == NULL && thread != NULL) {
        cache = cache_table_adopt(set, thread);
    }
    return cache != NULL && cache_table_make_room(set, cache) ? cache : NULL;
}
