/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka_headers.h: cmocka, with the headers that it wants before it. */
#ifndef STRESS_CMOCKA_HEADERS_H
#define STRESS_CMOCKA_HEADERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
