/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pages.h"

#include <errno.h>
#include <sys/mman.h>

/* Present in programs that carry AddressSanitizer's runtime. */
extern void
__asan_unpoison_memory_region(const volatile void *bytes, size_t n) __attribute__((weak));

/* AddressSanitizer's marks outlive the mapping that they were made on: a pool's buffer may have
 * been unmapped here. */
void *
pages_map(size_t n)
{
    int saved = errno;
    void *pages =
        mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (pages == MAP_FAILED) {
        errno = saved;
        return NULL;
    }
    if (__asan_unpoison_memory_region != NULL) {
        __asan_unpoison_memory_region(pages, n);
    }
    return pages;
}
