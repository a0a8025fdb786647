/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ends.pml: threads end, and pools change: who had what, and who inherits nothing.
 *
 * T slots. A slot is a thread pointer: thread after thread lives in it, all with the thread pointer
 * slot + 1, as a C library uses the memory of threads again. T records {busy, tp} and T caches
 * {tp, busy, open_tp, blocks; thread: the record}, of which a thread takes any free one, so they pass
 * between slots. One pool with one list, which is in buffered memory, as an owner writes it without
 * the lock. Threads find their record by owner and tp, and their cache by tp, as the library does.
 * Getting ownership, opening a cache and ending are free choices.
 *
 *   -DLATE      an ended thread calls in again before it is gone (other libraries' destructors)
 *   -DSETUP     thread 0 also enables and disables the caches and changes their depth
 *   -DREGISTER  thread 0 also unregisters the pool, and registers it again
 *   -DDROP      thread 0 also drops the pool: it works on, and an end leaves it alone. Thread 0 also
 *               makes the pool anew, dropped or not, while nobody is in it. A record's count of
 *               pools may be wrong then, as pools that are forgotten are not asked: so whether an
 *               end looks at the pool at all is a free choice
 *   -DCHILD     and thread 0 forks while the pool is dropped. The model goes on in the child: the
 *               other slot has no thread, until the child makes one with the same thread pointer,
 *               and what was under way there is cut off
 *
 * Promised: as in caches.pml; and each busy word has one thread, a cached pool has no owner, a
 * record that is free is in no pool, and there is nothing in caches of nobody. Of the last two,
 * with DROP: a record that is free bears no thread pointer.
 *
 * Mutants: see README.md.
 */
#ifndef T
#define T 2
#endif
#ifndef BLOCKS
#define BLOCKS 2
#endif
#define DEPTH 1
#define LOCKED    1
#define OWNER     2
#define LIST      3
#define BUSY(r)   (4 + (r))
#define TP(r)     (4 + T + (r))
#define CTP(k)    (4 + 2 * T + (k))
#define CBUSY(k)  (4 + 3 * T + (k))
#define COPEN(k)  (4 + 4 * T + (k))
#define CACHE(k)  (4 + 5 * T + (k))
#define LOCATIONS (4 + 6 * T)
#include "store_buffers.pml"

#define ALL      ((1 << BLOCKS) - 1)
#define COUNT(m) (((m) & 1) + (((m) >> 1) & 1))
#define FIRST(m) ((m) & (-(m)))

byte out, hand[T];
byte n_calls; /* gets and puts under way */
byte records_free = (1 << T) - 1;
byte holds[T];        /* atomic operations: no buffer */
byte cache_thread[T]; /* record + 1; like the next ones used under a lock only */
byte n_open;
bit cached = 1;
bit registry;
byte using_record[T], using_cache[T]; /* how many threads use these busy words now */
#ifdef REGISTER
bit still;            /* nobody may get or put just now */
bit registered = 1;
#define MAY_CALL   (!still)
#define REGISTERED registered
#else
#define MAY_CALL   true
#define REGISTERED true
#endif
#ifdef DROP
bit dropped;
#define LISTED (REGISTERED && !dropped)
#else
#define LISTED REGISTERED
#endif
#ifdef CHILD
#define ORPHAN (T + 1) /* the open_tp that no thread has */
byte lost;             /* to threads that the child does not have */
bit killed;            /* the other slot's thread is none of the child's */
#define LOST lost
/* What others know to be out: a thread passes a block on after its own stores, which come first. */
#define KNOWN (out & ~(mem[LIST] | IN_CACHES))
#else
#define LOST 0
#define KNOWN out
#endif

#if T == 2
#define IN_HANDS  (out | hand[0] | hand[1] | LOST)
#define AT_REST   (n_calls == 0 && EMPTY(0) && EMPTY(1) && mem[LOCKED] == 0)
#define IN_CACHES (mem[CACHE(0)] | mem[CACHE(1)])
#define N_CACHED  (COUNT(mem[CACHE(0)]) + COUNT(mem[CACHE(1)]))
#define FIND_OPEN(me) (LD(me, COPEN(0)) == me + 1 -> 1 : (LD(me, COPEN(1)) == me + 1 -> 2 : 0))
#define FIND(me)  (LD(me, CTP(0)) == me + 1 -> 1 : (LD(me, CTP(1)) == me + 1 -> 2 : 0))
#define NOBODYS(k)  (cache_thread[k] == 0 && (mem[CACHE(k)] != 0 || mem[COPEN(k)] != 0))
#define INHERITS(r) ((records_free & (1 << (r))) && mem[TP(r)] != 0)
#ifdef DROP
#define OF_NOBODY   (INHERITS(0) || INHERITS(1))
#else
#define OF_NOBODY   (NOBODYS(0) || NOBODYS(1) || INHERITS(0) || INHERITS(1))
#endif
#define IN_POOL(r)  (mem[OWNER] == (r) || cache_thread[0] == (r) || cache_thread[1] == (r))
#endif

/* The sections without the lock: each busy word is used by one thread at a time. */
inline busy_set(me, place, users)
{
    atomic {
        !FULL(me) ->
        users++;
        assert(users == 1);
        ST(me, place, 1)                                /* osmp_enter(), cache_enter() */
    }
}

inline busy_clear(me, place, users)
{
    atomic {
        !FULL(me) ->
        users--;
        STR(me, place, 0)                               /* osmp_leave(), cache_leave() */
    }
}

#ifdef DROP
#define HELD(r)          true
#define hold(record)     skip
#define unhold(me, record) skip
#else
#define HELD(r)          (holds[(r) - 1] != 0)
inline hold(record)
{
    holds[record - 1]++
}

inline unhold(me, record)
{
    atomic { EMPTY(me) -> holds[record - 1]-- }         /* thread_unhold() */
}
#endif

inline take(me, place)
{
    atomic {
        b = FIRST(c);
        assert(!(IN_HANDS & b));
        hand[me] = b;
        c = c - b
    };
    ST(me, place, c);                                   /* osmp_pop(), freelist_pop(), cache_get() */
    c = 0
}

inline store(me, place)
{
    atomic {
        !FULL(me) ->
        assert(!(c & b));
        c = c | b;
        ST(me, place, c);                               /* osmp_push(), freelist_push(), cache_put() */
        hand[me] = 0;
        c = 0;
        b = 0
    }
}

/* Under the lock: all caches are closed and their blocks on the list. */
inline pause(me)
{
    atomic {
        n = 0;
        u = 0;
        do
        :: u < T ->
            if
            :: LD(me, COPEN(u)) ->
                n = n | (1 << u);
                n_open--;
                ST(me, COPEN(u), 0)                     /* cache_stop() */
            :: else
            fi;
            u++
        :: else -> u = 0; break
        od;
        assert(n_open == 0)
    };
    if
    :: n != 0 ->
#ifndef M_NO_BARRIER
        MB(me);                                         /* owner_barrier() */
#endif
        do
        :: u < T ->
            if
            :: n & (1 << u) ->
                WAIT(me, LD(me, CBUSY(u)) == 0);        /* sync_wait_while() */
                flush(me)                               /* cache_collect() */
            :: else
            fi;
            u++
        :: else -> u = 0; break
        od
    :: else
    fi;
    n = 0                                               /* cache_end_pause() */
}

/* Under the lock: the blocks of cache u go to the list. */
inline flush(me)
{
    c = LD(me, CACHE(u));
    if
    :: c != 0 ->
        assert(!(LD(me, LIST) & c));
        c = c | LD(me, LIST);
        ST(me, LIST, c);                                /* freelist_link() */
        ST(me, CACHE(u), 0)                             /* cache_flush() */
    :: else
    fi;
    c = 0
}

inline revoke(me)
{
    o = LD(me, OWNER);                                  /* owner_stop() */
    if
    :: o != 0 && LD(me, TP(o - 1)) != me + 1 ->         /* owner_is_me() */
        ST(me, OWNER, 0);                               /* owner_stop() */
#ifndef M_NO_BARRIER
        MB(me);                                         /* owner_barrier() */
#endif
        WAIT(me, LD(me, BUSY(o - 1)) == 0);             /* owner_wait() */
        unhold(me, o)                                   /* owner_revoke() */
    :: else
    fi;
    o = 0
}

/* The caller's record, taken if it has none; none for a thread that is past its end. */
inline record(me)
{
    if
    :: r == 0 && !late ->
        atomic {
            !FULL(me) ->
            if
            :: records_free & 1 -> r = 1
            :: records_free & 2 -> r = 2
            fi;
            records_free = records_free - (1 << (r - 1));
            ST(me, TP(r - 1), me + 1)                   /* thread_get(), thread_take() */
        }
    :: else
    fi
}

/* Under the lock. */
inline open_cache(me)
{
    record(me);
    k = FIND(me);                                       /* cache_table_own() */
    if
    :: k == 0 && r != 0 ->
        if
        :: LD(me, CTP(0)) == 0 -> k = 1                 /* cache_table_spare() */
        :: LD(me, CTP(1)) == 0 -> k = 2                 /* cache_table_spare() */
        fi;
        cache_thread[k - 1] = r;
        hold(r);
        ST(me, CTP(k - 1), me + 1)                      /* cache_table_adopt() */
    :: else
    fi;
    if
    :: k != 0 ->
#ifdef CHILD
        assert(LD(me, COPEN(k - 1)) == ORPHAN ||
               (LD(me, COPEN(k - 1)) == 0 && LD(me, CACHE(k - 1)) == 0));
#else
        assert(LD(me, COPEN(k - 1)) == 0 && LD(me, CACHE(k - 1)) == 0);
#endif
        n_open = n_open + (LD(me, COPEN(k - 1)) == 0);
        ST(me, COPEN(k - 1), me + 1)                    /* cache_open() */
    :: else
    fi;
    k = 0
}

/* Under the lock. */
inline grant(me)
{
    if
    :: LD(me, OWNER) == 0 ->
        record(me);
        if
        :: r != 0 ->
            hold(r);
            STR(me, OWNER, r)                           /* owner_grant() */
        :: else
        fi
    :: else
    fi
}

/* Under the lock of a cached pool: the caller's open cache, with a block or room in it. */
inline own_cache(me)
{
    k = FIND(me);                                       /* cache_mine() */
    if
    :: k != 0 -> k = (LD(me, COPEN(k - 1)) -> k : 0)
    :: else
    fi;
    c = (k != 0 -> LD(me, CACHE(k - 1)) : 0);           /* cache_with_blocks(), cache_with_room() */
    if
    :: !put && c == 0 && LD(me, LIST) == 0 && n_open > 0 ->
        k = 0;
        pause(me)                                       /* cache_claim() */
    :: else
    fi;
    if
    :: k == 0 ->
        if
        :: open_cache(me)                               /* cache_count() */
        :: true                                         /* cache_count(): not yet */
        fi
    :: k != 0 && !put && c == 0 ->
        c = LD(me, LIST);
        atomic { u = FIRST(c); c = c - u };
        ST(me, LIST, c);                                /* freelist_unlink() */
        ST(me, CACHE(k - 1), u);                        /* cache_refill() */
        u = 0
#if BLOCKS > DEPTH
    :: k != 0 && put && COUNT(c) >= DEPTH ->
        u = k - 1;
        flush(me);                                      /* cache_flush() */
        u = 0
#endif
    :: else
    fi;
    c = 0
}

#ifdef DROP
/* Nobody is in the pool, and what others did to it has come to memory. */
inline anew()
{
    dropped = 0;                                        /* registry_renew() */
    mem[LIST] = ALL;                                    /* pool_format() */
    mem[OWNER] = 0;
    out = 0;
#ifdef CHILD
    lost = 0;
#endif
    n_open = 0;
    do
    :: u < T ->
        assert(using_cache[u] == 0);
        cache_thread[u] = 0;                            /* cache_free() */
        mem[CTP(u)] = 0;
        mem[COPEN(u)] = 0;
        mem[CACHE(u)] = 0;
        u++
    :: else -> u = 0; break
    od;
    if
    :: cached = 1                                       /* pool_set_cache() */
    :: cached = 0
    fi
}
#endif

#ifdef CHILD
/* What the other thread stored has come to memory as far as it had by then. */
inline child()
{
    do
    :: !EMPTY(1) -> append(1, 0, 0, 0); append(1, 1, 0, 0); append(1, B - 1, 0, 0)
    :: else -> break
    od;
    hand[1] = 0;
    out = KNOWN;
    lost = ALL - (mem[LIST] | IN_CACHES | out);
    n_calls = 0;
    killed = 1;
    do
    :: u < T ->
        using_record[u] = 0;
#ifndef M_CHILD_KEEPS_RECORD_BUSY
        mem[BUSY(u)] = 0;                               /* thread_fork_child() */
#endif
        if
        :: u + 1 != r ->
#ifndef M_CHILD_KEEPS_TP
            mem[TP(u)] = 0;
#endif
            records_free = records_free | (1 << u)
        :: else
        fi;
        using_cache[u] = 0;
        cache_thread[u] = 0;                            /* cache_disown_dropped() */
#ifndef M_CHILD_KEEPS_BUSY
        mem[CBUSY(u)] = 0;
#endif
#ifdef M_CHILD_CLOSES
        mem[COPEN(u)] = 0;
        n_open = 0;
#else
        mem[COPEN(u)] = (mem[COPEN(u)] != 0 -> ORPHAN : 0);
#endif
#ifndef M_CHILD_KEEPS_CACHE_TP
        mem[CTP(u)] = 0;
#endif
        u++
    :: else -> u = 0; break
    od
}
#endif

/* Once through get or put; labels are the caller's. */
proctype Thread(byte me)
{
    byte b, c, u, n, o, k;
    byte r;                               /* record + 1, 0 for none: thread_own */
    bit put, late;

#ifdef CHILD
life:
    {
#endif
    do
    ::  atomic {
            MAY_CALL ->
            if
            :: put = 0
            :: KNOWN != 0 ->
                put = 1;
                if
                :: KNOWN & 1 -> b = 1
                :: KNOWN & 2 -> b = 2
                fi;
                out = out - b;
                hand[me] = b
            fi;
            n_calls++
        };
        o = LD(me, OWNER);                              /* osmp_enter(): the first look */
        if
        :: o != 0 && LD(me, TP(o - 1)) == me + 1 ->     /* osmp_enter(): mine? */
            busy_set(me, BUSY(o - 1), using_record[o - 1]); /* osmp_enter() */
            if
            :: LD(me, OWNER) == o ->                    /* osmp_enter(): the second look */
                assert(!cached && REGISTERED);
                c = LD(me, LIST);
                if
                :: put -> store(me, LIST)
                :: !put && c != 0 -> take(me, LIST)
                :: else
                fi;
                c = 0;
                busy_clear(me, BUSY(o - 1), using_record[o - 1]); /* osmp_leave() */
                if
                :: put != (b != 0) -> goto done
                :: else
                fi
            :: else ->
                busy_clear(me, BUSY(o - 1), using_record[o - 1]) /* osmp_leave() */
            fi
        :: else
        fi;
        o = 0;
        k = FIND_OPEN(me);                              /* cache_table_home(), cache_table_beside() */
        if
        :: k != 0 ->                                    /* cache_enter(): the first look */
            busy_set(me, CBUSY(k - 1), using_cache[k - 1]); /* cache_enter() */
            if
            :: LD(me, COPEN(k - 1)) == me + 1 ->        /* cache_enter(): the second look */
                c = LD(me, CACHE(k - 1));
                if
                :: put && COUNT(c) < DEPTH -> store(me, CACHE(k - 1))
                :: !put && c != 0 -> take(me, CACHE(k - 1))
                :: else
                fi;
                c = 0;
                busy_clear(me, CBUSY(k - 1), using_cache[k - 1]); /* cache_leave() */
                if
                :: put != (b != 0) -> goto done
                :: else
                fi
            :: else ->
                busy_clear(me, CBUSY(k - 1), using_cache[k - 1]) /* cache_leave() */
            fi
        :: else
        fi;
        k = 0;

        LOCK(me, LOCKED);                               /* pool_enter() */
        if
        :: cached ->
            assert(LD(me, OWNER) == 0);
            own_cache(me)                               /* cache_get_locked(), cache_put_locked() */
        :: else ->
            revoke(me)                                  /* pool_enter(): owner_revoke() */
        fi;
        if
        :: k != 0 ->
            c = LD(me, CACHE(k - 1));
            if
            :: put -> store(me, CACHE(k - 1))           /* cache_push() */
            :: !put -> take(me, CACHE(k - 1))           /* cache_pop() */
            fi
        :: else ->
            c = LD(me, LIST);
            if
            :: put -> store(me, LIST)                   /* freelist_push() */
            :: !put && c != 0 -> take(me, LIST)         /* freelist_pop() */
            :: else -> assert(IN_HANDS == ALL)          /* counts_fail() */
            fi
        fi;
        c = 0;
        k = 0;
        if
        :: !cached && REGISTERED ->
            grant(me)                                   /* owner_count() */
        :: true                                         /* owner_count(): the run goes on */
        fi;
        UNLOCK(me, LOCKED);                             /* pool_leave() */
done:
        atomic {
            if
            :: !put -> out = out | b; hand[me] = 0; b = 0
            :: else
            fi;
            put = 0;
            o = 0;
            k = 0;
            n_calls--
        }
#ifdef SETUP
    ::  me == 0 && LISTED ->
        atomic { registry == 0 -> registry = 1 };       /* registry_enter() */
        LOCK(me, LOCKED);                               /* pool_try_set_cache() */
        if
        :: cached ->
#ifndef M_DISABLE_WITHOUT_CLAIM
            pause(me);                                  /* cache_disable(), cache_enable() */
#endif
            if
            :: cached = 0                               /* cache_disable() */
            :: true                                     /* cache_enable(): another depth */
            fi
        :: else ->
#ifndef M_ENABLE_WITHOUT_REVOKE
            revoke(me);                                 /* owner_forbid(): owner_revoke() */
            o = LD(me, OWNER);
            if
            :: o != 0 ->
                ST(me, OWNER, 0);                       /* owner_forbid(): owner_give_up() */
                unhold(me, o);
                o = 0
            :: else
            fi;
#endif
            cached = 1                                  /* cache_enable() */
        fi;
        UNLOCK(me, LOCKED);                             /* pool_unlock() */
        registry = 0                                    /* registry_leave() */
#endif
#ifdef REGISTER
    ::  atomic { me == 0 && LISTED && n_calls == 0 && !still -> still = 1 };
        atomic { registry == 0 -> registry = 1 };       /* os_mempool_unregister() */
        LOCK(me, LOCKED);                               /* pool_try_retire(): pool_try_close() */
        if
        :: cached -> pause(me); cached = 0              /* cache_try_close(), cache_retire() */
        :: else
        fi;
        do
        :: u < T ->
            if
            :: cache_thread[u] != 0 ->
                o = cache_thread[u];
                cache_thread[u] = 0;
                assert(LD(me, CACHE(u)) == 0);
                ST(me, CTP(u), 0);                      /* cache_forget_all_threads() */
                unhold(me, o);
                o = 0
            :: else
            fi;
            u++
        :: else -> u = 0; break
        od;
        revoke(me);                                     /* owner_forbid(): owner_revoke() */
        o = LD(me, OWNER);
        if
        :: o != 0 ->
            ST(me, OWNER, 0);                           /* owner_forbid(): owner_give_up() */
            unhold(me, o);
            o = 0
        :: else
        fi;
        registered = 0;                                 /* registry_retire() */
        UNLOCK(me, LOCKED);                             /* pool_unlock() */
        registry = 0;                                   /* registry_leave() */
        atomic { EMPTY(me) -> still = 0 }
    ::  atomic { me == 0 && !registered && n_calls == 0 && out == 0 && EMPTY(0) && EMPTY(1) ->
                 still = 1; assert(mem[LIST] == ALL && mem[OWNER] == 0) };
        atomic { registry == 0 -> registry = 1 };       /* os_mempool_init() */
        if
        :: cached = 1                                   /* pool_set_cache() */
        :: true
        fi;
        registered = 1;                                 /* registry_link() */
        registry = 0;                                   /* registry_leave() */
        still = 0
#endif
#ifdef DROP
    ::  atomic { me == 0 && LISTED && registry == 0 -> dropped = 1 } /* os_mempool_module_init() */
    ::  atomic {
            me == 0 && n_calls == 0 && registry == 0 && EMPTY(0) && EMPTY(1) ->
            anew()                                      /* os_mempool_init() */
        }
#endif
#ifdef CHILD
    ::  atomic {
            me == 0 && dropped && registry == 0 && mem[LOCKED] == 0 && EMPTY(0) -> /* fork_prepare() */
            child();                                    /* fork_child() */
            !killed
        }
#endif
    ::  r != 0 ->
#ifdef M_FREE_FIRST
        ST(me, TP(r - 1), 0);
        atomic { EMPTY(me) -> records_free = records_free | (1 << (r - 1)) };
#endif
        late = 1;                                       /* thread_end() */
        if
        :: HELD(r) ->
            atomic { registry == 0 -> registry = 1 };   /* thread_end_release(): registry_enter() */
            if
            :: LISTED ->
#ifndef M_END_WITHOUT_LOCK
                LOCK(me, LOCKED);                       /* pool_try_forget_thread() */
#endif
                do
                :: u < T ->
                    if
#ifdef M_FORGET_BY_RECORD
                    :: cache_thread[u] == r ->
#else
                    :: LD(me, CTP(u)) == me + 1 ->      /* cache_forget_thread() */
#endif
#ifndef M_KEEP_CACHE
#ifdef M_FLUSH_OWNED
                        if
                        :: LD(me, LIST) != 0 || LD(me, LIST) == 0 ->
                            c = LD(me, LIST) | LD(me, CACHE(u));
                            ST(me, LIST, c);
                            c = 0;
                            ST(me, CACHE(u), 0)
                        fi;
#else
                        if
                        :: cached -> flush(me)          /* cache_forget_thread(): cache_flush() */
                        :: else
                        fi;
#endif
#ifndef M_KEEP_OPEN
                        if
                        :: LD(me, COPEN(u)) ->
                            n_open--;
                            ST(me, COPEN(u), 0)         /* cache_forget_thread() */
                        :: else
                        fi;
#endif
#ifdef M_KEEP_CACHE_TP
                        cache_thread[u] = 0;
#else
                        cache_thread[u] = 0;
                        ST(me, CTP(u), 0);              /* cache_table_set_thread() */
#endif
#endif
                        unhold(me, r)                   /* cache_forget_thread() */
                    :: else
                    fi;
                    u++
                :: else -> u = 0; break
                od;
#ifndef M_KEEP_OWNER
                if
                :: LD(me, OWNER) == r ->
                    ST(me, OWNER, 0);                   /* owner_give_up() */
                    unhold(me, r)
                :: else
                fi;
#endif
#ifndef M_END_WITHOUT_LOCK
                UNLOCK(me, LOCKED)                      /* pool_unlock() */
#endif
            :: else
            fi;
            registry = 0                                /* registry_leave() */
#ifdef DROP
        :: true                                         /* thread_end(): its count is 0 */
#else
        :: else
#endif
        fi;
#ifdef M_FREE_BEFORE_TP
        atomic { EMPTY(me) -> records_free = records_free | (1 << (r - 1)) };
        ST(me, TP(r - 1), 0);
#elif !defined(M_FREE_FIRST)
#ifndef M_KEEP_TP
        ST(me, TP(r - 1), 0);                           /* thread_give() */
#endif
        atomic {
            EMPTY(me) ->
#if !defined(M_LOOK_AT_RESULT_ONLY) && !defined(DROP)
            assert(!IN_POOL(r) && holds[r - 1] == 0);
#endif
            records_free = records_free | (1 << (r - 1)) /* thread_give() */
        };
#endif
        r = 0
#ifndef LATE
        ;
        atomic { EMPTY(me) -> late = 0 }
#else
    ::  atomic { late && r == 0 && EMPTY(me) -> late = 0 }
#endif
    od
#ifdef CHILD
    } unless {
        atomic {
            me == 1 && killed ->
            killed = 0;
            b = 0; c = 0; u = 0; n = 0; o = 0; k = 0; r = 0; put = 0; late = 0;
            goto life
        }
    }
#endif
}

proctype Rest()
{
end:
    do
    ::  atomic {
            AT_REST && registry == 0 ->
            assert((mem[LIST] | out | LOST | IN_CACHES) == ALL);
            assert(COUNT(mem[LIST]) + COUNT(out | LOST) + N_CACHED == BLOCKS);
#ifndef M_LOOK_AT_RESULT_ONLY
            assert(!OF_NOBODY)
#endif
        }
    od
}

init {
    atomic {
        mem[LIST] = ALL;
        run Rest();
        run Thread(0);
        run Thread(1)
    }
}
