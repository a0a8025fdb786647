/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WARM_UP = 2000, CACHE_DEPTH = 8, GUARD_BYTE = 0xc5 };

void
scene_say(const char *format, ...)
{
    char line[256];
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(line, sizeof(line) - 1, format, arguments);
    va_end(arguments);
    n = n < (int)sizeof(line) - 1 ? n : (int)sizeof(line) - 2;
    line[n++] = '\n';
    if (write(STDOUT_FILENO, line, (size_t)n) != n) {
        _exit(1);
    }
}

void
scene_expect(struct scene *s, os_error_t got, os_error_t wanted)
{
    if (got == wanted) {
        scene_say("error");
    } else {
        scene_say("unexpected %s instead of %s", os_error_str(got), os_error_str(wanted));
    }
}

void
scene_expect_true(struct scene *s, bool answer)
{
    scene_say(answer ? "error" : "unexpected answer");
}

void
scene_fine(struct scene *s, bool holds)
{
    scene_say(holds ? "fine" : "unexpected answer to a legal call");
}

/* What follows makes no sense any more. */
static _Noreturn void
scene_corrupt(const char *why)
{
    scene_say("corrupt %s", why);
    _exit(0);
}

os_error_t
scene_callback(struct os_mempool_ext *ext, void *block, void *arg)
{
    struct scene *s = arg;

    s->n_calls++;
    return os_memblock_put_from_cb(&ext->mpe_mp, block);
}

size_t
place_stride(const struct place *place)
{
    return OS_MEMPOOL_BYTES(1, place->pool->mp_block_size);
}

unsigned char *
place_block(const struct place *place, unsigned i)
{
    return place->first + (ptrdiff_t)i * (ptrdiff_t)place->step;
}

/* By division, not by the library's own arithmetic. */
static bool
place_has(const struct place *place, const void *block)
{
    size_t distance = (uintptr_t)block - (uintptr_t)place->first;

    return distance % place->step == 0 && distance / place->step < SCENE_BLOCKS;
}

/* They lie in the buffer, one behind the other, or in memory that a debug word took for them. */
void
place_learn(struct place *place)
{
    unsigned char *blocks[SCENE_BLOCKS];

    for (unsigned i = 0; i < SCENE_BLOCKS; i++) {
        blocks[i] = os_memblock_get(place->pool);
    }
    place->first = blocks[0];
    place->step = (size_t)(blocks[1] - blocks[0]);
    for (unsigned i = 0; i < SCENE_BLOCKS; i++) {
        if (blocks[i] == NULL || blocks[i] != place_block(place, i)) {
            scene_corrupt("a new pool gives other blocks than its own, or in another order");
        }
    }
    if (getenv("OSMEMPOOL_DEBUG") == NULL &&
        (place->first != place->buffer || place->step != place_stride(place))) {
        scene_corrupt("the blocks are not those of the buffer");
    }
    for (unsigned i = SCENE_BLOCKS; i > 0; i--) {
        os_memblock_put_from_cb(place->pool, blocks[i - 1]);
    }
}

static struct holding *
place_find(struct place *place, const void *block)
{
    for (unsigned i = 0; i < place->n_held; i++) {
        if (place->held[i].block == block) {
            return &place->held[i];
        }
    }
    return NULL;
}

static void
place_hold(struct place *place, unsigned char *block)
{
    static unsigned char value = 0x20;

    if (!place_has(place, block)) {
        scene_corrupt("a get gave what is no block");
    }
    if (place_find(place, block) != NULL) {
        scene_corrupt("a block was handed out twice");
    }
    value = value < 0x7f ? value + 1 : 0x20;
    memset(block, value, place->pool->mp_block_size);
    place->held[place->n_held++] = (struct holding){block, value};
}

static bool
place_next(struct place *place)
{
    void *block = os_memblock_get(place->pool);

    if (block != NULL) {
        place_hold(place, block);
    }
    return block != NULL;
}

void *
place_take(struct place *place)
{
    if (!place_next(place)) {
        scene_say("unexpected NULL");
        _exit(0);
    }
    return place->held[place->n_held - 1].block;
}

void
place_take_some(struct place *place)
{
    for (unsigned i = 0; i < 3; i++) {
        place_take(place);
    }
}

void
place_forget(struct place *place, const void *block)
{
    struct holding *holding = place_find(place, block);

    if (holding != NULL) {
        *holding = place->held[--place->n_held];
    }
}

/* From a callback or without one: a block of an extended pool is put as its users put it. */
void
place_give(struct place *place, void *block)
{
    os_error_t error;

    place_forget(place, block);
    error = os_memblock_put(place->pool, block);
    if (error != OS_OK) {
        scene_corrupt("a good put was refused");
    }
}

/* Among good blocks, which must stay the caller's; no more than are out, or the number tells. */
static void
scene_refused_in_bulk(struct scene *s, struct os_mempool *mp, void *block)
{
    struct place *place = &s->scene;
    unsigned n_good = mp == place->pool && place->n_held > 0 ? place->n_held - 1 : 0;
    void *blocks[3];
    unsigned n = 0;

    if (n_good > 0 && place->held[0].block != block) {
        blocks[n++] = place->held[0].block;
    }
    blocks[n++] = block;
    if (n_good > 1 && place->held[1].block != block) {
        blocks[n++] = place->held[1].block;
    }
    scene_expect(s, os_memblock_put_bulk(mp, blocks, n), OS_INVALID_PARM);
    /* But for the words that hold link and key when they are free. */
    for (unsigned i = 0; i < n; i++) {
        struct holding *holding = place_find(place, blocks[i]);

        if (holding != NULL) {
            memset(holding->block, holding->value, place->pool->mp_block_size);
        }
    }
}

void
scene_refused(struct scene *s, struct os_mempool *mp, void *block)
{
    unsigned n_calls = s->n_calls;

    switch (s->way) {
    case WAY_PUT:
        scene_expect(s, os_memblock_put(mp, block), OS_INVALID_PARM);
        break;
    case WAY_FROM_CB:
        scene_expect(s, os_memblock_put_from_cb(mp, block), OS_INVALID_PARM);
        break;
    case WAY_BULK:
        scene_refused_in_bulk(s, mp, block);
        break;
    }
    if (s->n_calls != n_calls) {
        scene_say("callback");
    }
}

static uint32_t
scene_block_size(enum scene_kind kind)
{
    if (kind == KIND_ONE_WORD) {
        return OS_ALIGNMENT;
    }
    return kind == KIND_LARGE ? SCENE_SIZE_LARGE : SCENE_SIZE;
}

/* With a guard on both sides of the buffer. */
static void
place_make(struct place *place, uint32_t size, bool extended, const char *name)
{
    size_t bytes = OS_MEMPOOL_BYTES(SCENE_BLOCKS, size);
    unsigned char *memory = malloc(bytes + 2 * SCENE_GUARD);
    os_error_t error;

    if (memory == NULL) {
        abort();
    }
    memset(memory, GUARD_BYTE, bytes + 2 * SCENE_GUARD);
    place->pool = &place->ext.mpe_mp;
    place->buffer = memory + SCENE_GUARD;
    place->registered = true;
    error = extended ? os_mempool_ext_init(&place->ext, SCENE_BLOCKS, size, place->buffer, name)
                     : os_mempool_init(place->pool, SCENE_BLOCKS, size, place->buffer, name);
    if (error != OS_OK) {
        abort();
    }
    place_learn(place);
}

static void
place_warm_up(struct place *place)
{
    for (unsigned i = 0; i < WARM_UP; i++) {
        os_memblock_put(place->pool, os_memblock_get(place->pool));
    }
}

void
scene_set(struct scene *s, enum scene_kind kind, enum scene_way way)
{
    s->kind = kind;
    s->way = way;
    place_make(&s->scene, scene_block_size(kind), kind == KIND_EXTENDED, "scene");
    place_make(&s->bystander, SCENE_SIZE, false, "bystander");
    if (kind == KIND_EXTENDED) {
        s->scene.ext.mpe_put_cb = scene_callback;
        s->scene.ext.mpe_put_arg = s;
    }
    if (kind & KINDS_CACHED) {
        os_mempool_cache_enable(s->scene.pool, CACHE_DEPTH);
    }
    if (kind & (KIND_OWNED | KINDS_CACHED)) {
        place_warm_up(&s->scene);
    }
}

/* All blocks that are held have their bytes still. */
static void
place_compare(const struct place *place)
{
    for (unsigned i = 0; i < place->n_held; i++) {
        const struct holding *holding = &place->held[i];

        for (size_t at = 0; at < place->pool->mp_block_size; at++) {
            if (holding->block[at] != holding->value) {
                scene_corrupt("a block changed while it was out");
            }
        }
    }
}

static void
place_look_at_guards(const struct place *place)
{
    size_t bytes = OS_MEMPOOL_BYTES(SCENE_BLOCKS, place->pool->mp_block_size);

    for (size_t i = 0; i < SCENE_GUARD; i++) {
        if (place->buffer[bytes + i] != GUARD_BYTE ||
            place->buffer[-1 - (ptrdiff_t)i] != GUARD_BYTE) {
            scene_corrupt("memory beside the buffer changed");
        }
    }
}

/* After unregister, with the last block, a pool comes from behind its fence to its own buffer. */
static void
place_come_home(struct place *place)
{
    if (place->pool->mp_membuf_addr == (uintptr_t)place->buffer) {
        place->first = place->buffer;
        place->step = place_stride(place);
    }
}

/* Gets all there are, each a different one; says how many are lost. */
static void
place_empty(struct place *place)
{
    if (!place->registered && place->n_held == 0) {
        place_come_home(place);
    }
    while (place->n_held < SCENE_BLOCKS && place_next(place)) {
    }
    place_compare(place);
    if (place->n_held == SCENE_BLOCKS && os_memblock_get(place->pool) != NULL) {
        scene_corrupt("more blocks than the pool has");
    }
}

/* In the order that undoes the gets. */
static void
place_fill(struct place *place)
{
    place_compare(place);
    while (place->n_held > 0) {
        place_give(place, place->held[place->n_held - 1].block);
    }
}

/* A walk that ends and finds the registered pools, each once. */
static void
scene_walk(struct scene *s)
{
    struct os_mempool *mp = NULL;
    unsigned found = 0;

    for (unsigned steps = 0; steps < 100; steps++) {
        mp = os_mempool_info_get_next(mp, NULL);
        if (mp == NULL) {
            break;
        }
        found += mp == s->scene.pool || mp == s->bystander.pool;
    }
    if (mp != NULL || found != (unsigned)s->scene.registered + s->bystander.registered) {
        scene_corrupt("the walk does not find the pools");
    }
}

/* Whatever was lost is there again after a clear. */
static void
place_recover(struct place *place)
{
    scene_say("lost %u", SCENE_BLOCKS - place->n_held);
    place->n_held = 0;
    if (os_mempool_clear(place->pool) != OS_OK) {
        scene_corrupt("clear failed");
    }
    place_empty(place);
    if (place->n_held != SCENE_BLOCKS) {
        scene_corrupt("blocks are lost after a clear, too");
    }
}

static void
place_end(struct place *place)
{
    if (place->registered && os_mempool_unregister(place->pool) != OS_OK) {
        scene_corrupt("a pool cannot be unregistered");
    }
}

void
scene_look(struct scene *s)
{
    /* The stock library is asked; the debug words have to find out by themselves. */
    if (getenv("OSMEMPOOL_DEBUG") == NULL) {
        scene_say("stage sane");
        if (!os_mempool_is_sane(s->scene.pool)) {
            scene_say("insane");
        }
    }
    place_compare(&s->scene);
    scene_say("stage put");
    if (s->scene.n_held > 0) {
        place_give(&s->scene, s->scene.held[0].block);
    }
    scene_walk(s);
    scene_say("stage get");
    place_empty(&s->scene);
    if (s->scene.n_held != SCENE_BLOCKS) {
        place_recover(&s->scene);
    }
    place_empty(&s->bystander);
    if (s->bystander.n_held != SCENE_BLOCKS) {
        scene_corrupt("a bystander lost a block");
    }
    if (!s->guard_is_spoilt) {
        place_look_at_guards(&s->scene);
        place_look_at_guards(&s->bystander);
    }
    scene_say("stage put");
    place_fill(&s->scene);
    place_fill(&s->bystander);
    if (!os_mempool_is_sane(s->scene.pool) || !os_mempool_is_sane(s->bystander.pool)) {
        scene_corrupt("a pool is not sane when all is done");
    }
    scene_say("stage end");
    place_end(&s->scene);
    place_end(&s->bystander);
    scene_say("done");
}
