/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadlock.h: a thread that would wait for itself, and so for ever.
 *
 * It holds a lock of the library, was interrupted there, and calls the library again: from a signal
 * handler, or after a switch of tasks inside the thread. Both are forbidden; whoever finds it out
 * ends the program with a message, which can be acted upon, rather than let it hang.
 */
#ifndef OSMP_SYNC_DEADLOCK_H
#define OSMP_SYNC_DEADLOCK_H

#include "base/compiler.h"

/* Says what was done wrong, and aborts. Any thread, whatever it holds: takes no lock, allocates no
 * memory. */
OSMP_COLD __attribute__((noreturn)) void deadlock_abort(void);

#endif
