/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_repair.c: a damaged free list is made anew, and only free blocks that do not carry their key
 * are lost. Each rule is tried on pools of many kinds, with random damage.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "check/watch.h"
#include "common/box.h"
#include "common/heard.h"
#include "pool/enter.h"
#include "pool/freelist.h"
#include "pool/repair.h"

enum { ROUNDS = 200, SHORT_ROUNDS = 10, WILD_LINK = 0x10001 };

static uint64_t state_of_random = 88172645463325252u;

static uint32_t
below(uint32_t n)
{
    return (uint32_t)(random_next(&state_of_random) % n);
}

/* A pool of which some blocks are out, and what is known of the others. */
struct patient {
    struct box *box;
    struct os_mempool *mp;
    void *out[BOX_BLOCKS];
    uint32_t n_out;
    bool lost[BOX_BLOCKS]; /* free, and without its key */
    uint32_t n_lost;
};

static uint32_t
index_of(const struct patient *patient, const void *block)
{
    return (uint32_t)osmp_index(patient->mp, block);
}

static bool
is_out(const struct patient *patient, const void *block)
{
    for (uint32_t i = 0; i < patient->n_out; i++) {
        if (patient->out[i] == block) {
            return true;
        }
    }
    return false;
}

/* Every byte of a block that is out is its user's, and stays. */
static void
mark_as_used(struct patient *patient)
{
    for (uint32_t i = 0; i < patient->n_out; i++) {
        memset(patient->out[i], 0x41 + (int)i % 50, patient->box->size);
    }
}

static void
expect_used(const struct patient *patient)
{
    for (uint32_t i = 0; i < patient->n_out; i++) {
        const unsigned char *bytes = patient->out[i];

        for (uint32_t at = 0; at < patient->box->size; at++) {
            assert_int_equal(bytes[at], 0x41 + i % 50);
        }
    }
}

/* All blocks go out and some of them come back, in any order. */
static void
shuffle(struct patient *patient, uint32_t n_out)
{
    void *blocks[BOX_BLOCKS];

    assert_int_equal(os_memblock_get_bulk(patient->mp, blocks, BOX_BLOCKS), OS_OK);
    for (uint32_t i = BOX_BLOCKS - 1; i > 0; i--) {
        uint32_t j = below(i + 1);
        void *block = blocks[i];

        blocks[i] = blocks[j];
        blocks[j] = block;
    }
    memcpy(patient->out, blocks, n_out * sizeof(*blocks));
    patient->n_out = n_out;
    for (uint32_t i = n_out; i < BOX_BLOCKS; i++) {
        assert_int_equal(os_memblock_put_from_cb(patient->mp, blocks[i]), OS_OK);
    }
    mark_as_used(patient);
}

static struct patient
patient_of(struct box *box, uint32_t n_out)
{
    struct patient patient = {.box = box, .mp = box->pool};

    shuffle(&patient, n_out);
    n_seen = 0;
    osmempool_set_fault_handler(remember, NULL);
    return patient;
}

/* The pool is whole again, and its blocks are all in. */
static void
discharge(struct patient *patient)
{
    expect_used(patient);
    osmempool_set_fault_handler(NULL, NULL);
    assert_int_equal(os_mempool_clear(patient->mp), OS_OK);
    assert_true(os_mempool_is_sane(patient->mp));
    assert_int_equal(take_all(patient->mp), BOX_BLOCKS);
}

static void
destroy_link(void *block)
{
    const uintptr_t links[] = {0, 3, WILD_LINK, UINTPTR_MAX - 7};

    osmp_words(block)[OSMP_LINK] = links[below(LENGTH(links))];
}

static void
destroy_key(struct patient *patient, void *block)
{
    if (!patient->lost[index_of(patient, block)]) {
        patient->lost[index_of(patient, block)] = true;
        patient->n_lost++;
        *freelist_key_word(patient->mp, block) ^= 0x100;
    }
}

/* All free blocks come to the list, and the links of some are destroyed, and the keys of some. The
 * first one leads nowhere, so that the next get finds it. */
static void
damage(struct patient *patient, uint32_t n_links, uint32_t n_keys)
{
    assert_true(os_mempool_is_sane(patient->mp));
    for (uint32_t i = 0; i < n_links + n_keys; i++) {
        void *block = geometry_block(patient->mp, below(BOX_BLOCKS));

        if (!is_out(patient, block) && i < n_links) {
            destroy_link(block);
        } else if (!is_out(patient, block)) {
            destroy_key(patient, block);
        }
    }
    if (patient->n_out < BOX_BLOCKS) {
        osmp_words(patient->mp->slh_first)[OSMP_LINK] = WILD_LINK;
    }
}

static void
expect_lost(const struct patient *patient)
{
    if (box_is_registered(patient->box)) {
        struct os_mempool_stats st = stats_of(patient->mp);

        assert_int_equal(st.num_free, 0);
        assert_int_equal(st.gets - st.puts + (uint64_t)st.adjust, BOX_BLOCKS);
    }
}

/* Takes out what there is: all free blocks but the lost ones, each once. */
static void
expect_all_but_the_lost(struct patient *patient)
{
    bool seen_before[BOX_BLOCKS] = {false};
    uint32_t n = 0;
    void *block;

    while ((block = os_memblock_get(patient->mp)) != NULL) {
        assert_false(is_out(patient, block) || patient->lost[index_of(patient, block)]);
        assert_false(seen_before[index_of(patient, block)]);
        seen_before[index_of(patient, block)] = true;
        n++;
    }
    assert_int_equal(n, BOX_BLOCKS - patient->n_out - patient->n_lost);
    expect_lost(patient);
}

static bool
has_list_with_keys(const struct box *box)
{
    return box->kind != BOX_ONE_WORD;
}

static void
only_blocks_without_their_key_are_lost(struct box *box)
{
    for (unsigned i = 0; has_list_with_keys(box) && i < rounds_of(ROUNDS, SHORT_ROUNDS); i++) {
        struct patient patient = patient_of(box, below(BOX_BLOCKS));

        damage(&patient, below(5), below(5));
        expect_all_but_the_lost(&patient);
        discharge(&patient);
    }
}

static void
links_alone_lose_nothing(struct box *box)
{
    for (unsigned i = 0; has_list_with_keys(box) && i < rounds_of(ROUNDS, SHORT_ROUNDS); i++) {
        struct patient patient = patient_of(box, below(BOX_BLOCKS));

        damage(&patient, below(BOX_BLOCKS), 0);
        expect_all_but_the_lost(&patient);
        discharge(&patient);
    }
}

static void
a_bulk_get_repairs_too(struct box *box)
{
    for (unsigned i = 0; has_list_with_keys(box) && i < rounds_of(ROUNDS, SHORT_ROUNDS); i++) {
        struct patient patient = patient_of(box, below(BOX_BLOCKS));
        void *blocks[BOX_BLOCKS];
        uint32_t n;

        damage(&patient, below(5), below(5));
        n = BOX_BLOCKS - patient.n_out - patient.n_lost;
        if (patient.n_lost > 0) {
            assert_int_equal(os_memblock_get_bulk(patient.mp, blocks, n + 1), OS_ENOMEM);
        }
        assert_int_equal(os_memblock_get_bulk(patient.mp, blocks, n), OS_OK);
        for (uint32_t j = 0; j < n; j++) {
            assert_false(is_out(&patient, blocks[j]));
            assert_false(patient.lost[index_of(&patient, blocks[j])]);
        }
        assert_null(os_memblock_get(patient.mp));
        expect_lost(&patient);
        discharge(&patient);
    }
}

/* What the first fault of a call tells, whatever came with it. */
static struct osmempool_fault first_heard;
static uint32_t n_heard_of[OSMEMPOOL_FAULT_OVERWRITTEN + 1];
static const void *heard_blocks[FAULTS_MAX];

static void
note_all(const struct osmempool_fault *fault, void *arg)
{
    if (n_seen == 0) {
        first_heard = *fault;
    }
    if (n_seen < FAULTS_MAX) {
        heard_blocks[n_seen] = fault->block;
    }
    n_heard_of[fault->kind]++;
    remember(fault, arg);
}

static struct patient
patient_heard(struct box *box, uint32_t n_out)
{
    struct patient patient = patient_of(box, n_out);

    memset(n_heard_of, 0, sizeof(n_heard_of));
    osmempool_set_fault_handler(note_all, NULL);
    return patient;
}

static void
the_report_tells_where_it_broke_and_how_many_are_lost(struct box *box)
{
    struct patient patient;
    const void *broken;

    if (!has_list_with_keys(box)) {
        return;
    }
    patient = patient_heard(box, 10);
    damage(&patient, 0, 0);
    broken = patient.mp->slh_first;
    assert_non_null(os_memblock_get(patient.mp));
    assert_int_equal(n_seen, 1);
    assert_int_equal(seen.kind, OSMEMPOOL_FAULT_DAMAGED_LIST);
    assert_ptr_equal(seen.block, broken);
    assert_int_equal(seen.n_blocks, 0);
    assert_int_equal(((const osmp_word *)(const void *)seen.found)[0], WILD_LINK);
    discharge(&patient);
}

/* Those that another free block leads to are named, as far as a report has room. */
static void
lost_blocks_are_named(struct box *box)
{
    struct patient patient;
    struct os_memblock *block;

    if (!has_list_with_keys(box)) {
        return;
    }
    patient = patient_heard(box, 10);
    damage(&patient, 0, 0);
    block = (struct os_memblock *)osmp_words(patient.mp->slh_first)[OSMP_LINK];
    assert_true((uintptr_t)block == WILD_LINK);
    assert_int_equal(os_mempool_clear(patient.mp), OS_OK);
    patient.n_out = 0;
    /* In a new pool each block leads to the one behind it. */
    destroy_key(&patient, geometry_block(patient.mp, 20));
    destroy_key(&patient, geometry_block(patient.mp, 40));
    destroy_link(geometry_block(patient.mp, 0));
    assert_non_null(os_memblock_get(patient.mp));
    assert_int_equal(n_seen, 3);
    assert_int_equal(first_heard.kind, OSMEMPOOL_FAULT_DAMAGED_LIST);
    assert_int_equal(first_heard.n_blocks, 2);
    assert_int_equal(n_heard_of[OSMEMPOOL_FAULT_WRITE_AFTER_PUT], 2);
    assert_ptr_equal(heard_blocks[1], geometry_block(patient.mp, 20));
    assert_ptr_equal(heard_blocks[2], geometry_block(patient.mp, 40));
    assert_int_equal(seen.offset,
                     (char *)freelist_key_word(patient.mp, seen.block) - (char *)seen.block);
    assert_int_equal(seen.n_bytes, sizeof(osmp_word));
    discharge(&patient);
}

/* A link that was overwritten with the address of a block that is out: that one comes to the front
 * of the list, and is seen to be out when its own first word leads nowhere. */
static void
a_block_that_is_out_is_not_handed_out_by_a_link_to_it(struct box *box)
{
    struct patient patient;

    if (!has_list_with_keys(box)) {
        return;
    }
    patient = patient_heard(box, 10);
    assert_true(os_mempool_is_sane(patient.mp));
    osmp_words(patient.mp->slh_first)[OSMP_LINK] = (uintptr_t)patient.out[3];
    expect_all_but_the_lost(&patient);
    assert_int_equal(n_heard_of[OSMEMPOOL_FAULT_WRITE_AFTER_PUT], 0);
    discharge(&patient);
}

/* User data like a key: it cannot be told which of the blocks are free. */
static void
more_keys_than_free_blocks_are_not_trusted(struct box *box)
{
    struct patient patient;
    void *forged;

    if (!has_list_with_keys(box)) {
        return;
    }
    patient = patient_heard(box, 10);
    forged = patient.out[4];
    damage(&patient, 0, 0);
    *freelist_key_word(patient.mp, forged) = osmp_key(patient.mp, forged);
    assert_null(os_memblock_get(patient.mp));
    assert_int_equal(first_heard.n_blocks, BOX_BLOCKS - 10);
    assert_true(*freelist_key_word(patient.mp, forged) == osmp_key(patient.mp, forged));
    assert_int_equal(os_memblock_put_from_cb(patient.mp, forged), OS_OK);
    assert_ptr_equal(os_memblock_get(patient.mp), forged);
    mark_as_used(&patient);
    discharge(&patient);
}

static void
a_list_that_begins_nowhere_is_found_again(struct box *box)
{
    const uintptr_t firsts[] = {0, 3, WILD_LINK};

    for (unsigned i = 0; has_list_with_keys(box) && i < LENGTH(firsts); i++) {
        struct patient patient = patient_heard(box, 10);

        assert_true(os_mempool_is_sane(patient.mp));
        /* An owner takes what its pool says for a block's address. */
        if (patient.mp->osmp_owner == NULL) {
            patient.mp->slh_first = (struct os_memblock *)firsts[i];
            patient.mp->mp_min_free = patient.mp->mp_num_free;
            expect_all_but_the_lost(&patient);
            assert_int_equal(first_heard.kind, OSMEMPOOL_FAULT_DAMAGED_LIST);
            assert_null(first_heard.block);
        }
        discharge(&patient);
    }
}

/* Caches that are enabled, changed and disabled over the damage. */
static void
keys_that_move_are_found_behind_the_damage(void **state)
{
    for (unsigned i = 0; i < rounds_of(ROUNDS, SHORT_ROUNDS); i++) {
        struct box *box = box_make(BOX_LARGE);
        struct patient patient = patient_of(box, below(BOX_BLOCKS));
        uint8_t before = patient.mp->osmp_key_lines;

        damage(&patient, below(3), below(3));
        assert_int_equal(os_mempool_cache_disable(patient.mp), OS_OK);
        assert_int_equal(patient.mp->osmp_key_lines, 0);
        if (i % 2 == 0) {
            assert_int_equal(os_mempool_cache_enable(patient.mp, BOX_DEPTH), OS_OK);
            assert_int_equal(patient.mp->osmp_key_lines, before);
        }
        expect_all_but_the_lost(&patient);
        discharge(&patient);
        box_end(box);
    }
}

/* The pool in the block puts what the outer one could take for a key, were it not another one. */
static void
a_pool_in_a_block_is_not_taken_for_a_free_block(void **state)
{
    struct box *box = box_make(BOX_LARGE);
    struct patient patient = patient_of(box, 1);
    struct os_mempool inner;

    assert_int_equal(os_mempool_init(&inner, 20, 64, patient.out[0], "inner"), OS_OK);
    patient.n_out = 0;
    osmp_words(patient.mp->slh_first)[OSMP_LINK] = WILD_LINK;
    destroy_key(&patient, patient.mp->slh_first);
    for (void *block; (block = os_memblock_get(patient.mp)) != NULL;) {
        assert_ptr_not_equal(block, patient.out[0]);
    }
    assert_int_equal(take_all(&inner), 20);
    assert_int_equal(os_mempool_unregister(&inner), OS_OK);
    discharge(&patient);
    box_end(box);
}

enum { N_WORKERS = 3, DAMAGES = 500, SHORT_DAMAGES = 30 };

struct worker {
    pthread_t thread;
    struct os_mempool *mp;
    uintptr_t number;
    unsigned failures;
    const bool *may_end;
};

/* All of a block is its user's, whoever looks for keys meanwhile. */
static void *
use_and_compare(void *arg)
{
    struct worker *worker = arg;

    while (!__atomic_load_n(worker->may_end, __ATOMIC_RELAXED)) {
        uintptr_t *words = os_memblock_get(worker->mp);
        const size_t n = worker->mp->mp_block_size / sizeof(*words);

        for (size_t i = 0; words != NULL && i < n; i++) {
            words[i] = worker->number;
        }
        for (size_t i = 0; words != NULL && i < n; i++) {
            worker->failures += words[i] != worker->number;
        }
        worker->failures += words != NULL && os_memblock_put(worker->mp, words) != OS_OK;
    }
    return NULL;
}

/* As a write after put would, at a moment at which nobody is in a section. */
static void
damage_first(struct os_mempool *mp)
{
    struct osmp_thread *owner = pool_visit(mp);

    if (freelist_count(mp) > 0) {
        osmp_words(mp->slh_first)[OSMP_LINK] = WILD_LINK;
    }
    pool_end_visit(mp, owner);
}

static void
threads_use_a_pool_that_is_repaired_again_and_again(void **state)
{
    const enum box_kind kinds[] = {BOX_PLAIN, BOX_CACHED, BOX_LARGE};

    for (unsigned k = 0; k < LENGTH(kinds); k++) {
        struct box *box = box_make(kinds[k]);
        struct worker workers[N_WORKERS];
        bool may_end = false;

        for (uintptr_t i = 0; i < N_WORKERS; i++) {
            workers[i] = (struct worker){.mp = box->pool, .number = 100 + i, .may_end = &may_end};
            assert_int_equal(pthread_create(&workers[i].thread, NULL, use_and_compare, &workers[i]),
                             0);
        }
        for (unsigned i = 0; i < rounds_of(DAMAGES, SHORT_DAMAGES); i++) {
            damage_first(box->pool);
            sched_yield();
        }
        __atomic_store_n(&may_end, true, __ATOMIC_RELAXED);
        for (unsigned i = 0; i < N_WORKERS; i++) {
            assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
            assert_int_equal(workers[i].failures, 0);
        }
        assert_int_equal(take_all(box->pool), BOX_BLOCKS);
        assert_int_equal(stats_of(box->pool).adjust, 0);
        box_end(box);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BOX_EVERY(only_blocks_without_their_key_are_lost),
        BOX_EVERY(links_alone_lose_nothing),
        BOX_EVERY(a_bulk_get_repairs_too),
        BOX_EVERY(the_report_tells_where_it_broke_and_how_many_are_lost),
        BOX_EVERY(lost_blocks_are_named),
        BOX_EVERY(a_block_that_is_out_is_not_handed_out_by_a_link_to_it),
        BOX_EVERY(more_keys_than_free_blocks_are_not_trusted),
        BOX_EVERY(a_list_that_begins_nowhere_is_found_again),
        cmocka_unit_test(keys_that_move_are_found_behind_the_damage),
        cmocka_unit_test(a_pool_in_a_block_is_not_taken_for_a_free_block),
        cmocka_unit_test(threads_use_a_pool_that_is_repaired_again_and_again),
    };

    state_of_random = random_seed(state_of_random);
    /* These tests damage free blocks, which a tool would object to. */
    watch_ignore();
    return cmocka_run_group_tests_name("repair", tests, NULL, NULL);
}
