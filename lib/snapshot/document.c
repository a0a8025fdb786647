/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/document.h"

#include <bsd/stdlib.h>
#include <unistd.h>

#include "base/build.h"
#include "base/clock.h"
#include "check/words.h"
#include "snapshot/origin.h"
#include "snapshot/process.h"

/* An ordinary row's length: had at once, a large document is not copied while it grows. */
enum { DOCUMENT_ROW_BYTES = 512 };

static void
document_write_pool(struct json *json, struct origins *origins, const struct registry_row *row)
{
    const struct pool_counts *pool = &row->counts;

    json_open(json, '{');
    json_key_string(json, "name", pool->name);
    json_key_u64(json, "block_size", pool->block_size);
    json_key_u64(json, "num_blocks", pool->num_blocks);
    json_key_u64(json, "num_free", pool->num_free);
    json_key_u64(json, "min_free", pool->min_free);
    json_key_u64(json, "num_cached", pool->num_cached);
    json_key_u64(json, "gets", pool->gets);
    json_key_u64(json, "puts", pool->puts);
    json_key(json, "adjust");
    json_i64(json, pool->adjust);
    json_key_u64(json, "failed", pool->failed);
    json_key_u64(json, "refused", pool->refused);
    json_key_u64(json, "failed_time", pool->failed_us);
    json_key_u64(json, "min_time", pool->min_us);
    json_key_u64(json, "faults", pool->faults);
    origin_write_identity(json, origins, &row->identity);
    if (pool->words != 0) {
        char words[WORDS_TEXT_MAX];

        words_text(words, pool->words, pool->fail_every);
        json_key_string(json, "debug", words);
    }
    if (pool->stale) {
        json_key(json, "stale");
        json_bool(json, true);
    }
    json_close(json, '}');
}

void
document_write_head(struct json *json)
{
    const char *program = getprogname();

    json_key_string(json, "schema", "osmempool/1");
    json_key_string(json, "version", build_version);
    json_key_u64(json, "pid", (uint64_t)getpid());
    json_key_string(json, "program", program != NULL ? program : "");
    json_key_u64(json, "start_time", process_start_us());
    json_key_u64(json, "time", clock_exact_us());
}

void
document_write(struct json *json, const struct snapshot *snapshot)
{
    struct origins origins = {0};
    size_t i;

    json_reserve(json, (snapshot->n_pools + 1) * DOCUMENT_ROW_BYTES);
    json_open(json, '{');
    document_write_head(json);
    json_key_string(json, "locking", build_locking);
    json_key_u64(json, "dropped", snapshot->totals.dropped);
    json_key_u64(json, "reinits", snapshot->totals.reinits);
    json_key(json, "pools");
    json_open(json, '[');
    for (i = 0; i < snapshot->n_pools; i++) {
        document_write_pool(json, &origins, &snapshot->pools[i]);
    }
    json_close(json, ']');
    json_close(json, '}');
}
