/* SPDX-License-Identifier: Apache-2.0 */
/* unseen.h: characters that a reader does not see, or that change what he sees beside them. */
#ifndef OSMP_SNAPSHOT_UNSEEN_H
#define OSMP_SNAPSHOT_UNSEEN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether a character of Unicode is a control character, a mark of direction or of format, one that
 * is drawn as nothing, or a blank other than the space.
 */
bool unseen(uint32_t character);

#endif
