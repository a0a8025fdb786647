/* SPDX-License-Identifier: Apache-2.0 */
/*
 * site.h: where in the program an address of code is.
 *
 * Synchronization: any thread, with no lock held: the dynamic loader's own is taken.
 */
#ifndef OSMP_BASE_SITE_H
#define OSMP_BASE_SITE_H

#include <stdint.h>

enum { SITE_MODULE_MAX = 512 };

struct site {
    uintptr_t offset;             /* from where the module was loaded: what addr2line(1) wants */
    const char *function;         /* NULL if no symbol is exported there */
    char module[SITE_MODULE_MAX]; /* path of the program or library; "" if there is none */
};

/* Finds the place of a call, given the address that it returns to. Allocates no memory. */
void site_find(struct site *site, const void *return_address);

#endif
