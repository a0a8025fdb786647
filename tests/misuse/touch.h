/* SPDX-License-Identifier: Apache-2.0 */
/* touch.h: accesses to memory that is not the accessor's. A signal right there is a trap. */
#ifndef MISUSE_TOUCH_H
#define MISUSE_TOUCH_H

#include <stddef.h>
#include <stdint.h>

/* From now on a signal at such an access says "trap" and ends the process. */
void touch_set_trap(void);

void touch_write(void *at, int value);
int touch_read(void *at);
void touch_fill(void *at, int value, size_t bytes);
void touch_word(void *at, uintptr_t value);

#endif
