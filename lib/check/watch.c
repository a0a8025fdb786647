/* SPDX-License-Identifier: Apache-2.0 */
#include "check/watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/tool.h"

/*
 * Present in programs that carry AddressSanitizer's runtime, which objects to regions of no bytes
 * at address 0.
 */
extern void __asan_poison_memory_region(const volatile void *bytes, size_t n) __attribute__((weak));
extern void
__asan_unpoison_memory_region(const volatile void *bytes, size_t n) __attribute__((weak));
extern int __asan_address_is_poisoned(const volatile void *byte) __attribute__((weak));

static enum watch watch_found;
static bool watch_is_known;

/* Tries it, as the runtime does nothing where its user says so. */
static bool
watch_has_asan(void)
{
    static _Alignas(16) char probe[16];
    bool has;

    if (__asan_poison_memory_region == NULL || __asan_unpoison_memory_region == NULL ||
        __asan_address_is_poisoned == NULL) {
        return false;
    }
    __asan_poison_memory_region(probe, sizeof(probe));
    has = __asan_address_is_poisoned(probe) != 0;
    __asan_unpoison_memory_region(probe, sizeof(probe));
    return has;
}

enum watch
watch_kind(void)
{
    if (!watch_is_known) {
        watch_found = tool_checks_memory() ? WATCH_MEMCHECK
                      : watch_has_asan()   ? WATCH_ASAN
                                           : WATCH_NONE;
        watch_is_known = true;
    }
    return watch_found;
}

bool
watch_wants_leaks(void)
{
    const char *options = secure_getenv("ASAN_OPTIONS");

    return watch_kind() == WATCH_ASAN &&
           (options == NULL || strstr(options, "detect_leaks=0") == NULL);
}

void
watch_want_leak_check(void)
{
    static char byte;
    static const char *volatile kept;

    if (watch_kind() == WATCH_MEMCHECK && kept == NULL) {
        kept = &byte;
        tool_keep(kept);
    }
}

void
watch_ignore(void)
{
    watch_found = WATCH_NONE;
    watch_is_known = true;
}

void
watch_prepare(const void *bytes, size_t n)
{
    if (n == 0) {
        return;
    }
    if (watch_kind() == WATCH_MEMCHECK) {
        tool_show(bytes, n);
    } else if (watch_kind() == WATCH_ASAN) {
        __asan_unpoison_memory_region(bytes, n);
    }
}

void
watch_begin(const void *handle, const void *bytes, size_t n)
{
    if (watch_kind() == WATCH_MEMCHECK) {
        tool_pool_begin(handle);
        tool_hide(bytes, n);
    } else if (watch_kind() == WATCH_ASAN && n > 0) {
        __asan_poison_memory_region(bytes, n);
    }
}

void
watch_end(const void *handle, const void *bytes, size_t n)
{
    if (watch_kind() == WATCH_MEMCHECK) {
        tool_pool_end(handle);
        tool_show(bytes, n);
    } else if (watch_kind() == WATCH_ASAN && n > 0) {
        __asan_unpoison_memory_region(bytes, n);
    }
}

void
watch_out(const void *handle, const void *block, size_t n)
{
    if (watch_kind() == WATCH_MEMCHECK) {
        tool_block_out(handle, block, n);
    } else if (watch_kind() == WATCH_ASAN) {
        __asan_unpoison_memory_region(block, n);
    }
}

void
watch_in(const void *handle, const void *block, size_t n)
{
    if (watch_kind() == WATCH_MEMCHECK) {
        tool_block_in(handle, block);
    } else if (watch_kind() == WATCH_ASAN) {
        __asan_poison_memory_region(block, n);
    }
}
