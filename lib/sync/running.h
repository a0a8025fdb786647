/* SPDX-License-Identifier: Apache-2.0 */
/*
 * running.h: notes of the program's functions that the library has called, until they return.
 *
 * A note says what the call is for: a block of a pool, for example. It is neither on the stack nor
 * in thread-local storage. The function may be left by longjmp(), so that its stack is another
 * call's; it may suspend a coroutine that goes on in another thread, or is never resumed; and it
 * may free what the call is for. Nothing of these is touched when the note ends.
 *
 * Notes are in slots of tables, found by a hash. The first table is static; larger ones are mapped
 * when more functions run at once than it has room for, nested ones above all, and are kept: four
 * tables, of 4.8 MB in all. Beyond that a new note takes the place of another one, whose function
 * is then no longer known to run.
 *
 * Synchronization: any thread, without locks, so that a forked child finds nothing half done but
 * slots that were about to be filled (running_fork_child()). Each slot has a state word, a
 * generation and what the slot is just now; who changes it does so by an exchange:
 *
 *   free -> filling      the thread that takes the slot; it alone writes the rest, and then the
 * state filling -> noted     the same thread noted -> free        whoever ends the note noted ->
 * filling     a thread that found no free slot
 */
#ifndef OSMP_SYNC_RUNNING_H
#define OSMP_SYNC_RUNNING_H

#include <stdbool.h>
#include <stdint.h>

/* A note, for who made it; all bytes 0: none. */
struct running {
    struct running_slot *slot;
    uintptr_t state;
};

enum running_kind {
    RUNNING_CALL,
    RUNNING_KEPT, /* no other note takes its place */
};

/*
 * Notes a call, about to be made, for something of somebody's. The frame is the stack address of
 * the function that makes it.
 */
struct running
running_begin(enum running_kind kind, const void *whose, const void *what, uintptr_t frame);

/* The call has returned. Nothing happens if the note was ended before. */
void running_end(struct running running);

/* Whether nobody has ended the note. True of one that was not made. */
bool running_is_noted(struct running running);

/*
 * Whether a function, whose frame is given, may be inside of a call for this. One of its own
 * thread whose frame is no caller's of it was left by longjmp() (stacks grow downwards): its note
 * ends. One of another thread counts once, and its note ends, too: that thread may have left it as
 * well, or have ended, and then nobody else would end it.
 */
bool running_has(const void *whose, const void *what, uintptr_t frame);

/* Ends notes for this of the function's own thread that were left by longjmp(). */
void running_drop_left(const void *whose, const void *what, uintptr_t frame);

/* Ends all notes for something; and all that are somebody's, but those for `except`. */
void running_end_for(const void *whose, const void *what);
void running_end_all(const void *whose, const void *except);

/* In a forked child: calls of threads that it does not have will not return. */
void running_fork_child(void);

#endif
