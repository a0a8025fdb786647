/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cancel.h: no thread ends in the middle of what others wait for.
 *
 * Many calls to the system, and standard output, are points at which a thread that another has
 * cancelled ends. Where the library makes one with a lock held, or half way through a change, it
 * puts the end off until it is done. Both calls may be nested.
 */
#ifndef OSMP_BASE_CANCEL_H
#define OSMP_BASE_CANCEL_H

#include <pthread.h>

/* The calling thread is not cancelled from now on; what cancel_back() wants. */
static inline int
cancel_off(void)
{
    int before;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

/* As it was. */
static inline void
cancel_back(int before)
{
    pthread_setcancelstate(before, &before);
}

#endif
