/* SPDX-License-Identifier: Apache-2.0 */
/*
 * die.h: ends the process with one sentence on stderr; for what makes a measurement worthless.
 */
#ifndef BENCH_DIE_H
#define BENCH_DIE_H

/** Prints "PROGRAM: TEXT" and exits with 1. */
__attribute__((noreturn, cold, format(printf, 1, 2))) void die(const char *format, ...);

/** calloc that never returns NULL. */
void *die_calloc(unsigned long n, unsigned long bytes);

#endif
