/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ownership.pml: one thread uses a pool without its lock, until another comes.
 *
 * T threads, P pools. Each thread for ever gets or puts in any pool, or visits one (clear, check).
 * Who becomes the owner is a free choice wherever the library may grant, so every run length and
 * every rule for it is covered.
 *
 * Promised: one thread at a time is in a section of a pool (inside), and each section reads what
 * the last one wrote (written).
 *
 * Mutants: see README.md.
 */
#ifndef T
#define T 3
#endif
#ifndef P
#define P 2
#endif
#define OWNER(p) (1 + (p))
#define DATA(p)  (3 + (p))
#define HELD(p)  (5 + (p))
#ifdef M_BUSY_PER_POOL
#define BUSY(t, p) (7 + (p))
#else
#define BUSY(t, p) (7 + (t))
#endif
#define LOCATIONS 10
#include "store_buffers.pml"

byte inside[P];
bit written[P];

#ifdef M_LEAVE_RELAXED
#define LEAVE(me) ST(me, BUSY(me, p), 0)
#else
#define LEAVE(me) STR(me, BUSY(me, p), 0)
#endif
#ifdef M_RESUME_RELAXED
#define RESUME(me, v) ST(me, OWNER(p), v)
#else
#define RESUME(me, v) STR(me, OWNER(p), v)
#endif

inline come_in()
{
    inside[p]++;
    assert(inside[p] == 1)
}

inline section_reads(me)
{
    atomic { d = LD(me, DATA(p)); assert(d == written[p]); d = 0 }
}

inline section_writes(me)
{
    atomic { !FULL(me) -> d_step { d = 1 - written[p]; written[p] = d; push(me, DATA(p), d); d = 0 } }
}

inline owned(me)
{
#ifdef M_NO_SECOND_LOOK
    atomic { come_in() };
#else
    atomic { LD(me, OWNER(p)) == me + 1 -> come_in() };     /* osmp_enter(): the second look */
#endif
    section_reads(me);                                      /* osmp_pop() */
#ifdef M_LEAVE_EARLY
    LEAVE(me);
    section_writes(me);
    go_out()
#else
    section_writes(me);                                     /* osmp_push() */
    atomic { !FULL(me) -> go_out(); LEAVE(me) }             /* osmp_leave() */
#endif
}

/* What the library still does under the lock is not of the section. */
inline go_out()
{
    inside[p]--
}

/* Under the lock: o is the owner that was stopped, who gets the pool back if this was a visit. */
inline end_of_section(me)
{
    if
    :: atomic { true -> go_out() }                          /* owner_count(): the run goes on */
    :: atomic { o != me + 1 -> go_out() };
        STR(me, OWNER(p), me + 1)                           /* owner_grant() */
    :: atomic { o != 0 && o != me + 1 -> go_out() };
        RESUME(me, o)                                       /* owner_resume() */
    fi;
    o = 0
}

proctype Thread(byte me)
{
    byte p, o;
    bit d;

    do
    ::  atomic {
            if
            :: p = 0
#if P > 1
            :: p = 1
#endif
            fi
        };
        if
        :: LD(me, OWNER(p)) == me + 1 ->                    /* osmp_enter(): the first look */
            ST(me, BUSY(me, p), p + 1);                     /* osmp_enter(): the store of the pair */
            if
            :: owned(me);
                if
                :: goto done
                :: true                                     /* osmp_owner_get(): not the plain case */
                fi
#ifndef M_NO_SECOND_LOOK
            :: else ->
#ifndef M_LOCK_WHILE_BUSY
                LEAVE(me)                                   /* osmp_enter(): not mine any more */
#endif
#endif
            fi
        :: else
        fi;

        LOCK(me, HELD(p));                                  /* pool_lock() */
#ifdef M_LOCK_WHILE_BUSY
        LEAVE(me);
#endif
        o = LD(me, OWNER(p));                               /* owner_stop() */
        if
        :: o != 0 && o != me + 1 ->
#ifdef M_BARRIER_FIRST
            MB(me);
#endif
            ST(me, OWNER(p), 0);                            /* owner_stop() */
#ifdef M_READ_EARLY
            section_reads(me);
#endif
#if !defined(M_NO_BARRIER) && !defined(M_BARRIER_FIRST)
            MB(me);                                         /* owner_barrier() */
#endif
#ifndef M_NO_WAIT
            WAIT(me, LD(me, BUSY(o - 1, p)) != p + 1)       /* owner_wait() */
#endif
        :: else
        fi;
#ifdef M_RESUME_EARLY
        if
        :: o != 0 && o != me + 1 -> RESUME(me, o)
        :: else
        fi;
#endif
        atomic { come_in() };
        section_reads(me);                                  /* freelist_pop() */
        section_writes(me);                                 /* freelist_push() */
#ifdef M_GRANT_OUTSIDE
        atomic { go_out(); UNLOCK(me, HELD(p)) };
        if
        :: o != me + 1 -> ST(me, OWNER(p), me + 1)
        :: true
        fi;
        o = 0;
#else
        end_of_section(me);                                 /* pool_leave(), pool_end_visit() */
        UNLOCK(me, HELD(p));                                /* pool_unlock() */
#endif
done:   p = 0
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
