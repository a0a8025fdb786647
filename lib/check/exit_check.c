/* SPDX-License-Identifier: Apache-2.0 */
#include "check/exit_check.h"

#include "base/memory.h"
#include "check/check.h"
#include "check/record.h"
#include "check/watch.h"
#include "sync/wait.h"

/* How many words of a block are copied at a time. */
enum { EXIT_CHECK_WORDS = 256 };

/*
 * A block is damaged if so many looks find the same. In a single look, another thread may get the
 * block, or put it, between the reads of the record and of the block.
 */
enum { EXIT_CHECK_LOOKS = 3, EXIT_CHECK_REST_NS = 50000 };

/* Free, with no damage reported. Acquire: pairs with the release in record_set_free(). */
static bool
exit_check_is_free(const struct record *record, uint32_t i)
{
    return __atomic_load_n(&record->blocks[i].state, __ATOMIC_ACQUIRE) == BLOCK_FREE;
}

/* As poison_find(); finds nothing if the memory is gone. */
static size_t
exit_check_find(const struct poison *poison)
{
    const size_t known = poison_known(poison);
    osmp_word words[EXIT_CHECK_WORDS];
    size_t offset = SIZE_MAX;
    size_t n;

    for (size_t first = 0; first < known && offset == SIZE_MAX; first += n) {
        n = known - first < EXIT_CHECK_WORDS ? known - first : EXIT_CHECK_WORDS;
        if (!memory_read(words, osmp_words(poison->block) + first, n * sizeof(words[0]))) {
            return SIZE_MAX;
        }
        offset = poison_find_in(poison, words, first, n);
    }
    return offset;
}

/* The offset at which a free block was changed; SIZE_MAX if it was not, or is in use. */
static size_t
exit_check_look(const struct record *record, uint32_t i)
{
    struct poison poison;
    size_t offset;

    if (!exit_check_is_free(record, i)) {
        return SIZE_MAX;
    }
    poison = record_poison(record, i);
    offset = exit_check_find(&poison);
    return exit_check_is_free(record, i) ? offset : SIZE_MAX;
}

static size_t
exit_check_look_again(const struct record *record, uint32_t i, size_t offset)
{
    for (int look = 1; look < EXIT_CHECK_LOOKS && offset != SIZE_MAX; look++) {
        sync_sleep(EXIT_CHECK_REST_NS);
        if (exit_check_look(record, i) != offset) {
            return SIZE_MAX;
        }
    }
    return offset;
}

static void
exit_check_note(const struct record *record, struct os_mempool *mp, uint32_t i, size_t offset,
                struct faults *faults)
{
    struct osmempool_fault *fault =
        fault_note_gone(faults, mp, record->id, OSMEMPOOL_FAULT_WRITE_AFTER_PUT, record->pool_name);
    const struct poison poison = record_poison(record, i);

    if (fault != NULL) {
        fault->block = poison.block;
        fault->index = i;
        record_tell_change(record, fault, &poison, offset);
        memory_read(fault->found, (const char *)poison.block + offset, fault->n_bytes);
    }
}

uint32_t
exit_check_damage(const struct record *record, struct os_mempool *mp, uint32_t from,
                  struct faults *faults)
{
    if (!record->thorough || !record->may_touch || record->is_on_stack) {
        return record->n_blocks;
    }
    for (uint32_t i = from; i < record->n_blocks; i++) {
        size_t offset = exit_check_look_again(record, i, exit_check_look(record, i));

        if (offset != SIZE_MAX) {
            exit_check_note(record, mp, i, offset, faults);
            return i + 1;
        }
    }
    return record->n_blocks;
}

void
exit_check_leaks(const struct record *record, struct os_mempool *mp, struct faults *faults,
                 struct held *held)
{
    struct osmempool_fault *fault;

    if (!check_tells_leaks(record)) {
        return;
    }
    check_held(record, held);
    faults->held = held;
    faults->aloud = watch_wants_leaks();
    fault = fault_note_gone(faults, mp, record->id, OSMEMPOOL_FAULT_BLOCKS_OUT, record->pool_name);
    if (fault != NULL) {
        fault->n_blocks = held->n_out;
    }
}
