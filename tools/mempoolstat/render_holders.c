/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "cell.h"
#include "holding.h"
#include "render.h"
#include "symbol.h"
#include "table.h"
#include "text.h"

#define COUNT_OF(array)     (sizeof(array) / sizeof((array)[0]))
#define HOLDERS_MAX_THREADS 3

static const struct table_column site_columns[] = {
    {"count", 7, false},  {"share%", 6, false}, {"oldest", 6, false},
    {"median", 6, false}, {"threads", 7, true}, {"where", 0, true},
};

static char *
cell_share(int64_t count, int64_t all)
{
    int64_t permille = all > 0 ? count * 1000 / all : 0;

    return alloc_format("%" PRId64 ".%" PRId64, permille / 10, permille % 10);
}

/* How many threads, and the first of them by number. */
static char *
cell_threads(const struct site *site)
{
    size_t n_gone = 0;
    char *cell = alloc_copy("");

    for (size_t i = 0; i < site->n_threads; i++) {
        const struct site_thread *thread = &site->threads[i];
        char *longer;

        n_gone += !thread->alive;
        if (i < HOLDERS_MAX_THREADS) {
            longer = alloc_format("%s%s%" PRId64 "%s", cell, i > 0 ? " " : "", thread->tid,
                                  thread->alive ? "" : " (gone)");
            free(cell);
            cell = longer;
        }
    }
    if (site->n_threads > HOLDERS_MAX_THREADS) {
        char *longer = alloc_format("%zu (%zu gone): %s ...", site->n_threads, n_gone, cell);

        free(cell);
        cell = longer;
    }
    return cell;
}

/* The file's own name, and where in it. */
static char *
cell_module(const struct call_site *site)
{
    const char *slash = strrchr(site->module, '/');
    char *file = text_escape(slash != NULL && slash[1] != '\0' ? slash + 1 : site->module);
    char *cell = site->has_offset ? alloc_format(" (%s+0x%" PRIx64 ")", file, site->offset)
                                  : alloc_format(" (%s)", file);

    free(file);
    return cell;
}

/* The symbol of a function os_x of the library's API is osmempool_os_x. */
static const char *
api_name(const char *symbol)
{
    static const char prefix[] = "osmempool_";
    const size_t n = sizeof(prefix) - 1;

    return symbol != NULL && strncmp(symbol, "osmempool_os_", n + 3) == 0 ? symbol + n : symbol;
}

/* "function at file:line (module+offset)", as far as that is known. */
static char *
cell_where(const struct call_site *site)
{
    const char *name = api_name(site->function != NULL ? site->function : site->symbol);
    char *function = name != NULL        ? text_escape(name)
                     : site->has_address ? alloc_format("0x%" PRIx64, site->address)
                                         : alloc_copy("?");
    char *line = text_escape(site->line != NULL ? site->line : "");
    char *module = site->module != NULL ? cell_module(site) : alloc_copy("");
    char *cell = alloc_format("%s%s%s%s", function, line[0] != '\0' ? " at " : "", line, module);

    free(function);
    free(line);
    free(module);
    return cell;
}

static int64_t
holding_sum(const struct holding *holding)
{
    int64_t sum = 0;

    for (size_t i = 0; i < holding->n_sites; i++) {
        sum += holding->sites[i].count;
    }
    return sum;
}

/* What blocks are out that no place is known for: taken before the tracking began. */
static void
table_add_rest(struct table *table, int64_t rest, int64_t all)
{
    table_add(table, alloc_format("%" PRId64, rest));
    table_add(table, cell_share(rest, all));
    table_add(table, alloc_copy("-"));
    table_add(table, alloc_copy("-"));
    table_add(table, alloc_copy(""));
    table_add(table, alloc_copy("(not known)"));
}

/* Of a tracked pool blocks may be out that were taken before. */
static bool
holding_has_rows(const struct holding *holding)
{
    return holding->n_sites > 0 || (holding->tracked && holding->out > 0);
}

static void
render_sites(FILE *out, const struct holding *holding)
{
    int64_t sum = holding_sum(holding), all = sum > holding->out ? sum : holding->out;
    struct table table;

    table_init(&table, site_columns, COUNT_OF(site_columns));
    for (size_t i = 0; i < holding->n_sites; i++) {
        const struct site *site = &holding->sites[i];

        table_add(&table, alloc_format("%" PRId64, site->count));
        table_add(&table, cell_share(site->count, all));
        table_add(&table, cell_age(site->oldest_us));
        table_add(&table, cell_age(site->median_us));
        table_add(&table, cell_threads(site));
        table_add(&table, cell_where(&site->call));
    }
    if (sum < all) {
        table_add_rest(&table, all - sum, all);
    }
    table_print(&table, out);
    table_free(&table);
}

static char *
blocks_out(const struct holding *holding)
{
    return holding->num_blocks != MODEL_ABSENT
               ? alloc_format("%" PRId64 " of %" PRId64, holding->out, holding->num_blocks)
               : alloc_format("%" PRId64, holding->out);
}

static bool
call_site_is_known(const struct call_site *site)
{
    return site->has_address || site->module != NULL || site->function != NULL;
}

char *
registration_text(int64_t id, int64_t time, const struct call_site *by)
{
    bool by_known = by != NULL && call_site_is_known(by);
    char *when = cell_time(time), *where = by_known ? cell_where(by) : alloc_copy("");
    char *text = id != MODEL_ABSENT
                     ? alloc_format("id %" PRId64 ", registered%s%s%s%s", id,
                                    when[0] != '\0' ? " " : "", when, by_known ? " by " : "", where)
                     : alloc_copy("");

    free(when);
    free(where);
    return text;
}

static void
print_registration(FILE *out, const struct holding *holding)
{
    char *text = registration_text(holding->id, holding->registered_time, &holding->registered_by);

    fprintf(out, "%s%s", text[0] != '\0' ? "; " : "", text);
    free(text);
}

void
render_holding(FILE *out, const struct holding *holding, bool with_registration)
{
    char *name = text_escape(holding->name), *blocks = blocks_out(holding);

    fprintf(out, "pool '%s': %s blocks out", name, blocks);
    if (!holding->tracked && holding->n_sites == 0) {
        fputs("; not tracked (OSMEMPOOL_DEBUG=track tells who holds them)", out);
    }
    if (with_registration) {
        print_registration(out, holding);
    }
    fputc('\n', out);
    if (holding_has_rows(holding)) {
        render_sites(out, holding);
    }
    free(name);
    free(blocks);
}

void
render_holders(FILE *out, const struct report *report)
{
    int64_t left_ns = SYMBOL_BUDGET_NS;

    for (size_t i = 0; i < report->n_shown; i++) {
        struct process *process = report->processes[i];

        symbol_find_lines(process, &left_ns);
        render_heading(out, report, i);
        if (process->n_holdings == 0) {
            fputs("no pool\n", out);
        }
        for (size_t j = 0; j < process->n_holdings; j++) {
            bool apart = j > 0 && (holding_has_rows(&process->holdings[j]) ||
                                   holding_has_rows(&process->holdings[j - 1]));

            fputs(apart ? "\n" : "", out);
            render_holding(out, &process->holdings[j], true);
        }
    }
}
