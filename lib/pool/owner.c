/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/owner.h"

#include "base/build.h"
#include "base/tool.h"
#include "layout/counts.h"
#include "layout/geometry.h"
#include "sync/freeze.h"
#include "sync/membarrier.h"
#include "sync/wait.h"

/*
 * What a revocation costs and a tenure saves, measured: some 10 us against some 20 ns an operation,
 * so a tenure of 500 operations has paid.
 */
enum { OWNER_RUN_MIN = 256, OWNER_RUN_MAX = 50000, OWNER_PAID = 500 };

/* How long a barrier that failed is waited for instead. */
enum { OWNER_BLIND_SLEEP_NS = 10000000 };

/* Present in programs that carry the sanitizers' runtimes. */
extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

#ifdef OSMP_SEQ_CST
static const bool owner_knows_tsan = true;
#else
static const bool owner_knows_tsan = false;
#endif

/*
 * Whether any pool may be owned in this process. Relaxed: cleared once, when a membarrier fails; a
 * grant made by a thread that has not seen it yet is revoked in the slow but safe way.
 */
static bool owner_allowed;

/*
 * AddressSanitizer's users want to hear of each get and put, and ThreadSanitizer must see a lock
 * between a put and the next get; Valgrind runs one thread at a time. All of them want the lock
 * path. A library that is itself built with ThreadSanitizer has a protocol that it understands.
 */
__attribute__((constructor(102))) static void
owner_start(void)
{
    bool watched =
        tool_running() || __asan_init != NULL || (__tsan_init != NULL && !owner_knows_tsan);

    owner_allowed = build_ownership && !watched && membarrier_register();
}

bool
owner_is_allowed(void)
{
    return __atomic_load_n(&owner_allowed, __ATOMIC_RELAXED);
}

void
owner_init(struct os_mempool *mp)
{
    bool extended = (mp->mp_flags & OS_MEMPOOL_F_EXT) != 0;

    pool_tail(mp)->run_needed = !geometry_has_key(mp) ? OWNER_NEVER
                                : extended            ? OWNER_EXTENDED
                                                      : OWNER_RUN_MIN;
}

void
owner_make_plain(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    if (tail->run_needed == OWNER_EXTENDED) {
        tail->run = 0;
        tail->run_needed = OWNER_RUN_MIN;
    }
}

void
owner_wait(const struct os_mempool *mp, const struct osmp_thread *owner)
{
    sync_wait_while(&owner->busy, mp);
}

/* The store of the Dekker pair; owner_barrier() must follow before busy is read. */
struct osmp_thread *
owner_stop(struct os_mempool *mp)
{
    struct osmp_thread *owner = mp->osmp_owner;

    if (owner == NULL || owner_is_me(owner)) {
        return NULL;
    }
    __atomic_store_n(&mp->osmp_owner, (struct osmp_thread *)NULL, OSMP_DEKKER_STORE);
    return owner;
}

/*
 * A filter that was loaded after the start may forbid the call. Then no pool is ever granted again,
 * and this one time the store is given 10 ms to reach the other cores, which takes them some ns.
 */
void
owner_barrier(void)
{
    if (!membarrier_all()) {
        __atomic_store_n(&owner_allowed, false, __ATOMIC_RELAXED);
        sync_sleep(OWNER_BLIND_SLEEP_NS);
    }
}

struct osmp_thread *
owner_suspend(struct os_mempool *mp)
{
    struct osmp_thread *owner = owner_stop(mp);

    if (owner != NULL) {
        owner_barrier();
        owner_wait(mp, owner);
    }
    return owner;
}

/* Release: the owner's acquire in osmp_enter() then sees what was written under the lock. */
static void
owner_give_back(struct os_mempool *mp, struct osmp_thread *owner)
{
    __atomic_store_n(&mp->osmp_owner, owner, __ATOMIC_RELEASE);
}

/*
 * A thread that stays in its section gets the pool back even where ownership is over: NULL would
 * let the next one in beside it.
 */
bool
owner_try_suspend(struct os_mempool *mp, struct osmp_thread **owner)
{
    *owner = owner_stop(mp);
    if (*owner == NULL) {
        return true;
    }
    owner_barrier();
    if (sync_wait_briefly(&(*owner)->busy, mp)) {
        return true;
    }
    owner_give_back(mp, *owner);
    return false;
}

void
owner_resume(struct os_mempool *mp, struct osmp_thread *owner)
{
    if (owner == NULL) {
        return;
    }
    if (owner_is_allowed()) {
        owner_give_back(mp, owner);
    } else {
        thread_unhold(thread_of(owner));
    }
}

void
owner_forget(struct osmp_thread *owner)
{
    if (owner != NULL) {
        thread_unhold(thread_of(owner));
    }
}

/* Successful gets so far, the measure of a tenure. */
static uint64_t
owner_gets(const struct os_mempool *mp)
{
    return (uint64_t)pool_tail_const(mp)->gets_high << 32 | counts_gets(osmp_counts_load(mp));
}

uint32_t
owner_next_run(uint32_t run, bool paid)
{
    if (paid) {
        return run / 2 > OWNER_RUN_MIN ? run / 2 : OWNER_RUN_MIN;
    }
    return run < OWNER_RUN_MAX / 2 ? run * 2 : OWNER_RUN_MAX;
}

void
owner_revoke(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);
    struct osmp_thread *owner = owner_suspend(mp);

    if (owner == NULL) {
        return;
    }
    thread_unhold(thread_of(owner));
    tail->run = 0;
    tail->run_needed =
        owner_next_run(tail->run_needed, owner_gets(mp) - tail->tenure_from >= OWNER_PAID);
}

/* Whether a thread without a record may get one. */
static bool
owner_may_ask(void)
{
    return thread_may_get() && !freeze_is_mine();
}

/* Whether the run is that of a pool which may be owned, now. A run of 0 is that of a pool never
 * initialised: no thread would give it up at its end. */
static bool
owner_may_grant(const struct os_mempool *mp)
{
    const struct pool_tail *tail = pool_tail_const(mp);

    return tail->run_needed < OWNER_EXTENDED && tail->run_needed != 0 && mp->osmp_owner == NULL &&
           tail->gate == 0 && owner_is_allowed();
}

bool
owner_grant(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);
    struct thread *thread = thread_known();
    bool wanted = tail->run_needed >= OWNER_EXTENDED || owner_may_grant(mp);

    if (thread == NULL && wanted && owner_may_ask()) {
        tail->run = tail->run_needed - 1;
        return true;
    }
    tail->run = 0;
    if (thread == NULL || !owner_may_grant(mp)) {
        return false;
    }
    thread_hold(thread);
    tail->tenure_from = owner_gets(mp);
    /* Release: others, who find the record here, see it as it was made; pairs with the first load
     * of osmp_enter(). */
    __atomic_store_n(&mp->osmp_owner, &thread->hot, __ATOMIC_RELEASE);
    return false;
}

void
owner_want_record(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    tail->run_tp = osmp_thread_pointer();
    tail->run = tail->run_needed - 1;
}

/* In a fork handler the owner waits in the frozen pool's tail; the thaw must not bring it back. */
void
owner_forbid(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    owner_revoke(mp);
    if (mp->osmp_owner != NULL) {
        owner_give_up(mp, thread_of(mp->osmp_owner));
    }
    if (tail->frozen_owner != NULL) {
        thread_unhold(thread_of(tail->frozen_owner));
        tail->frozen_owner = NULL;
    }
    tail->run_needed = OWNER_NEVER;
}

/* The calling thread's own, so nobody can be in a section. */
void
owner_give_up(struct os_mempool *mp, struct thread *thread)
{
    if (mp->osmp_owner == &thread->hot) {
        __atomic_store_n(&mp->osmp_owner, (struct osmp_thread *)NULL, OSMP_DEKKER_STORE);
        thread_unhold(thread);
    }
}
