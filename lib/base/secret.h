/* SPDX-License-Identifier: Apache-2.0 */
/* secret.h: a random word that marks free blocks. */
#ifndef OSMP_BASE_SECRET_H
#define OSMP_BASE_SECRET_H

#include <stdint.h>

/*
 * The word of this process, the same at each call; not 0, and odd, so that it makes no aligned
 * address into a null pointer or another aligned address.
 */
uintptr_t secret_word(void);

/*
 * A word for what lies at an address, the same at each call, and likewise odd. Another one for each
 * pool: a pool may lie in a block of another one, and then their first blocks are at one address.
 */
uintptr_t secret_of(const void *owner);

#endif
