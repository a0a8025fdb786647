/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maps.h: the process's mappings, as /proc tells them.
 *
 * Allocates no memory and takes no lock, so that fork handlers may ask.
 */
#ifndef OSMP_BASE_MAPS_H
#define OSMP_BASE_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many mappings are told of at once. */
enum { MAPS_MAX = 128 };

struct maps_range {
    uintptr_t first;
    uintptr_t end;
};

/* Some mappings, in ascending order. */
struct maps {
    size_t n;
    struct maps_range ranges[MAPS_MAX];
};

/*
 * Calls a function with the mappings that are shared between processes, in ascending order, some
 * at a time; neighbours are one. Not at all where there are none, or /proc is not there.
 */
void maps_each_shared(void (*see)(const struct maps *maps, void *arg), void *arg);

/* Whether any byte of some memory lies in one of the ranges. */
bool maps_have(const struct maps *maps, uintptr_t first, size_t n);

#endif
