/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h: what a reader must know of the machine to make sense of figures.
 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stddef.h>

/** The CPU's name as the kernel tells it, or the architecture. */
void machine_cpu_name(char *name, size_t n);

/** Number of CPUs that this process may use. */
int machine_cpus(void);

#endif
