/* SPDX-License-Identifier: Apache-2.0 */
#include "check/watch.h"

#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/tool.h"
#include "check/asan_options.h"

enum { WATCH_STACK_BYTES = 8 << 20 };

/* What the library's calls need of the stack, amply. */
enum { WATCH_CALLS_BYTES = 64 << 10 };

/*
 * Present in programs that carry AddressSanitizer's runtime, which objects to regions of no bytes
 * at address 0.
 */
extern void __asan_poison_memory_region(const volatile void *bytes, size_t n) __attribute__((weak));
extern void
__asan_unpoison_memory_region(const volatile void *bytes, size_t n) __attribute__((weak));
extern int __asan_address_is_poisoned(const volatile void *byte) __attribute__((weak));

/* Found out at the first question. Relaxed: whoever asks finds the same. */
enum { WATCH_UNKNOWN = -1 };
static int watch_found = WATCH_UNKNOWN;

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

static enum watch
watch_find_out(void)
{
    if (tool_checks_memory()) {
        return WATCH_MEMCHECK;
    }
    return watch_has_asan() ? WATCH_ASAN : WATCH_NONE;
}

enum watch
watch_kind(void)
{
    int found = __atomic_load_n(&watch_found, __ATOMIC_RELAXED);

    if (found == WATCH_UNKNOWN) {
        found = watch_find_out();
        __atomic_store_n(&watch_found, found, __ATOMIC_RELAXED);
    }
    return (enum watch)found;
}

bool
watch_wants_leaks(void)
{
    return watch_kind() == WATCH_ASAN && asan_options_want_leaks();
}

int
watch_leak_exit_code(void)
{
    return asan_options_exit_code();
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
    __atomic_store_n(&watch_found, WATCH_NONE, __ATOMIC_RELAXED);
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

static void
watch_begin_set(const void *handle)
{
    if (handle != NULL) {
        tool_pool_begin(handle);
    }
}

static void
watch_end_set(const void *handle)
{
    if (handle != NULL) {
        tool_pool_end(handle);
    }
}

void
watch_begin(const void *handle, const void *bytes, size_t n)
{
    if (watch_kind() == WATCH_MEMCHECK) {
        watch_begin_set(handle);
        tool_hide(bytes, n);
    } else if (watch_kind() == WATCH_ASAN && n > 0) {
        __asan_poison_memory_region(bytes, n);
    }
}

void
watch_end(const void *handle, const void *bytes, size_t n)
{
    if (watch_kind() == WATCH_MEMCHECK) {
        watch_end_set(handle);
        tool_show(bytes, n);
    } else if (watch_kind() == WATCH_ASAN && n > 0) {
        __asan_unpoison_memory_region(bytes, n);
    }
}

void
watch_open(const void *bytes, size_t n)
{
    if (watch_kind() == WATCH_MEMCHECK) {
        tool_reveal(bytes, n);
    } else if (watch_kind() == WATCH_ASAN && n > 0) {
        __asan_unpoison_memory_region(bytes, n);
    }
}

void
watch_clear_stack(void)
{
    const char *frame = __builtin_frame_address(0);

    if (watch_kind() == WATCH_ASAN) {
        __asan_unpoison_memory_region(frame - WATCH_CALLS_BYTES, WATCH_CALLS_BYTES);
    }
}

void
watch_give_back(const void *handle, const void *bytes, size_t n, bool is_fixed)
{
    if (watch_kind() == WATCH_MEMCHECK && handle != NULL) {
        tool_pool_forget(handle, bytes, n);
    }
    if (is_fixed) {
        watch_open(bytes, n);
    }
}

struct watch_segment {
    uintptr_t address;
    bool found;
};

/* Looks for an address in the segments of a loaded object. */
static int
watch_look_in_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct watch_segment *segment = arg;

    for (int i = 0; i < info->dlpi_phnum && !segment->found; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t first = info->dlpi_addr + header->p_vaddr;

        segment->found = header->p_type == PT_LOAD && segment->address >= first &&
                         segment->address - first < header->p_memsz;
    }
    return segment->found;
}

/* The main thread's stack ends near what AT_RANDOM points to, another's near its descriptor. */
static uintptr_t
watch_stack_top(void)
{
    return gettid() == getpid() ? (uintptr_t)getauxval(AT_RANDOM) : (uintptr_t)pthread_self();
}

/* Larger stacks than usual are not known to the end; pthread_getattr_np() would, and allocates. */
bool
watch_is_on_stack(const void *address)
{
    const uintptr_t at = (uintptr_t)address;
    const uintptr_t top = watch_stack_top();

    return at >= (uintptr_t)__builtin_frame_address(0) && at < top && top - at < WATCH_STACK_BYTES;
}

bool
watch_is_fixed(const void *address)
{
    struct watch_segment segment = {.address = (uintptr_t)address};

    return dl_iterate_phdr(watch_look_in_object, &segment) != 0 || watch_is_on_stack(address);
}

static void
watch_tell_out(const void *handle, const void *block, size_t n)
{
    if (handle != NULL) {
        tool_block_out(handle, block, n);
    } else {
        tool_show(block, n);
    }
}

static void
watch_tell_in(const void *handle, const void *block, size_t n)
{
    if (handle != NULL) {
        tool_block_in(handle, block);
    } else {
        tool_hide(block, n);
    }
}

void
watch_out(const void *handle, const void *block, size_t n)
{
    if (watch_kind() == WATCH_MEMCHECK) {
        watch_tell_out(handle, block, n);
    } else if (watch_kind() == WATCH_ASAN) {
        __asan_unpoison_memory_region(block, n);
    }
}

void
watch_in(const void *handle, const void *block, size_t n)
{
    if (watch_kind() == WATCH_MEMCHECK) {
        watch_tell_in(handle, block, n);
    } else if (watch_kind() == WATCH_ASAN) {
        __asan_poison_memory_region(block, n);
    }
}
