/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.h: what a report is about: processes and their pools, as numbers. Which of the pools are
 * shown, in which order, and how fast they turn over.
 */
#ifndef MEMPOOLSTAT_MODEL_H
#define MEMPOOLSTAT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "absent.h"
#include "fields.h"
#include "pages.h"
#include "request.h"

/* An optional number that the document does not have. */
#define MODEL_ABSENT (-1)

/* The name comes first in each kind of entry. */
struct pool {
    const char *name; /* the process's, as all strings */
    int64_t block_size, num_blocks, num_free, min_free;
    int64_t num_cached, gets, puts, failed; /* MODEL_ABSENT or a count */
    int64_t adjust, refused, failed_time, min_time;
    int64_t id, registered_time; /* of the registration, or MODEL_ABSENT */
    int64_t faults;              /* damage and misuse that were found */
    const char *debug;           /* the debug words that are on, or NULL */
    bool stale;                  /* the numbers changed while they were read */
    double get_rate;             /* per second; negative: not known */
    double put_rate;             /* likewise */
    double fail_rate;            /* likewise */
    size_t index;                /* place in the document */
    struct span text;            /* what the document says of it */
    struct history *history;     /* of a full screen, or NULL; owned */
};

/* One process, at one moment. */
struct process {
    enum document_kind kind;
    struct pages strings; /* all that the document has */
    char *served;         /* the document byte by byte, and that of entries that were added to it;
                           * NULL: not kept */
    size_t n_served;      /* without those */
    struct span list;     /* what is between the brackets of the entries */
    bool cut;             /* some entries are left out, or added */
    char *origin;         /* path that it came from; NULL: there is no process */
    char *user;           /* who runs the process, or NULL */
    const char *program, *version, *locking; /* or NULL */
    int64_t pid, start_time, time;           /* times: microseconds since 1970 or MODEL_ABSENT */
    int64_t received_ns;                     /* of the monotonic clock */
    pid_t peer_pid;                          /* who answered, by our counting; 0: not known */
    gid_t peer_gid;
    uid_t peer_uid;     /* likewise, where peer_pid is known */
    bool from_socket;   /* somebody answered; else it was read from a file */
    bool verified;      /* who answered has the number that it names, in its pid namespace */
    bool own_number;    /* and in ours */
    struct pool *pools; /* also DOCUMENT_RESET */
    size_t n_pools;
    struct pool **rows; /* the pools to show, in order; behind them those beyond max_rows */
    size_t n_rows, n_chosen;
    bool whole;               /* rows is every pool, in the order of the document */
    struct holding *holdings; /* DOCUMENT_HOLDERS */
    size_t n_holdings;
    struct check *checks; /* DOCUMENT_CHECKS */
    size_t n_checks;
    bool late;             /* it did not answer in time: this is what it said before */
    size_t n_more_reports; /* that have it, too */
};

/* A socket that could not be read though somebody listens there. */
struct unread {
    char *path;
    int64_t pid; /* who listens; MODEL_ABSENT: not known */
    uid_t user;  /* whose socket it is */
};

/* Free blocks in percent of a pool's blocks; 0: no limit. */
struct limits {
    double warn_free, crit_free;
};

/* The processes that a report shows, and behind them those kept for the next report's rates. */
struct report {
    struct process **processes;
    size_t n_shown, n_processes;
    struct unread *unread; /* of each user the first ones */
    size_t n_unread;
    size_t n_missed;      /* with those that are not among them */
    long number;          /* 0 for the first of a run */
    bool repeats;         /* it is one of several */
    struct limits limits; /* below which free blocks are few */
    struct absent_list absent;
};

/* A value to sort by; doubles hold counts up to 2^53 exactly, which is enough for an order. */
struct sort_key {
    const char *name;
    bool largest_first;
    double (*value)(const struct pool *pool); /* NULL: by name */
};

struct choice {
    char *const *globs; /* none: every pool */
    size_t n_globs;
    bool *matched;              /* one per glob: it has matched a pool; set, never cleared */
    const struct sort_key *key; /* NULL: order of the document */
    bool reverse;
    size_t max_rows; /* per process; 0: no limit */
};

/** The key at a place from 0 on, or NULL behind the last. */
const struct sort_key *sort_key_at(size_t place);

/** The key of that name, or NULL. */
const struct sort_key *sort_key_find(const char *name);

/** Used blocks of a pool. */
int64_t pool_used(const struct pool *pool);

/** Bytes of all blocks of a pool, in use or free, as far as the product fits. */
int64_t pool_bytes(const struct pool *pool);

/** The sum of two counts, as far as it fits; MODEL_ABSENT if one of them is. */
int64_t count_add(int64_t a, int64_t b);

/** A pool without blocks, to which others are added. */
struct pool pool_zero(void);

/** Whether a pool of that name is chosen; notes which globs match it. */
bool choice_admits(const struct choice *choice, const char *name);

/** Fills rows with what the choice leaves of the pools, in its order. */
void process_select(struct process *process, const struct choice *choice);

/** Adds up what has a sum. What is not known of one pool is not known of the sum. */
void pool_add(struct pool *sum, const struct pool *pool);

/** The order of two pools by a key: below, equal to or above 0. */
int pool_order(const struct pool *a, const struct pool *b, const struct sort_key *key);

/** Adds the chosen pools to a sum. */
void process_add_up(const struct process *process, struct pool *sum);

/** Rates of a pool over the time since an earlier row; without one it is new, and began at 0. */
void pool_rate(struct pool *pool, const struct pool *earlier, double seconds);

/** Takes a pool and the same pool earlier: NULL if it is new, or gone. */
typedef void match_fn(struct pool *pool, struct pool *earlier, void *arg);

/**
 * Finds each pool of one document in an earlier one, and what is gone since then: by its id in two
 * documents of one process; else, and where a library tells none, by its name and, of several that
 * have it, the order.
 */
void process_match(const struct process *process, const struct process *earlier, match_fn *match,
                   void *arg);

/** Rates on average since the process started. */
void process_rate_since_start(struct process *process);

/** Rates since an earlier document of the same process. */
void process_rate_since(struct process *process, const struct process *earlier);

/** Whether both documents are of one process. Of those that nobody has verified, the socket tells.
 */
bool process_is_same(const struct process *a, const struct process *b);

/** Frees what was read from the document, but not the document. */
void process_free_entries(struct process *process);

/** Frees all that a process has, but not the process. */
void process_free_all(struct process *process);

/** NULL is allowed, and one that another report has stays. */
void process_free(struct process *process);

/** Adds a process to those shown. None may have been kept yet. */
void report_show(struct report *report, struct process *process);

/** Adds a process, not shown. */
void report_keep(struct report *report, struct process *process);

/** Has a process of another report, too, not shown. */
void report_share(struct report *report, struct process *process);

/** Notes that a socket could not be read. Returns false if it is only counted: its user has many.
 */
bool report_miss(struct report *report, const struct unread *unread);

/** Whether the report has noted that. */
bool report_misses(const struct report *report, const char *path);

/** Chooses the rows of every process; where there are POOL-GLOBs, one without rows is not shown. */
void report_select(struct report *report, const struct choice *choice);

/** The document of the same process in a report, or NULL. */
struct process *report_find(const struct report *report, const struct process *process);

/** Frees all of it, and leaves an empty report. */
void report_clear(struct report *report);

#endif
