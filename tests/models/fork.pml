/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork.pml: thread 0 forks while others use P pools as in ownership.pml.
 *
 * Thread 0 forks for ever; between prepare and the end of the freeze its handlers (those of other
 * libraries) may use a pool and, with -DSETUP, enable its caches; a cached pool is one that is
 * never owned here; caches.pml has the caches.
 *
 * Promised: as in ownership.pml; at the moment of the fork no thread is in a section and memory
 * holds what the last section wrote, of each pool; a cached pool has no owner, and no owner is
 * written over.
 *
 * Mutants: see README.md.
 */
#ifndef T
#define T 2
#endif
#ifndef P
#define P 2
#endif
#define OWNER(p) (1 + (p))
#define DATA(p)  (3 + (p))
#define HELD(p)  (5 + (p))
#define BUSY(t)  (7 + (t))
#define LOCATIONS 10
#include "store_buffers.pml"

byte inside[P];
bit written[P];
bit frozen[P]; /* the gate; used under the pool's lock */
byte owner_before[P];
bit freeze;
#ifdef SETUP
bit cached[P];
#define MAY_BE_OWNED(p) (!cached[p])
#else
#define MAY_BE_OWNED(p) true
#endif

inline section(me)
{
    atomic { d = LD(me, DATA(p)); assert(d == written[p]); d = 0 };
    atomic { !FULL(me) -> d_step { d = 1 - written[p]; written[p] = d; push(me, DATA(p), d); d = 0 } }
}

/* Takes the lock and passes the gate, or waits there. */
inline lock_pool(me)
{
    LOCK(me, HELD(p));                                  /* pool_lock() */
#ifndef M_NO_FLAG
    do
    :: frozen[p] && !forking ->
        UNLOCK(me, HELD(p));                            /* pool_enter_gated() */
        freeze == 0;                                    /* freeze_wait() */
        LOCK(me, HELD(p))                               /* pool_enter_gated() */
    :: else -> break
    od
#endif
}

inline stop_owner(me)
{
    o = LD(me, OWNER(p));                               /* owner_stop() */
    if
    :: o != 0 && o != me + 1 -> ST(me, OWNER(p), 0)     /* owner_stop() */
    :: else -> o = 0
    fi
}

inline use(me)
{
    if
    :: LD(me, OWNER(p)) == me + 1 ->                    /* osmp_enter(): the first look */
        ST(me, BUSY(me), p + 1);                        /* osmp_enter(): the store of the pair */
        if
        :: atomic { LD(me, OWNER(p)) == me + 1 -> inside[p]++; assert(inside[p] == 1) };
            assert(MAY_BE_OWNED(p));
            section(me);                                /* osmp_pop(), osmp_push() */
            atomic { !FULL(me) -> inside[p]--; STR(me, BUSY(me), 0) }; /* osmp_leave() */
            goto used
        :: else ->
            STR(me, BUSY(me), 0)                        /* osmp_leave() */
        fi
    :: else
    fi;
    lock_pool(me);                                      /* pool_enter() */
    stop_owner(me);                                     /* owner_revoke() */
    if
    :: o != 0 ->
#ifndef M_NO_BARRIER
        MB(me);                                         /* owner_barrier() */
#endif
        LD(me, BUSY(o - 1)) != p + 1;                   /* owner_wait() */
        o = 0
    :: else
    fi;
    atomic { inside[p]++; assert(inside[p] == 1) };
    section(me);                                        /* freelist_pop(), freelist_push() */
    inside[p]--;
    if
#ifdef M_GRANT_FROZEN
    :: MAY_BE_OWNED(p) && LD(me, OWNER(p)) == 0 ->
#else
    :: !frozen[p] && MAY_BE_OWNED(p) && LD(me, OWNER(p)) == 0 ->
#endif
        STR(me, OWNER(p), me + 1)                       /* owner_grant() */
    :: true                                             /* owner_count(): the run goes on */
    fi;
    UNLOCK(me, HELD(p));                                /* pool_leave() */
used:
    p = 0
}

inline choose_pool()
{
    atomic {
        if
        :: p = 0
#if P > 1
        :: p = 1
#endif
        fi
    }
}

/* os_mempool_cache_enable() by a handler, and by anybody at other times os_mempool_cache_disable(). */
inline enable(me)
{
    LOCK(me, HELD(p));                                  /* pool_try_set_cache() */
    ST(me, OWNER(p), 0);                                /* owner_forbid(): owner_give_up() */
    cached[p] = 1;                                      /* cache_enable() */
#ifndef M_GIVE_BACK_CACHED
    owner_before[p] = 0;                                /* owner_forbid() */
#endif
    UNLOCK(me, HELD(p))                                 /* pool_unlock() */
}

inline disable(me)
{
    lock_pool(me);                                      /* pool_try_set_cache() */
    cached[p] = 0;                                      /* cache_disable() */
    UNLOCK(me, HELD(p))                                 /* pool_unlock() */
}

inline freeze_pool(me)
{
    LOCK(me, HELD(p));                                  /* fork_freeze() */
    stop_owner(me);                                     /* fork_freeze(): owner_stop() */
    stopped = stopped || o != 0;
    owner_before[p] = o;
    o = 0;
#ifdef M_LATE_FLAG
    UNLOCK(me, HELD(p));
    frozen[p] = 1
#else
    frozen[p] = 1;
    UNLOCK(me, HELD(p))                                 /* fork_freeze() */
#endif
}

inline wait_for_owner(me)
{
    LOCK(me, HELD(p));                                  /* fork_wait() */
    if
    :: owner_before[p] != 0 ->
#ifndef M_NO_WAIT
        LD(me, BUSY(owner_before[p] - 1)) != p + 1      /* fork_wait(): owner_wait() */
#endif
    :: else
    fi;
    UNLOCK(me, HELD(p))                                 /* fork_wait() */
}

inline thaw(me)
{
    LOCK(me, HELD(p));                                  /* fork_thaw() */
    frozen[p] = 0;
    if
    :: owner_before[p] != 0 ->
        assert(LD(me, OWNER(p)) == 0);
        o = owner_before[p];
        owner_before[p] = 0;
        STR(me, OWNER(p), o);                           /* fork_thaw(): owner_resume() */
        o = 0
    :: else
    fi;
    UNLOCK(me, HELD(p))                                 /* fork_thaw() */
}

inline the_fork()
{
    atomic {
        EMPTY(me) ->
        do
        :: p < P ->
            assert(inside[p] == 0 && mem[DATA(p)] == written[p]);
            p++
        :: else -> p = 0; break
        od;
#ifdef M_CHILD_TRUSTS_BUSY
        assert(mem[BUSY(1)] == 0)
#endif
    }
}

proctype Thread(byte me)
{
    byte p, o;
    bit d, forking, stopped;

    do
    ::  choose_pool();
        use(me)                                         /* freeze_is_mine(): handlers, too */
#ifdef SETUP
    ::  atomic { me == 1 -> choose_pool() };
        disable(me);
        p = 0
#endif
    ::  me == 0 && !forking ->
        freeze = 1;                                     /* freeze_begin() */
        forking = 1;
        do
        :: p < P -> freeze_pool(me); p++
        :: else -> p = 0; break
        od;                     /* fork_prepare(): fork_freeze() */
        if
        :: stopped ->
#ifndef M_NO_BARRIER
            MB(me);                                     /* fork_prepare(): owner_barrier() */
#endif
            do
            :: p < P -> wait_for_owner(me); p++
            :: else -> p = 0; break
            od               /* fork_prepare(): fork_wait() */
        :: else
        fi;
        stopped = 0
#ifdef SETUP
    ::  atomic { forking -> choose_pool() };
        enable(me);                                     /* os_mempool_cache_enable() */
        p = 0
#endif
    ::  forking ->
        the_fork();
        do
        :: p < P -> thaw(me); p++
        :: else -> p = 0; break
        od;                            /* fork_parent(): fork_thaw() */
        forking = 0;
        freeze = 0                                      /* freeze_end() */
    od
}

init {
    atomic {
        run Thread(0);
        run Thread(1);
#if T > 2
        run Thread(2)
#endif
    }
}
