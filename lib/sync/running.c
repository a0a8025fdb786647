/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/running.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "base/hash.h"
#include "base/pages.h"
#include "base/tool.h"
#include "os/os_mempool_inline.h"

/*
 * The tables have 128, 1,024, 8,192 and 65,536 slots, in buckets of 4, 8, 16 and 32. So some 30,000
 * notes find room before the first one finds its bucket full in all of them.
 */
enum { RUNNING_TABLES = 4, RUNNING_BITS = 7, RUNNING_BITS_MORE = 3 };

/* What a slot is, in the low bits of its state, and a generation. */
enum {
    RUNNING_FREE = 0,
    RUNNING_FILLING = 1,
    RUNNING_NOTED = 2,
    RUNNING_NOTED_KEPT = 3,
    RUNNING_GENERATION = 4,
};

struct running_note {
    uintptr_t state;
    uintptr_t whose;
    uintptr_t what;
    uintptr_t frame;
    uintptr_t tp; /* of the thread that made the call */
};

/* A cache line each, as threads write theirs at the same time. */
struct running_slot {
    struct running_note note;
} __attribute__((aligned(64)));

static struct running_slot running_first[1 << RUNNING_BITS];
static struct running_slot *running_tables[RUNNING_TABLES] = {running_first};

__attribute__((constructor(102))) static void
running_start(void)
{
    tool_atomics(running_first, sizeof(running_first));
}

static size_t
running_slots(unsigned table)
{
    return (size_t)1 << (RUNNING_BITS + RUNNING_BITS_MORE * table);
}

static size_t
running_bucket_slots(unsigned table)
{
    return (size_t)4 << table;
}

/* Acquire: pairs with the release that adds a table. NULL: there is none yet. */
static struct running_slot *
running_table(unsigned table)
{
    return table < RUNNING_TABLES ? __atomic_load_n(&running_tables[table], __ATOMIC_ACQUIRE)
                                  : NULL;
}

/* The first slot of the bucket that a note is in, in a table. */
static struct running_slot *
running_bucket(struct running_slot *slots, unsigned table, uintptr_t whose, uintptr_t what)
{
    uint64_t hash = hash_mix(what + hash_mix(whose));
    size_t buckets = running_slots(table) / running_bucket_slots(table);

    return &slots[(hash >> 32) % buckets * running_bucket_slots(table)];
}

static bool
running_state_is_noted(uintptr_t state)
{
    return state % RUNNING_GENERATION >= RUNNING_NOTED;
}

/*
 * Reads a slot; false if it holds no note, or another one by now. Acquire: the state was stored
 * after the rest; and each word of the rest is stored after the state that says so, so who reads a
 * newer word here sees another state on the second look.
 */
static bool
running_read(const struct running_slot *slot, struct running_note *note)
{
    note->state = __atomic_load_n(&slot->note.state, __ATOMIC_ACQUIRE);
    if (!running_state_is_noted(note->state)) {
        return false;
    }
    note->whose = __atomic_load_n(&slot->note.whose, __ATOMIC_ACQUIRE);
    note->what = __atomic_load_n(&slot->note.what, __ATOMIC_ACQUIRE);
    note->frame = __atomic_load_n(&slot->note.frame, __ATOMIC_ACQUIRE);
    note->tp = __atomic_load_n(&slot->note.tp, __ATOMIC_ACQUIRE);
    return note->state == __atomic_load_n(&slot->note.state, __ATOMIC_RELAXED);
}

/* Release, for the rest of the slot as argued above. */
static void
running_fill(struct running_slot *slot, const struct running_note *note)
{
    __atomic_store_n(&slot->note.whose, note->whose, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->note.what, note->what, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->note.frame, note->frame, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->note.tp, note->tp, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->note.state, note->state, __ATOMIC_RELEASE);
}

/* Takes a slot that is just now in a state, for the next generation. Acquire: pairs with the
 * release in running_free(). */
static bool
running_take(struct running_slot *slot, uintptr_t state, enum running_kind kind,
             struct running_note *note)
{
    uintptr_t next = state - state % RUNNING_GENERATION + RUNNING_GENERATION;

    if (!__atomic_compare_exchange_n(&slot->note.state, &state, next + RUNNING_FILLING, false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        return false;
    }
    note->state = next + (kind == RUNNING_KEPT ? RUNNING_NOTED_KEPT : RUNNING_NOTED);
    running_fill(slot, note);
    return true;
}

/* Takes one of the first n slots that is what is asked for; NULL if none is. */
static struct running_slot *
running_take_one(struct running_slot *bucket, size_t n, uintptr_t wanted, enum running_kind kind,
                 struct running_note *note)
{
    for (size_t i = 0; i < n; i++) {
        uintptr_t state = __atomic_load_n(&bucket[i].note.state, __ATOMIC_RELAXED);

        if (state % RUNNING_GENERATION == wanted && running_take(&bucket[i], state, kind, note)) {
            return &bucket[i];
        }
    }
    return NULL;
}

/* Maps a table; NULL if there is no memory, which leaves errno as it was. */
static struct running_slot *
running_add_table(unsigned table)
{
    const size_t bytes = running_slots(table) * sizeof(struct running_slot);
    struct running_slot *before = NULL;
    struct running_slot *slots;
    int saved = errno;

    slots = pages_map(bytes);
    errno = saved;
    if (slots == NULL) {
        return NULL;
    }
    tool_atomics(slots, bytes);
    /* Release: pairs with the acquire in running_table(). Of two threads the first one's is kept.
     */
    if (!__atomic_compare_exchange_n(&running_tables[table], &before, slots, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        munmap(slots, bytes);
        slots = before;
    }
    return slots;
}

struct running
running_begin(enum running_kind kind, const void *whose, const void *what, uintptr_t frame)
{
    struct running_note note = {
        .whose = (uintptr_t)whose,
        .what = (uintptr_t)what,
        .frame = frame,
        .tp = osmp_thread_pointer(),
    };
    struct running_slot *bucket = NULL;
    struct running_slot *slot = NULL;
    size_t n = 0;

    for (unsigned table = 0; table < RUNNING_TABLES && slot == NULL; table++) {
        struct running_slot *slots = running_table(table);

        slots = slots != NULL ? slots : running_add_table(table);
        if (slots == NULL) {
            break;
        }
        bucket = running_bucket(slots, table, note.whose, note.what);
        n = running_bucket_slots(table);
        slot = running_take_one(bucket, n, RUNNING_FREE, kind, &note);
    }
    if (slot == NULL) {
        slot = running_take_one(bucket, n, RUNNING_NOTED, kind, &note);
    }
    return (struct running){slot, slot != NULL ? note.state : 0};
}

/* Release: what came before is seen by who takes the slot. The rest of it is nobody's from now on.
 */
static void
running_free(struct running_slot *slot, uintptr_t state)
{
    uintptr_t freed = state - state % RUNNING_GENERATION + RUNNING_FREE;

    __atomic_compare_exchange_n(&slot->note.state, &state, freed, false, __ATOMIC_RELEASE,
                                __ATOMIC_RELAXED);
}

void
running_end(struct running running)
{
    if (running.slot != NULL) {
        running_free(running.slot, running.state);
    }
}

/* Acquire: what who ended it did before is seen. */
bool
running_is_noted(struct running running)
{
    return running.slot == NULL ||
           __atomic_load_n(&running.slot->note.state, __ATOMIC_ACQUIRE) == running.state;
}

/* What is done with a note that was found; whether the search has found what it is for. */
typedef bool
running_found_fn(struct running_slot *slot, const struct running_note *note, uintptr_t frame);

/* Finds all notes for something; whether any of them was it. */
static bool
running_find(const void *whose, const void *what, running_found_fn *found, uintptr_t frame)
{
    struct running_slot *slots;
    bool any = false;

    for (unsigned table = 0; (slots = running_table(table)) != NULL; table++) {
        struct running_slot *bucket =
            running_bucket(slots, table, (uintptr_t)whose, (uintptr_t)what);

        for (size_t i = 0; i < running_bucket_slots(table); i++) {
            struct running_note note;

            if (running_read(&bucket[i], &note) && note.whose == (uintptr_t)whose &&
                note.what == (uintptr_t)what) {
                any |= found(&bucket[i], &note, frame);
            }
        }
    }
    return any;
}

static bool
running_found_inside(struct running_slot *slot, const struct running_note *note, uintptr_t frame)
{
    const bool mine = note->tp == osmp_thread_pointer();

    if (!mine || note->frame <= frame) {
        running_free(slot, note->state);
    }
    return !mine || note->frame > frame;
}

static bool
running_found_left(struct running_slot *slot, const struct running_note *note, uintptr_t frame)
{
    if (note->tp == osmp_thread_pointer() && note->frame <= frame) {
        running_free(slot, note->state);
    }
    return true;
}

static bool
running_found_to_end(struct running_slot *slot, const struct running_note *note, uintptr_t frame)
{
    running_free(slot, note->state);
    return true;
}

bool
running_has(const void *whose, const void *what, uintptr_t frame)
{
    return running_find(whose, what, running_found_inside, frame);
}

void
running_drop_left(const void *whose, const void *what, uintptr_t frame)
{
    running_find(whose, what, running_found_left, frame);
}

void
running_end_for(const void *whose, const void *what)
{
    running_find(whose, what, running_found_to_end, 0);
}

void
running_end_all(const void *whose, const void *except)
{
    struct running_slot *slots;

    for (unsigned table = 0; (slots = running_table(table)) != NULL; table++) {
        for (size_t i = 0; i < running_slots(table); i++) {
            struct running_note note;

            if (running_read(&slots[i], &note) && note.whose == (uintptr_t)whose &&
                note.what != (uintptr_t)except) {
                running_free(&slots[i], note.state);
            }
        }
    }
}

/* Nobody else is there. */
void
running_fork_child(void)
{
    const uintptr_t tp = osmp_thread_pointer();
    struct running_slot *slots;

    for (unsigned table = 0; (slots = running_table(table)) != NULL; table++) {
        for (size_t i = 0; i < running_slots(table); i++) {
            if (!running_state_is_noted(slots[i].note.state) || slots[i].note.tp != tp) {
                slots[i].note.state -= slots[i].note.state % RUNNING_GENERATION;
            }
        }
    }
}
