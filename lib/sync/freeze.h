/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freeze.h: how all pools stand still while a thread forks.
 *
 * One thread at a time holds the freeze, from the prepare handler to the parent or child handler of
 * pthread_atfork(). Others that meet a frozen pool wait here; the forking thread passes, as other
 * libraries' fork handlers may use pools. The pools' own marks are in registry/fork.c.
 *
 * The freeze also carries one function that a forked child runs at its first pool call (the
 * exporter's restart), as a fork handler is no place to start a thread in.
 *
 * Synchronization:
 *                        begin  end  is_mine  wait  arm  first_call
 *   any two threads        -     -      -      -     -       -       no caller needs a lock
 * Lock order: the freeze comes before the registry's mutex, which comes before a pool's lock.
 */
#ifndef OSMP_SYNC_FREEZE_H
#define OSMP_SYNC_FREEZE_H

#include <stdbool.h>

/* Takes the freeze; waits while another thread has it. */
void freeze_begin(void);

/* Gives the freeze back, in the parent. */
void freeze_end(void);

/* The same in the child, where the armed function is pending from now on. */
void freeze_end_in_child(void);

/* Whether the calling thread holds the freeze. */
bool freeze_is_mine(void);

/*
 * Whether the calling thread holds the freeze in a forked child, whose handlers have not come to
 * freeze_end_in_child() yet: those of others that were registered before the library come first. No
 * other thread is there, so a lock that looks taken is nobody's.
 */
bool freeze_is_left_behind(void);

/* Waits until nobody holds the freeze. The caller must hold no lock. */
void freeze_wait(void);

/* The function that a forked child runs at its first pool call; NULL for none. One that is pending
 * in this process is not run any more. */
void freeze_arm_first_call(void (*restart)(void));

/* Whether a forked child has yet to run that function. */
bool freeze_first_call_pending(void);

/* Runs it, in the first thread that comes here. The caller must hold no lock. */
void freeze_first_call(void);

#endif
