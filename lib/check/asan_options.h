/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asan_options.h: the options of AddressSanitizer's leak checker that hold for pools, too.
 *
 * Synchronization: none but that of getenv(3).
 */
#ifndef OSMP_CHECK_ASAN_OPTIONS_H
#define OSMP_CHECK_ASAN_OPTIONS_H

#include <stdbool.h>

/* Whether the user wants leaks found: yes, unless detect_leaks is off. */
bool asan_options_want_leaks(void);

/* The exit status of a program with leaks; 0 if leaks do not change it. */
int asan_options_exit_code(void);

#endif
