/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_rules.h: thread caches for unchanged programs, by OSMEMPOOL_CACHE.
 *
 * DEPTH[:POOL-GLOB][;...], as "64" or "64:net_*;0:net_ctl"; the last rule that matches wins. A
 * depth of 0 is none.
 *
 * Synchronization: under the registry's mutex.
 */
#ifndef OSMP_REGISTRY_CACHE_RULES_H
#define OSMP_REGISTRY_CACHE_RULES_H

#include <stdint.h>

enum { CACHE_DEPTH_MAX = 65536 };

/* The depth that the environment wants for a pool of this name; 0 for no cache, said or not. */
uint32_t cache_rules_depth(const char *name);

#endif
