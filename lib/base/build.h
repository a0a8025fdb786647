/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build.h: what was chosen when the library was built, as typed constants.
 *
 * The only reader of the generated build_config.h. Code asks with a plain `if`, so that both
 * branches always compile.
 */
#ifndef OSMP_BASE_BUILD_H
#define OSMP_BASE_BUILD_H

#include <stdbool.h>

#include "build_config.h"

static const char build_version[] = OSMP_VERSION;
static const char build_locking[] = OSMP_LOCKING;
static const bool build_prio_inherit = OSMP_PRIO_INHERIT;
static const bool build_ownership = OSMP_OWNERSHIP;

/* Whether a 64-bit word is loaded and stored in one piece: a constant for the preprocessor and for
 * the compiler at every level of optimisation. */
enum { build_wide = sizeof(void *) == 8 };

#endif
