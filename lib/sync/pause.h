/* SPDX-License-Identifier: Apache-2.0 */
/* pause.h: a core that waits in a loop says so. */
#ifndef OSMP_SYNC_PAUSE_H
#define OSMP_SYNC_PAUSE_H

#if defined(__x86_64__) || defined(__i386__)
#define SYNC_PAUSE "pause"
#elif defined(__aarch64__) || defined(__arm__)
#define SYNC_PAUSE "yield"
#else
#define SYNC_PAUSE ""
#endif

/* Tells the core that it waits: the other hardware thread gets its resources. */
static inline void
sync_pause(void)
{
    __asm__ volatile(SYNC_PAUSE ::: "memory");
}

#endif
