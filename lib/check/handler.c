/* SPDX-License-Identifier: Apache-2.0 */
#include "check/handler.h"

#include <sys/types.h>
#include <unistd.h>

#include "sync/wait.h"

enum { HANDLER_WAIT_NS = 10000 };

static struct handler handler_places[2];

/* The number of changes so far; its lowest bit tells which place is current. */
static uint32_t handler_changes;

/*
 * The process whose thread is in the middle of a change, 0 for none. A forked child may find its
 * parent's number here, if it sets a handler before its turn at handler_fork_child(): that thread
 * is not there, so it takes over.
 */
static pid_t handler_changer;

/*
 * Acquire: pairs with the release in handler_set(), so of two changes the second sees all of the
 * first.
 */
static void
handler_begin_change(void)
{
    const pid_t self = getpid();
    pid_t changer = __atomic_load_n(&handler_changer, __ATOMIC_RELAXED);

    while (changer == self || !__atomic_compare_exchange_n(&handler_changer, &changer, self, false,
                                                           __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        if (changer == self) {
            sync_sleep(HANDLER_WAIT_NS);
            changer = __atomic_load_n(&handler_changer, __ATOMIC_RELAXED);
        }
    }
}

/*
 * Release for all of it. The count: who reads it sees the place that it names. The place: it was
 * the current one two changes ago, and a reader that still looks at it and sees one of these stores
 * sees the count of the change between, too, and tries again.
 */
void
handler_set(struct handler handler)
{
    struct handler *place;
    uint32_t changes;

    handler_begin_change();
    changes = __atomic_load_n(&handler_changes, __ATOMIC_RELAXED) + 1;
    place = &handler_places[changes % 2];
    __atomic_store_n(&place->fn, handler.fn, __ATOMIC_RELEASE);
    __atomic_store_n(&place->arg, handler.arg, __ATOMIC_RELEASE);
    __atomic_store_n(&handler_changes, changes, __ATOMIC_RELEASE);
    __atomic_store_n(&handler_changer, 0, __ATOMIC_RELEASE);
}

/* Acquire: as argued above; the second look at the count cannot be made early. */
struct handler
handler_get(void)
{
    struct handler handler;
    uint32_t changes;

    do {
        const struct handler *place;

        changes = __atomic_load_n(&handler_changes, __ATOMIC_ACQUIRE);
        place = &handler_places[changes % 2];
        handler.fn = __atomic_load_n(&place->fn, __ATOMIC_ACQUIRE);
        handler.arg = __atomic_load_n(&place->arg, __ATOMIC_ACQUIRE);
    } while (changes != __atomic_load_n(&handler_changes, __ATOMIC_RELAXED));
    return handler;
}

/* Relaxed: the child has one thread. */
void
handler_fork_child(void)
{
    __atomic_store_n(&handler_changer, 0, __ATOMIC_RELAXED);
}
