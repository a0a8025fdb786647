/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scene.h: a pool for a crime to be committed on, bystanders, and the oracle that looks afterwards.
 *
 * A crime is one wrong use of the library. It runs in a process of its own, as it may crash, hang
 * or trap. What happens goes to stdout, a line each, as it happens; test_misuse.py reads it:
 *
 *   stage call|sane|get|put|end      what is being done
 *   error                            a call returned the error that it should
 *   fine                             a call is legal after all, and did its work
 *   callback                         a put callback ran that should not have
 *   fault KIND                       the fault handler was called
 *   insane                           os_mempool_is_sane() said no
 *   lost N                           so many blocks cannot be got any more, until a clear
 *   trap                             a signal came at the very access
 *   corrupt WHY                      the oracle found damage
 *   unexpected WHY                   a call did not return what it should
 *   done                             the end was reached
 */
#ifndef MISUSE_SCENE_H
#define MISUSE_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "osmempool.h"

/* States of the pool that the crime is committed on; bits of crime.kinds. */
enum scene_kind {
    KIND_SHARED = 1 << 0,   /* as after init: under its lock */
    KIND_OWNED = 1 << 1,    /* this thread has used it alone */
    KIND_CACHED = 1 << 2,   /* this thread's cache is open */
    KIND_LARGE = 1 << 3,    /* the same, with blocks whose keys lie on many lines */
    KIND_EXTENDED = 1 << 4, /* with a put callback */
    KIND_ONE_WORD = 1 << 5, /* blocks without room for a key */
};
enum {
    KINDS_ALL = 0x3f,
    KINDS_PLAIN = KIND_SHARED | KIND_OWNED,
    KINDS_CACHED = KIND_CACHED | KIND_LARGE,
    KINDS_KEYED = KINDS_ALL & ~KIND_ONE_WORD,
    KINDS_LISTED = KINDS_ALL & ~KINDS_CACHED, /* a put goes to the list */
};

/* Ways to put a block back; bits of crime.ways. */
enum scene_way { WAY_PUT = 1 << 0, WAY_FROM_CB = 1 << 1, WAY_BULK = 1 << 2 };
enum { WAYS_ALL = 7 };

enum { SCENE_BLOCKS = 16, SCENE_SIZE = 48, SCENE_SIZE_LARGE = 512, SCENE_GUARD = 256 };

/* A block that is out, all of its bytes of one value. */
struct holding {
    unsigned char *block;
    unsigned char value;
};

/* A pool and what is known of it. */
struct place {
    struct os_mempool_ext ext; /* a plain pool uses its first member alone */
    struct os_mempool *pool;   /* &ext.mpe_mp */
    unsigned char *buffer;
    unsigned char
        *first; /* block 0, and how far the next is: as the gets told, see place_learn() */
    size_t step;
    bool registered;
    unsigned n_held;
    struct holding held[SCENE_BLOCKS];
};

struct scene {
    enum scene_kind kind;
    enum scene_way way;
    struct place scene;     /* where the crime is committed */
    struct place bystander; /* a plain pool that nothing may happen to */
    unsigned n_calls;       /* of the put callback */
    void *handed_over;      /* a block that its callback gave to another thread */
    bool guard_is_spoilt;   /* by the crime itself */
};

/* Sets the scene; both pools are registered, all blocks free. */
void scene_set(struct scene *s, enum scene_kind kind, enum scene_way way);

/* Looks at everything, ends both pools, says "done". */
void scene_look(struct scene *s);

/* Says a line. */
void scene_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What a call returned, and should: "error", or "unexpected" if it is something else. */
void scene_expect(struct scene *s, os_error_t got, os_error_t wanted);

/* The same for a condition that makes up a call's answer to bad input. */
void scene_expect_true(struct scene *s, bool answer);

/* Says "fine" if it holds, else "unexpected". */
void scene_fine(struct scene *s, bool holds);

/* Takes a block, held from now on, every byte written. */
void *place_take(struct place *place);

/* Takes three. */
void place_take_some(struct place *place);

/* No longer held, without a call. */
void place_forget(struct place *place, const void *block);

/* Puts a held block back, which must succeed. */
void place_give(struct place *place, void *block);

/* Block number i, held or free. */
unsigned char *place_block(const struct place *place, unsigned i);

/* Bytes of a block, those that its size is rounded up by included. */
size_t place_stride(const struct place *place);

/* After an init: finds out where the blocks are, by getting and putting all of them. */
void place_learn(struct place *place);

/* Puts by the scene's way what must be refused; in bulk, between good blocks. */
void scene_refused(struct scene *s, struct os_mempool *mp, void *block);

/* Put callback that counts its calls and puts the block back. */
os_error_t scene_callback(struct os_mempool_ext *ext, void *block, void *arg);

#endif
