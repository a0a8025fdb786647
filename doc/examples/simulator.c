/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simulator.c: for programs whose tasks share one thread, as those of Mynewt's simulator in signal
 * mode do: no signal switches tasks while one of them calls the library.
 *
 * Each call is made in a critical section. The linker puts the functions of this file in front of
 * the library's by an option --wrap for each; doc/porting.md, "Tasks in one thread", has the line.
 * Before os_start() there is one task, and the simulator's critical sections do not work yet.
 *
 * A program that calls functions of <osmempool/osmempool.h>, too, adds a line for each.
 */
#include "os/mynewt.h"

#ifdef OSMEMPOOL_INLINE
#error "an inline get or put is no call that could be wrapped: compile without OSMEMPOOL_INLINE"
#endif

#define POOL_CALL(type, name, parameters, arguments)                                               \
    type pool_real_##name parameters __asm__("__real_" OSMEMPOOL_SYMBOL(name));                    \
    type pool_wrap_##name parameters __asm__("__wrap_" OSMEMPOOL_SYMBOL(name));                    \
    __attribute__((used)) type pool_wrap_##name parameters                                         \
    {                                                                                              \
        os_sr_t sr;                                                                                \
        type result;                                                                               \
                                                                                                   \
        if (!os_started()) {                                                                       \
            return pool_real_##name arguments;                                                     \
        }                                                                                          \
        OS_ENTER_CRITICAL(sr);                                                                     \
        result = pool_real_##name arguments;                                                       \
        OS_EXIT_CRITICAL(sr);                                                                      \
        return result;                                                                             \
    }

POOL_CALL(os_error_t, os_mempool_init,
          (struct os_mempool * mp, uint32_t blocks, uint32_t block_size, void *membuf,
           const char *name),
          (mp, blocks, block_size, membuf, name))
POOL_CALL(os_error_t, os_mempool_ext_init,
          (struct os_mempool_ext * mpe, uint32_t blocks, uint32_t block_size, void *membuf,
           const char *name),
          (mpe, blocks, block_size, membuf, name))
POOL_CALL(os_error_t, os_mempool_clear, (struct os_mempool * mp), (mp))
POOL_CALL(os_error_t, os_mempool_ext_clear, (struct os_mempool_ext * mpe), (mpe))
POOL_CALL(os_error_t, os_mempool_unregister, (struct os_mempool * mp), (mp))
POOL_CALL(bool, os_mempool_is_sane, (const struct os_mempool *mp), (mp))
POOL_CALL(void *, os_memblock_get, (struct os_mempool * mp), (mp))
POOL_CALL(os_error_t, os_memblock_put, (struct os_mempool * mp, void *block), (mp, block))
POOL_CALL(os_error_t, os_memblock_put_from_cb, (struct os_mempool * mp, void *block), (mp, block))
POOL_CALL(struct os_mempool *, os_mempool_info_get_next,
          (struct os_mempool * mp, struct os_mempool_info *omi), (mp, omi))
POOL_CALL(struct os_mempool *, os_mempool_get, (const char *name, struct os_mempool_info *omi),
          (name, omi))
