/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caches.pml: threads keep free blocks of a pool in caches, and none is stranded.
 *
 * T threads, BLOCKS blocks (one bit each), caches of DEPTH blocks, batches of BATCH. Each thread
 * for ever gets a block, puts any block that any caller holds (so blocks are handed over), or
 * visits the pool. A block lies on the pool's list or in its depot (both used under the lock only),
 * in a thread's cache, with callers (out), or in hand: chosen by a get that has not returned, or
 * given to a put that has not stored it. A cache is one word, the set of its blocks, for `counts`
 * and the array. OPEN stands for open_tp. Whether a flush goes to the depot or to the list is a
 * free choice.
 *
 * A closed cache may open, and a visit may leave caches closed, by free choice: so every rule for
 * opening is covered. With -DAS_BUILT a cache opens only by the library's least number of blocks.
 *
 *   -DBULK   gets are of one or two blocks
 *   -DHOLD   block 1 is out for ever
 *   -DFORK   thread 0 also forks, for ever, and uses the pool in between as fork handlers may
 *   -DSHOW_OPEN  asserts that no cache that was claimed ever opens: must be violated
 *   -DLIST_MIN=n the list keeps n blocks while a cache is open
 *
 * Promised: no block is in two hands; a get fails only if too few blocks are free at that instant;
 * while caches are paused all free blocks are on the list; at rest no block is lost or doubled, and
 * closed caches are empty; at the moment of a fork all caches are closed and empty; what is on the
 * list is at each moment the lesser of the free blocks and LIST_MIN, or more.
 *
 * Mutants: see README.md.
 */
#ifndef T
#define T 2
#endif
#ifndef BLOCKS
#define BLOCKS 2
#endif
#ifndef DEPTH
#define DEPTH 1
#endif
#ifndef BATCH
#define BATCH 1
#endif
#define LOCKED  1
#define OPEN(t) (2 + (t))
#define BUSY(t) (2 + T + (t))
#define CACHE(t) (2 + 2 * T + (t))
#define LOCATIONS (2 + 3 * T)
#include "store_buffers.pml"

#define ALL      ((1 << BLOCKS) - 1)
#define COUNT(m) (((m) & 1) + (((m) >> 1) & 1) + (((m) >> 2) & 1))
#define FIRST(m) ((m) & (-(m)))
#define ON_LIST  (COUNT(list) + COUNT(depot)) /* mp_num_free */
#ifdef LIST_MIN
#define SPARE    (ON_LIST > LIST_MIN -> ON_LIST - LIST_MIN : 0)
#define SUFFICES (ON_LIST >= LIST_MIN)
#define FEEDS(n) (2 * ON_LIST >= BLOCKS && SPARE >= (n))
#else
#define SPARE    ON_LIST
#define SUFFICES true
#define FEEDS(n) true
#endif
#ifdef M_REFILL_ALL
#define REFILLS true
#else
#define REFILLS (SPARE > 0)
#endif
#ifdef HOLD
#define KEPT 1
#else
#define KEPT 0
#endif

byte list = ALL - KEPT, out = KEPT;
byte depot;   /* of pointers, between list and caches; used under the lock */
byte hand[T];
byte n_open;
byte paused;  /* the set of caches that are; used under the lock */
byte n_calls; /* under way */
#ifdef FORK
bit frozen;   /* the gate; used under the lock */
bit freeze;
#endif
#ifdef SHOW_OPEN
bit claimed;
#endif
#if T == 2
#define IN_HANDS  (out | hand[0] | hand[1])
#define AT_REST   (n_calls == 0 && EMPTY(0) && EMPTY(1))
#define IN_OPEN   (mem[OPEN(0)] + mem[OPEN(1)])
#define IN_CACHES (mem[CACHE(0)] | mem[CACHE(1)])
#define N_CACHED  (COUNT(mem[CACHE(0)]) + COUNT(mem[CACHE(1)]))
#define IN_CLOSED ((mem[OPEN(0)] -> 0 : mem[CACHE(0)]) | (mem[OPEN(1)] -> 0 : mem[CACHE(1)]))
#else
#define IN_HANDS  (out | hand[0] | hand[1] | hand[2])
#define AT_REST   (n_calls == 0 && EMPTY(0) && EMPTY(1) && EMPTY(2))
#define IN_OPEN   (mem[OPEN(0)] + mem[OPEN(1)] + mem[OPEN(2)])
#define IN_CACHES (mem[CACHE(0)] | mem[CACHE(1)] | mem[CACHE(2)])
#define N_CACHED  (COUNT(mem[CACHE(0)]) + COUNT(mem[CACHE(1)]) + COUNT(mem[CACHE(2)]))
#define IN_CLOSED ((mem[OPEN(0)] -> 0 : mem[CACHE(0)]) | (mem[OPEN(1)] -> 0 : mem[CACHE(1)]) | \
                   (mem[OPEN(2)] -> 0 : mem[CACHE(2)]))
#endif

#if defined(FORK) && !defined(M_RESUME_FROZEN)
#define GATE_OPEN (!frozen)
#else
#define GATE_OPEN true
#endif
#if defined(FORK) && !defined(M_OPEN_FROZEN)
#define MAY_OPEN (!frozen)
#else
#define MAY_OPEN true
#endif

#ifdef BULK
#define WANTED wanted
#else
#define WANTED 1
#endif

#ifdef M_LEAVE_RELAXED
#define LEAVE(me) ST(me, BUSY(me), 0)
#else
#define LEAVE(me) STR(me, BUSY(me), 0)
#endif
#ifdef M_RESUME_RELAXED
#define RESUME(me, u) ST(me, OPEN(u), 1)
#else
#define RESUME(me, u) STR(me, OPEN(u), 1)
#endif

/* Moves WANTED blocks from c to the caller's hand: hands are looked at in the same instant. */
inline take()
{
    d_step {
        b = FIRST(c);
        if
        :: WANTED == 2 -> b = b | FIRST((c - b))
        :: else
        fi;
        assert(!(IN_HANDS & b));
        hand[me] = b;
        c = c - b
    }
}

/* Under the lock. Opens the caller's cache, who will take so many of the list, or not. */
inline count_up(me, taken)
{
    if
#ifdef M_FIXED_THRESHOLD
    :: COUNT(list) + COUNT(depot) >= DEPTH ->
#else
    :: (list | depot) != 0 && MAY_OPEN && FEEDS(taken) ->
#endif
#ifdef SHOW_OPEN
        assert(!claimed);
#endif
        n_open++;
        ST(me, OPEN(me), 1)                             /* cache_open() */
#ifdef AS_BUILT
    :: else
#else
    :: true                                             /* cache_count(): not yet */
#endif
    fi
}

/* Under the lock. Closes all open caches. */
inline stop(me)
{
    atomic {
        u = 0;
        do
        :: u < T ->
            if
            :: LD(me, OPEN(u)) ->
                paused = paused | (1 << u);
                n_open--;
                ST(me, OPEN(u), 0)                      /* cache_stop() */
            :: else
            fi;
            u++
        :: else -> u = 0; break
        od;
        assert(n_open == 0)
    }
}

inline collect_one(me)
{
    c = LD(me, CACHE(u));
    assert(!((list | depot) & c));
    atomic { !FULL(me) -> list = list | c; c = 0; ST(me, CACHE(u), 0) } /* cache_flush() */
}

/* Under the lock. */
inline spill()
{
    atomic { assert(!(list & depot)); list = list | depot; depot = 0 } /* cache_spill() */
}

/* Under the lock: the first n blocks of c go. */
inline drop(n)
{
    atomic {
        b0 = FIRST(c);
        if
        :: n == 2 -> b0 = b0 | FIRST((c - b0))
        :: else
        fi;
        assert(!((list | depot) & b0));
        if
        :: depot = depot | b0
        :: list = list | b0
        fi;
        c = c - b0;
        b0 = 0
    }
}

/* Under the lock, after a barrier. */
inline collect(me)
{
    do
    :: u < T ->
        if
        :: paused & (1 << u) ->
#ifdef M_COLLECT_FIRST
            collect_one(me);
            LD(me, BUSY(u)) == 0
#else
#ifndef M_NO_WAIT
            WAIT(me, LD(me, BUSY(u)) == 0);             /* cache_collect(): sync_wait_while() */
#endif
            collect_one(me)
#endif
        :: else
        fi;
        u++
    :: else -> u = 0; break
    od
}

inline pause(me)
{
    if
    :: n_open > 0 ->
        stop(me);                                       /* cache_pause() */
#ifndef M_NO_BARRIER
        MB(me);                                         /* owner_barrier() */
#endif
        collect(me)                                     /* cache_pause() */
    :: else
    fi
}

/* Under the lock. Opens again what a pause closed, of any thread; or none, if the barrier fails. */
inline resume(me)
{
    do
    :: u < T ->
        if
#ifdef M_RESUME_DRAINED
        :: paused & (1 << u) ->
#else
        :: paused & (1 << u) && SUFFICES ->             /* cache_list_suffices() */
#endif
            n_open++;
            RESUME(me, u)                               /* cache_end_pause() */
        :: paused & (1 << u)                            /* owner_is_allowed(): not any more */
        :: else
        fi;
        u++
    :: else -> u = 0; paused = 0; break
    od
}

/* Takes the lock and passes the gate, or waits there. */
inline lock_pool(me)
{
    LOCK(me, LOCKED);                                   /* pool_lock() */
#if defined(FORK) && !defined(M_NO_FLAG)
    do
    :: frozen && !forking ->
        UNLOCK(me, LOCKED);                             /* pool_enter_gated() */
        freeze == 0;                                    /* freeze_wait() */
        LOCK(me, LOCKED)                                /* pool_enter_gated() */
    :: else -> break
    od
#endif
}

inline get(me)
{
    if
    :: LD(me, OPEN(me)) ->                              /* cache_enter(): the first look */
        ST(me, BUSY(me), 1);                            /* cache_enter(): the store of the pair */
        if
#ifdef M_NO_SECOND_LOOK
        :: true ->
#else
        :: LD(me, OPEN(me)) ->                          /* cache_enter(): the second look */
#endif
            c = LD(me, CACHE(me));
            if
            :: COUNT(c) >= WANTED ->
                take();
#ifdef M_LEAVE_EARLY
                LEAVE(me);
                ST(me, CACHE(me), c);
#else
                ST(me, CACHE(me), c);                   /* cache_pop(), cache_pop_all() */
                LEAVE(me);                              /* cache_leave() */
#endif
                goto got
            :: else ->
#ifndef M_LOCK_WHILE_BUSY
                LEAVE(me)                               /* cache_leave() */
#endif
            fi
#ifndef M_NO_SECOND_LOOK
        :: else ->
            LEAVE(me)                                   /* cache_leave() */
#endif
        fi
    :: else
    fi;
    c = 0;
    lock_pool(me);                                      /* pool_enter() */
#ifdef M_LOCK_WHILE_BUSY
    LEAVE(me);
#endif
#ifdef M_STALE_OPEN
    mine = 1;
#else
    mine = LD(me, OPEN(me));                            /* cache_mine() */
#endif
    c = (mine -> LD(me, CACHE(me)) : 0);                /* cache_with_blocks() */
    if
#ifdef M_TAKE_FROM_MINIMUM
    :: ON_LIST + COUNT(c) < WANTED && n_open > 0 ->
#else
    :: SPARE + COUNT(c) < WANTED && n_open > 0 ->
#endif
        c = 0;
#ifdef M_CLOSED_FAILS
        if
        :: LD(me, OPEN(me)) == 0 -> goto none
        :: else
        fi;
#endif
        mine = 0;
        pause(me);                                      /* cache_claim(), cache_pause() */
        spill();                                        /* cache_pause() */
        paused = 0                                      /* cache_end_pause() */
#ifdef SHOW_OPEN
        ; claimed = 1
#endif
    :: else
    fi;
    if
    :: !mine ->
        c = 0;
#ifdef M_OPEN_AND_TAKE
        count_up(me, 0)
#else
        count_up(me, WANTED)                            /* cache_count() */
#endif
    :: mine && COUNT(c) < WANTED ->
        d_step {
            do
            :: n < BATCH && COUNT(c) < DEPTH && REFILLS && depot != 0 ->
                c = c | FIRST(depot);
                depot = depot - FIRST(depot);
                n++
            :: n < BATCH && COUNT(c) < DEPTH && REFILLS && depot == 0 && list != 0 ->
                c = c | FIRST(list);
                list = list - FIRST(list);
                n++
            :: else -> n = 0; break
            od
        };
#ifdef M_BATCH_OUTSIDE
        if
        :: COUNT(c) >= WANTED -> take()
        :: else
        fi;
        UNLOCK(me, LOCKED);
        ST(me, CACHE(me), c);
        if
        :: b != 0 -> goto got
        :: else -> goto got
        fi
#else
        ST(me, CACHE(me), c)                            /* cache_refill() */
#endif
    :: else
    fi;
    if
    :: mine && COUNT(c) >= WANTED ->
        take();
        ST(me, CACHE(me), c);                           /* cache_pop(), cache_pop_all() */
        UNLOCK(me, LOCKED);                             /* pool_leave() */
        goto got
    :: mine && COUNT(c) < WANTED ->
#ifdef BULK
        drop(COUNT(c));
        ST(me, CACHE(me), c)                            /* cache_get_bulk_locked(): cache_flush() */
#else
        skip
#endif
    :: else
    fi;
    spill();                                            /* cache_get_locked() */
    if
    :: COUNT(list) >= WANTED ->
        atomic { c = list; take(); list = c; c = 0 };   /* freelist_pop(), freelist_pop_all() */
        UNLOCK(me, LOCKED)                              /* pool_leave() */
    :: else ->
none:   assert(BLOCKS - COUNT(IN_HANDS) < WANTED);      /* counts_fail() */
        UNLOCK(me, LOCKED)                              /* pool_leave() */
    fi;
got:
    atomic { out = out | hand[me]; hand[me] = 0; b = 0; c = 0; mine = 0 }
}

/* The caller's hand is empty once its block is stored. */
inline keep()
{
    assert(!(c & b));
    c = c | b;
    hand[me] = 0;
    b = 0
}

inline put(me)
{
    if
    :: LD(me, OPEN(me)) ->                              /* cache_enter(): the first look */
        ST(me, BUSY(me), 1);                            /* cache_enter(): the store of the pair */
        if
#ifdef M_NO_SECOND_LOOK
        :: true ->
#else
        :: LD(me, OPEN(me)) ->                          /* cache_enter(): the second look */
#endif
            c = LD(me, CACHE(me));
            if
            :: COUNT(c) < DEPTH ->
#ifdef M_LEAVE_EARLY
                LEAVE(me);
                atomic { !FULL(me) -> keep(); ST(me, CACHE(me), c) };
#else
                atomic { !FULL(me) -> keep(); ST(me, CACHE(me), c) }; /* cache_push() */
                LEAVE(me);                              /* cache_leave() */
#endif
                goto stored
            :: else ->
#ifndef M_LOCK_WHILE_BUSY
                LEAVE(me)                               /* cache_leave() */
#endif
            fi
#ifndef M_NO_SECOND_LOOK
        :: else ->
            LEAVE(me)                                   /* cache_leave() */
#endif
        fi
    :: else
    fi;
    c = 0;
    lock_pool(me);                                      /* pool_enter() */
#ifdef M_LOCK_WHILE_BUSY
    LEAVE(me);
#endif
    if
#ifdef M_STALE_OPEN
    :: true ->
#else
    :: LD(me, OPEN(me)) ->                              /* cache_mine() */
#endif
        c = LD(me, CACHE(me));                          /* cache_with_room() */
        if
        :: COUNT(c) >= DEPTH -> drop(BATCH)             /* cache_flush() */
        :: else
        fi;
        atomic { !FULL(me) -> keep(); ST(me, CACHE(me), c) } /* cache_flush(), cache_push() */
    :: else ->
        count_up(me, 0);                                /* cache_count() */
        atomic { c = list; keep(); list = c; c = 0 }    /* freelist_push() */
    fi;
    UNLOCK(me, LOCKED);                                 /* pool_leave() */
stored:
    c = 0
}

/* clear, is_sane, and a put that must know whether its block is free. */
inline visit(me)
{
    lock_pool(me);                                      /* pool_visit() */
    pause(me);                                          /* cache_pause() */
    spill();                                            /* cache_pause() */
    assert((list | IN_HANDS) == ALL && !(list & IN_HANDS)); /* freelist_inspect(), freelist_has() */
    if
    :: GATE_OPEN -> resume(me)                          /* cache_resume() */
    :: else                                             /* cache_resume(): the fork will */
    fi;
    UNLOCK(me, LOCKED)                                  /* pool_end_visit() */
}

#ifdef FORK
inline prepare(me)
{
    freeze = 1;                                         /* freeze_begin() */
    forking = 1;
    LOCK(me, LOCKED);                                   /* fork_freeze() */
    if
    :: n_open > 0 -> stop(me)                           /* fork_freeze(): cache_stop() */
    :: else
    fi;
#ifdef M_LATE_FLAG
    n = paused;
    UNLOCK(me, LOCKED);
    frozen = 1;
#else
    frozen = 1;
    n = paused;
    UNLOCK(me, LOCKED);                                 /* fork_freeze() */
#endif
    if
    :: n != 0 ->
        n = 0;
#ifndef M_NO_BARRIER
        MB(me);                                         /* fork_prepare(): owner_barrier() */
#endif
        LOCK(me, LOCKED);                               /* fork_wait() */
        collect(me);                                    /* fork_wait(): cache_collect() */
        spill();                                        /* cache_collect() */
        UNLOCK(me, LOCKED)                              /* fork_wait() */
    :: else
    fi
}

/*
 * A child has this memory and the thread that forks; what others have in hand is out for ever. What
 * is in the depot it puts on the list itself (cache_disown()).
 */
inline the_fork()
{
    atomic {
        EMPTY(me) ->
        assert((list | depot | IN_HANDS) == ALL && !((list | depot) & IN_HANDS));
        assert(IN_CACHES == 0 && IN_OPEN == 0)
    }
}

inline thaw(me)
{
    LOCK(me, LOCKED);                                   /* fork_thaw() */
    frozen = 0;
    resume(me);                                         /* fork_thaw(): cache_resume() */
    UNLOCK(me, LOCKED);                                 /* fork_thaw() */
    forking = 0;
    freeze = 0                                          /* freeze_end() */
}
#endif

proctype Thread(byte me)
{
    byte b, c, u, n, b0;
    bit mine;
#ifdef BULK
    byte wanted;
#endif
#ifdef FORK
    bit forking;
#endif

    do
    ::  atomic {
            n_calls++;
#ifdef BULK
            if
            :: wanted = 1
            :: wanted = 2
            fi
#endif
        };
        get(me);
#ifdef BULK
        wanted = 0;
#endif
        n_calls--
    ::  atomic {
            (out & ~KEPT) != 0 ->
            n_calls++;
            if
            :: out & ~KEPT & 1 -> b = 1
            :: out & ~KEPT & 2 -> b = 2
            :: out & ~KEPT & 4 -> b = 4
            fi;
            out = out - b;
            hand[me] = b
        };
        put(me);
        n_calls--
    ::  n_calls++;
        visit(me);
        n_calls--
#ifdef FORK
    ::  atomic { me == 0 && !forking -> n_calls++ };
        prepare(me);                                    /* fork_prepare() */
        n_calls--
    ::  forking ->
        the_fork();
        thaw(me)                                        /* fork_parent() */
#endif
    od
}

active proctype Rest()
{
end:
    do
    ::  atomic {
            AT_REST ->
            assert((list | depot | out | IN_CACHES) == ALL);
            assert(COUNT(list) + COUNT(depot) + COUNT(out) + N_CACHED == BLOCKS);
            assert(IN_CLOSED == 0)
        }
    od
}

#ifdef LIST_MIN
active proctype Reader()
{
end:
    do
    :: assert(SUFFICES || ON_LIST >= BLOCKS - COUNT(IN_HANDS))
    od
}
#endif

init {
    atomic {
        run Thread(0);
        run Thread(1);
#if T > 2
        run Thread(2)
#endif
    }
}
