/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_buffers.pml: threads whose stores reach memory late.
 *
 * Included by the models, which define T, the number of threads (2 or 3), and LOCATIONS first.
 *
 * mem[a] is what has reached memory; places begin at 1. Each thread has a buffer of B stores
 * (default 3), which the process Drain empties, oldest first, at any moment. A load sees the
 * thread's own newest store to the place, else memory. A store waits while the buffer is full; as
 * Drain always goes on, that adds no deadlock.
 *
 *   LD(t, a)        the value that thread t loads
 *   ST(t, a, v)     a store
 *   STR(t, a, v)    a store with release; not the same with -DPSO
 *   MB(t)           membarrier: the caller's buffer is emptied, then that of each other thread, one
 *                   at a time, in any order; the others run in between, as the call is no instant
 *   LOCK(t, a)      takes the lock in place a, an atomic read-modify-write: it empties the buffer
 *   UNLOCK(t, a)    gives it: a mutex, with such an instruction, too; with -DSPINLOCK a store with
 *                   release, which waits in the buffer like any other
 *
 * -DPSO: stores to different places may leave the buffer in any order; one with release only after
 * all older ones. This is one step from x86 towards the machines of ARM and POWER. Loads are in
 * order in either case.
 *
 * -DLIVE: for "whoever waits for a thread's section gets on": a process per buffer, so that weak
 * fairness (pan -a -f) reaches each, and a claim about thread 0.
 *
 * Places of arrays that are not used are 0, so that equal states are equal.
 */
#ifndef B
#define B 3
#endif
#define RELEASE 64
#define AT(t, i) ((t) * B + (i))

byte mem[LOCATIONS];
byte buffer_place[T * B], buffer_value[T * B];

#ifdef PSO
#define PLACE(t, i) (buffer_place[AT(t, i)] & (RELEASE - 1))
#else
#define PLACE(t, i) (buffer_place[AT(t, i)])
#endif
#define VALUE(t, i) (buffer_value[AT(t, i)])
#define EMPTY(t)    (buffer_place[AT(t, 0)] == 0)
#define FULL(t)     (buffer_place[AT(t, B - 1)] != 0)

#define LD_0(t, a)  (PLACE(t, 0) == (a) -> VALUE(t, 0) : mem[a])
#define LD_1(t, a)  (PLACE(t, 1) == (a) -> VALUE(t, 1) : LD_0(t, a))
#if B == 2
#define LD(t, a)    LD_1(t, a)
#else
#define LD(t, a)    (PLACE(t, 2) == (a) -> VALUE(t, 2) : LD_1(t, a))
#endif

inline append(t, i, a, v)
{
    buffer_place[AT(t, i)] = a;
    buffer_value[AT(t, i)] = v
}

inline push(t, a, v)
{
    if
    :: buffer_place[AT(t, 0)] == 0 -> append(t, 0, a, v)
    :: else ->
        if
        :: buffer_place[AT(t, 1)] == 0 -> append(t, 1, a, v)
#if B > 2
        :: else -> append(t, 2, a, v)
#endif
        fi
    fi
}

inline ST(t, a, v)
{
    atomic { !FULL(t) -> d_step { push(t, (a), (v)) } }
}

#ifdef PSO
inline STR(t, a, v)
{
    atomic { !FULL(t) -> d_step { push(t, (a) + RELEASE, (v)) } }
}
#else
inline STR(t, a, v)
{
    ST(t, a, v)
}
#endif

/* Store i goes to memory; the younger ones move up. */
inline drain(t, i)
{
    mem[PLACE(t, i)] = VALUE(t, i);
    if
    :: i <= 0 -> append(t, 0, buffer_place[AT(t, 1)], VALUE(t, 1))
    :: else
    fi;
#if B > 2
    if
    :: i <= 1 -> append(t, 1, buffer_place[AT(t, 2)], VALUE(t, 2))
    :: else
    fi;
#endif
    append(t, B - 1, 0, 0)
}

inline FLUSH(t)
{
    d_step { do :: !EMPTY(t) -> drain(t, 0) :: else -> break od }
}

inline MB(t)
{
    FLUSH(t);
#ifdef M_LOCAL_FENCE
    skip
#elif T == 2
    FLUSH((1 - t))
#else
    if
    :: FLUSH(((t + 1) % 3)); FLUSH(((t + 2) % 3))
    :: FLUSH(((t + 2) % 3)); FLUSH(((t + 1) % 3))
    fi
#endif
}

/* Drain empties the buffer before. */
inline LOCK(t, a)
{
    atomic { mem[a] == 0 && EMPTY(t) -> mem[a] = 1 }
}

#ifdef SPINLOCK
inline UNLOCK(t, a)
{
    STR(t, a, 0)
}
#else
inline UNLOCK(t, a)
{
    d_step { do :: !EMPTY(t) -> drain(t, 0) :: else -> break od; mem[a] = 0 }
}
#endif

#ifdef LIVE
bit waits;
#define WAIT(t, condition) \
    if :: t == 0 -> waits = 1 :: else fi; condition; if :: t == 0 -> waits = 0 :: else fi

/* Declared first, so that _pid is 0 to T - 1. */
active [T] proctype DrainOne()
{
end:
    do
    :: d_step { !EMPTY(_pid) -> drain(_pid, 0) }
    od
}

ltl waiting_ends { [] (waits -> <> !waits) }
#else
#define WAIT(t, condition) condition

#ifdef PSO
#define MAY_PASS(t, i) \
    (buffer_place[AT(t, i)] != 0 && buffer_place[AT(t, i)] < RELEASE && PLACE(t, i) != PLACE(t, 0))
#endif

active proctype Drain()
{
end:
    do
    :: d_step { !EMPTY(0) -> drain(0, 0) }
    :: d_step { !EMPTY(1) -> drain(1, 0) }
#if T > 2
    :: d_step { !EMPTY(2) -> drain(2, 0) }
#endif
#ifdef PSO
    :: d_step { MAY_PASS(0, 1) -> drain(0, 1) }
    :: d_step { MAY_PASS(1, 1) -> drain(1, 1) }
#if T > 2
    :: d_step { MAY_PASS(2, 1) -> drain(2, 1) }
#endif
#if B > 2
    :: d_step { MAY_PASS(0, 2) && PLACE(0, 2) != PLACE(0, 1) -> drain(0, 2) }
    :: d_step { MAY_PASS(1, 2) && PLACE(1, 2) != PLACE(1, 1) -> drain(1, 2) }
#if T > 2
    :: d_step { MAY_PASS(2, 2) && PLACE(2, 2) != PLACE(2, 1) -> drain(2, 2) }
#endif
#endif
#endif
    od
}
#endif
