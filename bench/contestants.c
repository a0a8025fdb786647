/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "contestants.h"

static bool
fits_one_user(const struct bench_case *what)
{
    return !what->shared || what->threads == 1;
}

static bool
fits_depth(const struct bench_case *what)
{
    return what->depth != 0;
}

static bool
fits_bulk(const struct bench_case *what)
{
    return what->depth != 0 && what->live % ENGINE_BULK == 0 && !what->shuffled && !what->tight;
}

static bool
fits_sharers(const struct bench_case *what)
{
    return what->shared;
}

static bool
fits_handover(const struct bench_case *what)
{
    return what->kind == CASE_HANDOVER;
}

#define UNDER(label, debug_words, text)                                                            \
    {                                                                                              \
        .name = label, .role = ROLE_DEBUG, .engine = &engine_pool, .words = debug_words,           \
        .help = text                                                                               \
    }

const struct contestant contestants[] = {
    {.name = "pool",
     .role = ROLE_POOL,
     .engine = &engine_pool,
     .help = "os_memblock_get and os_memblock_put of this library"},
    {.name = "inline",
     .role = ROLE_POOL,
     .engine = &engine_inline,
     .fits = fits_one_user,
     .help = "the same through the inline header (OSMEMPOOL_INLINE)"},
    {.name = "cached",
     .role = ROLE_POOL,
     .engine = &engine_cached,
     .fits = fits_depth,
     .help = "the same on a pool with thread caches"},
    {.name = "bulk",
     .role = ROLE_VARIANT,
     .engine = &engine_bulk,
     .fits = fits_bulk,
     .help = "such a pool, 32 blocks a call; per block"},
    {.name = "locked",
     .role = ROLE_VARIANT,
     .engine = &engine_locked,
     .fits = fits_sharers,
     .help = "a pool that no thread ever owns: each call takes its lock"},
    UNDER("check", "check", "pool, with OSMEMPOOL_DEBUG=check: each put looks at all free blocks"),
    UNDER("poison", "poison", "with OSMEMPOOL_DEBUG=poison"),
    UNDER("track", "track", "with OSMEMPOOL_DEBUG=track"),
    UNDER("fence", "fence", "with OSMEMPOOL_DEBUG=fence: two system calls a pair"),
    UNDER("fail", "fail=4000000000", "with OSMEMPOOL_DEBUG=fail=N, N never reached"),
    UNDER("three words", "check,poison,track", "with OSMEMPOOL_DEBUG=check,poison,track"),
    {.name = "limit",
     .role = ROLE_LIMIT,
     .engine = &engine_bare,
     .help = "a LIFO list without lock, check or counter"},
    {.name = "both touch",
     .role = ROLE_TOUCH,
     .engine = &engine_touch,
     .fits = fits_handover,
     .help = "no allocator: getter and putter each write a word of the block"},
    {.name = "mutex+list",
     .role = ROLE_LOCK,
     .engine = &engine_bare_mutex,
     .help = "that list inside a pthread mutex",
     .locking = "mutex"},
    {.name = "spinlock+list",
     .role = ROLE_LOCK,
     .engine = &engine_bare_spin,
     .help = "that list inside a spinlock",
     .locking = "spinlock"},
    {.name = "glibc",
     .role = ROLE_MALLOC,
     .engine = &engine_malloc,
     .help = "malloc and free of the C library",
     .provider = "libc."},
    {.name = "jemalloc",
     .role = ROLE_MALLOC,
     .engine = &engine_malloc,
     .help = "malloc and free of jemalloc",
     .preload = "libjemalloc.so.2",
     .provider = "libjemalloc",
     .package = "libjemalloc2"},
    {.name = "mimalloc",
     .role = ROLE_MALLOC,
     .engine = &engine_malloc,
     .help = "malloc and free of mimalloc",
     .preload = "libmimalloc.so.2",
     .provider = "libmimalloc",
     .package = "libmimalloc2.0"},
    {.name = "tcmalloc",
     .role = ROLE_MALLOC,
     .engine = &engine_malloc,
     .help = "malloc and free of tcmalloc (minimal)",
     .preload = "libtcmalloc_minimal.so.4",
     .provider = "libtcmalloc",
     .package = "libtcmalloc-minimal4"},
    {.name = "dpdk",
     .role = ROLE_PEER,
     .engine = &engine_dpdk,
     .fits = fits_bulk,
     .here = engine_dpdk_here,
     .help = "rte_mempool of DPDK, cached, 32 blocks a call, inline; per block",
     .preload = "$ORIGIN/libosmempool-bench-dpdk.so",
     .package = "libdpdk-dev to build with"},
    {.name = "clock",
     .role = ROLE_CLOCK,
     .engine = &engine_clock,
     .help = "nothing: what the clock itself adds to a latency"},
};
const uint32_t n_contestants = sizeof(contestants) / sizeof(contestants[0]);
static_assert(sizeof(contestants) / sizeof(contestants[0]) <= N_CONTESTANTS_MAX,
              "raise N_CONTESTANTS_MAX");

const struct contestant *
contestants_find(const char *name)
{
    for (uint32_t i = 0; i < n_contestants; i++) {
        if (strcmp(contestants[i].name, name) == 0) {
            return &contestants[i];
        }
    }
    return NULL;
}

bool
contestants_can(const struct contestant *who, const struct bench_case *what)
{
    const struct engine *engine = who->engine;

    if (what->debug ? who->engine != &engine_pool : who->role == ROLE_DEBUG) {
        return false;
    }
    if ((what->shared && what->threads > 1 && !engine->shareable) ||
        (who->fits != NULL && !who->fits(what))) {
        return false;
    }
    switch (what->kind) {
    case CASE_PAIRS:
        return who->role != ROLE_CLOCK && engine->batches != NULL;
    case CASE_HANDOVER:
        return who->role != ROLE_CLOCK && engine->take != NULL && engine->give != NULL;
    case CASE_LATENCY:
        return engine->timed != NULL;
    case CASE_INIT:
        return engine->format_ns != NULL;
    case CASE_REGISTER:
    case CASE_UNREGISTER:
        return engine->enrol_ns != NULL;
    case CASE_SNAPSHOT:
    case CASE_READER:
        return engine->exports;
    case CASE_SUCCESSION:
        return who->role == ROLE_POOL && engine->batches != NULL;
    }
    return false;
}

const char *
contestants_malloc_provider(void)
{
    static char path[PATH_MAX];
    Dl_info info;
    void *symbol = dlsym(RTLD_DEFAULT, "malloc");

    /* Behind a link as libjemalloc.so.2 stands the file whose name tells the version. */
    if (symbol == NULL || dladdr(symbol, &info) == 0 || info.dli_fname == NULL ||
        realpath(info.dli_fname, path) == NULL) {
        return "";
    }
    return basename(path);
}
