/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.h: what tells one registration of a pool from all others, those of pools with its name
 * or at its address too, and where it comes from.
 */
#ifndef OSMP_REGISTRY_IDENTITY_H
#define OSMP_REGISTRY_IDENTITY_H

#include <stdint.h>

struct identity {
    uint64_t id;             /* from 1, never twice in a process; a forked child goes on */
    uint64_t registered_us;  /* microseconds since 1970 */
    uintptr_t registered_by; /* return address of the call of init */
};

#endif
