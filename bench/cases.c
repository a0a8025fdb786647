/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "cases.h"

#define PAIR_UNIT  "ns per get+put pair"
#define WALL_UNIT  "wall ns / pairs of all"
#define HAND_UNIT  "ns per block"
#define CALL_UNIT  "ns per call"
#define BLOCK_UNIT "ns per block"
#define POOL_UNIT  "ns per pool"
#define SNAP_UNIT  "ms per snapshot"
#define SLOW_UNIT  "time of a pair / without reader"
#define NEW_UNIT   "operations of the new one"

/* One thread with a window of blocks. Further members follow as arguments. */
#define ONE(bytes, n_live, ...)                                                                    \
    {                                                                                              \
        .name = "one/" #bytes "/" #n_live, .group = "One thread, " #bytes " B",                    \
        .column = #n_live " live", .unit = PAIR_UNIT, .kind = CASE_PAIRS, .block_bytes = bytes,    \
        .live = n_live, .threads = 1, __VA_ARGS__                                                  \
    }
#define DEBUG(bytes, n_live)                                                                       \
    {                                                                                              \
        .name = "debug/" #bytes "/" #n_live,                                                       \
        .group = "One thread, under a debug word (size, live)", .column = #bytes " B, " #n_live,   \
        .unit = PAIR_UNIT, .kind = CASE_PAIRS, .block_bytes = bytes, .live = n_live, .threads = 1, \
        .debug = true, .quick = true                                                               \
    }
#define SHUFFLED(bytes, n_live, ...)                                                               \
    {                                                                                              \
        .name = "shuffled/" #bytes "/" #n_live,                                                    \
        .group = "One thread, put in a shuffled order (size, live)",                               \
        .column = #bytes " B, " #n_live, .unit = PAIR_UNIT, .kind = CASE_PAIRS,                    \
        .block_bytes = bytes, .live = n_live, .threads = 1, .shuffled = true, __VA_ARGS__          \
    }
#define TIGHT(bytes, n_live, ...)                                                                  \
    {                                                                                              \
        .name = "tight/" #bytes "/" #n_live,                                                       \
        .group = "One thread, " #bytes " B, no block to spare", .column = #n_live " live",         \
        .unit = PAIR_UNIT, .kind = CASE_PAIRS, .block_bytes = bytes, .live = n_live, .threads = 1, \
        .tight = true, __VA_ARGS__                                                                 \
    }
#define OWN(n_threads, noun, ...)                                                                  \
    {                                                                                              \
        .name = "own/" #n_threads, .group = "Threads, a pool for each, 64 B, 32 live",             \
        .column = #n_threads " " noun, .unit = WALL_UNIT, .kind = CASE_PAIRS, .block_bytes = 64,   \
        .live = 32, .threads = n_threads, __VA_ARGS__                                              \
    }
#define SHARED(n_threads, noun, ...)                                                               \
    {                                                                                              \
        .name = "shared/" #n_threads, .group = "Threads on one pool, 64 B, 32 live",               \
        .column = #n_threads " " noun, .unit = WALL_UNIT, .kind = CASE_PAIRS, .block_bytes = 64,   \
        .live = 32, .threads = n_threads, .shared = true, __VA_ARGS__                              \
    }
#define HANDOVER(bytes, n_live, ...)                                                               \
    {                                                                                              \
        .name = "handover/" #bytes "/" #n_live,                                                    \
        .group = "One thread gets, another puts (size, on the way)",                               \
        .column = #bytes " B, " #n_live, .unit = HAND_UNIT, .kind = CASE_HANDOVER,                 \
        .block_bytes = bytes, .live = n_live, .threads = 2, .shared = true, __VA_ARGS__            \
    }
#define LATENCY(n_threads, heading, ...)                                                           \
    {                                                                                              \
        .name = "latency/" #n_threads, .group = "Latency, 64 B, 32 live, " heading,                \
        .column = "percentiles", .unit = CALL_UNIT, .kind = CASE_LATENCY, .block_bytes = 64,       \
        .live = 32, .threads = n_threads, .shared = true, __VA_ARGS__                              \
    }
#define CROWD(n_threads)                                                                           \
    {                                                                                              \
        .name = "crowd/" #n_threads, .group = "Threads on 2 CPUs and one pool, 64 B, 32 live",     \
        .column = #n_threads " threads", .unit = WALL_UNIT, .kind = CASE_PAIRS, .block_bytes = 64, \
        .live = 32, .threads = n_threads, .cpus = 2, .shared = true, .rounds_max = 50              \
    }
#define READER(n_hz, n_pools, ...)                                                                 \
    {                                                                                              \
        .name = "reader/" #n_hz "/" #n_pools,                                                      \
        .group = "One thread while another process reads (snapshots a second, pools)",             \
        .column = #n_hz " Hz, " #n_pools, .unit = SLOW_UNIT, .kind = CASE_READER,                  \
        .block_bytes = 64, .live = 32, .threads = 1, .hz = n_hz, .pools = n_pools, __VA_ARGS__     \
    }
#define REGISTRY(verb, heading, case_of, n_pools, ...)                                             \
    {                                                                                              \
        .name = verb "/" #n_pools, .group = heading, .column = #n_pools " pools",                  \
        .unit = POOL_UNIT, .kind = case_of, .live = n_pools, .threads = 1, __VA_ARGS__             \
    }

const struct bench_case bench_cases[] = {
    ONE(64, 1, .quick = true, .headline = true, .depth = 256),
    ONE(64, 32, .quick = true, .headline = true, .depth = 256),
    ONE(64, 512, .quick = true, .headline = true, .depth = 512),
    ONE(16, 1),
    ONE(16, 32),
    ONE(16, 512),
    ONE(256, 1),
    ONE(256, 32),
    ONE(256, 512),
    ONE(2048, 1),
    ONE(2048, 32, .quick = true, .headline = true, .depth = 256),
    ONE(2048, 512, .quick = true, .headline = true, .depth = 512),
    ONE(4096, 1),
    ONE(4096, 32),
    ONE(4096, 512),
    SHUFFLED(64, 32),
    SHUFFLED(64, 512, .quick = true),
    SHUFFLED(2048, 512),
    TIGHT(64, 1),
    TIGHT(64, 32),
    OWN(1, "thread"),
    OWN(2, "threads", .quick = true, .headline = true),
    OWN(4, "threads"),
    OWN(8, "threads"),
    OWN(16, "threads"),
    OWN(32, "threads"),
    SHARED(1, "thread", .quick = true, .depth = 256, .idler = true),
    SHARED(2, "threads", .quick = true, .headline = true, .depth = 256),
    SHARED(4, "threads"),
    SHARED(8, "threads", .quick = true),
    SHARED(16, "threads"),
    SHARED(32, "threads"),
    CROWD(2),
    CROWD(8),
    {
        .name = "last/64",
        .group = "2 threads on the last blocks: as many as a cache holds, 64 B, 32 live",
        .column = "64 blocks",
        .unit = WALL_UNIT,
        .kind = CASE_PAIRS,
        .block_bytes = 64,
        .live = 32,
        .depth = 64,
        .threads = 2,
        .shared = true,
        .tight = true,
    },
    HANDOVER(64, 64, .depth = 256),
    HANDOVER(64, 512, .quick = true, .headline = true, .depth = 256),
    HANDOVER(64, 1024, .quick = true, .depth = 1024),
    HANDOVER(2048, 512, .depth = 256),
    {
        .name = "succession/64",
        .group = "One owner, then another for good, 64 B, 32 live",
        .column = "until 1.1 x",
        .unit = NEW_UNIT,
        .kind = CASE_SUCCESSION,
        .block_bytes = 64,
        .live = 32,
        .threads = 1,
    },
    LATENCY(1, "one thread", .quick = true, .depth = 256),
    LATENCY(4, "4 threads on 2 CPUs and one pool", .quick = true, .cpus = 2, .depth = 256),
    REGISTRY("register", "Registering pools", CASE_REGISTER, 1000, .quick = true),
    REGISTRY("register", "Registering pools", CASE_REGISTER, 10000, .quick = true),
    REGISTRY("unregister", "Unregistering pools", CASE_UNREGISTER, 1000, .quick = true),
    REGISTRY("unregister", "Unregistering pools", CASE_UNREGISTER, 10000, .quick = true),
    {
        .name = "snapshot/10000",
        .group = "Another process reads a snapshot",
        .column = "10000 pools",
        .unit = SNAP_UNIT,
        .kind = CASE_SNAPSHOT,
        .live = 10000,
        .threads = 1,
        .rounds_max = 50,
    },
    READER(100, 100, .rounds_max = 50),
    READER(1, 10000, .rounds_max = 10),
    DEBUG(64, 1),
    DEBUG(64, 32),
    DEBUG(2048, 32),
    {
        .name = "init/1000000",
        .group = "Init of 1,000,000 blocks of 64 B (limit: two words written to each)",
        .column = "init",
        .unit = BLOCK_UNIT,
        .kind = CASE_INIT,
        .block_bytes = 64,
        .live = 1000000,
        .threads = 1,
        .quick = true,
    },
};
const uint32_t n_bench_cases = sizeof(bench_cases) / sizeof(bench_cases[0]);

const struct bench_case *
cases_find(const char *name)
{
    for (uint32_t i = 0; i < n_bench_cases; i++) {
        if (strcmp(bench_cases[i].name, name) == 0) {
            return &bench_cases[i];
        }
    }
    return NULL;
}
