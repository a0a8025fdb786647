/* SPDX-License-Identifier: Apache-2.0 */
#include "check/fence.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/proc.h"

/* Linux's default, for where /proc does not tell. */
enum { FENCE_MAPS_DEFAULT = 65530 };

/* Relaxed: a count of what all fences may need, nothing is read on the strength of it. */
static size_t fence_maps;

static size_t
fence_maps_max(void)
{
    char text[32];
    bool known = proc_read("/proc/sys/vm/max_map_count", text, sizeof(text));

    return (known ? strtoul(text, NULL, 10) : FENCE_MAPS_DEFAULT) / 2;
}

/* Takes the mappings that n blocks may need from those that all fences may have. */
static bool
fence_reserve(struct fence *fence, uint32_t n)
{
    size_t max = fence_maps_max();

    fence->n_maps = 2 * (size_t)n + 3;
    if (__atomic_add_fetch(&fence_maps, fence->n_maps, __ATOMIC_RELAXED) <= max) {
        return true;
    }
    __atomic_sub_fetch(&fence_maps, fence->n_maps, __ATOMIC_RELAXED);
    return false;
}

static void
fence_unmap(struct fence *fence)
{
    munmap(fence->map - fence->page_bytes, fence->map_bytes + 2 * fence->page_bytes);
    fence->map = NULL;
}

static void
fence_unreserve(struct fence *fence)
{
    __atomic_sub_fetch(&fence_maps, fence->n_maps, __ATOMIC_RELAXED);
    fence->n_maps = 0;
}

/* Bytes between the limits; false if there is no such number. */
static bool
fence_measure(struct fence *fence, uint32_t n, size_t stride)
{
    size_t step;

    fence->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    if (__builtin_add_overflow(stride, fence->page_bytes - 1, &fence->block_bytes)) {
        return false;
    }
    fence->block_bytes -= fence->block_bytes % fence->page_bytes;
    return !__builtin_add_overflow(fence->block_bytes, fence->page_bytes, &step) &&
           !__builtin_mul_overflow(step, n, &fence->map_bytes) &&
           !__builtin_add_overflow(fence->map_bytes, fence->page_bytes, &fence->map_bytes) &&
           fence->map_bytes < SIZE_MAX - 2 * fence->page_bytes;
}

/* Maps all with its limits, and then takes what is between them away. */
static bool
fence_map(struct fence *fence)
{
    char *map = mmap(NULL, fence->map_bytes + 2 * fence->page_bytes, PROT_READ,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (map == MAP_FAILED) {
        return false;
    }
    fence->map = map + fence->page_bytes;
    if (mprotect(fence->map, fence->map_bytes, PROT_NONE) == 0) {
        return true;
    }
    fence_unmap(fence);
    return false;
}

bool
fence_make(struct fence *fence, uint32_t n, size_t stride)
{
    if (!fence_measure(fence, n, stride) || !fence_reserve(fence, n)) {
        return false;
    }
    if (!fence_map(fence)) {
        fence_unreserve(fence);
        return false;
    }
    return true;
}

size_t
fence_step(const struct fence *fence)
{
    return fence->block_bytes + fence->page_bytes;
}

static char *
fence_pages(const struct fence *fence, uint32_t i)
{
    return fence->map + fence->page_bytes + i * fence_step(fence);
}

uintptr_t
fence_first(const struct fence *fence, size_t stride)
{
    return (uintptr_t)fence_pages(fence, 0) + fence->block_bytes - stride;
}

bool
fence_open(const struct fence *fence, uint32_t i)
{
    return mprotect(fence_pages(fence, i), fence->block_bytes, PROT_READ | PROT_WRITE) == 0;
}

/* Should the kernel refuse, the block merely stays accessible. */
void
fence_close(const struct fence *fence, uint32_t i)
{
    mprotect(fence_pages(fence, i), fence->block_bytes, PROT_NONE);
}

void
fence_close_all(const struct fence *fence)
{
    mprotect(fence->map, fence->map_bytes, PROT_NONE);
}

bool
fence_drop(struct fence *fence)
{
    fence_unreserve(fence);
    return mprotect(fence->map, fence->map_bytes, PROT_READ | PROT_WRITE) == 0;
}

void
fence_end(struct fence *fence)
{
    fence_unreserve(fence);
    fence_unmap(fence);
}
