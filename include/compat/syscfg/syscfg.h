/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compat/syscfg/syscfg.h: MYNEWT_VAL() without the tool that generates its values. A setting that
 * is not defined as MYNEWT_VAL_NAME, by -D or before, is 0 in #if.
 */
#ifndef OSMEMPOOL_COMPAT_SYSCFG_H
#define OSMEMPOOL_COMPAT_SYSCFG_H

#define MYNEWT_VAL(name)                MYNEWT_VAL_##name
#define MYNEWT_VAL_CHOICE(name, choice) MYNEWT_VAL_##name##__##choice

/* Those of pools: each put is checked in every build, and OSMEMPOOL_DEBUG does the rest. */
#ifndef MYNEWT_VAL_OS_MEMPOOL_CHECK
#define MYNEWT_VAL_OS_MEMPOOL_CHECK 0
#endif
#ifndef MYNEWT_VAL_OS_MEMPOOL_POISON
#define MYNEWT_VAL_OS_MEMPOOL_POISON 0
#endif
#ifndef MYNEWT_VAL_OS_MEMPOOL_GUARD
#define MYNEWT_VAL_OS_MEMPOOL_GUARD 0
#endif

#endif
