/* SPDX-License-Identifier: Apache-2.0 */
/* compat/os/mynewt.h: Mynewt's header for everything; see os.h. */
#ifndef OSMEMPOOL_COMPAT_MYNEWT_H
#define OSMEMPOOL_COMPAT_MYNEWT_H

#include "os/os.h"

#endif
