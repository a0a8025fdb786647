/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause.h: tells the CPU that this is a waiting loop, so that its twin hyperthread runs faster.
 */
#ifndef BENCH_PAUSE_H
#define BENCH_PAUSE_H

#if defined(__x86_64__) || defined(__i386__)
#define PAUSE_INSTRUCTION "pause"
#elif defined(__aarch64__)
#define PAUSE_INSTRUCTION "yield"
#else
#define PAUSE_INSTRUCTION ""
#endif

static inline void
pause_cpu(void)
{
    __asm__ volatile(PAUSE_INSTRUCTION ::: "memory");
}

#endif
