/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c: `misuse --list` prints the list, `misuse NAME KIND WAY` commits one crime.
 *
 * A row of the list: name, text, kinds, ways, the check that sees it, the answers, why there is no
 * better one; fields are separated by tabs, kinds and ways by spaces.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crime.h"
#include "touch.h"

/* Some seconds more than any crime takes on a busy machine, and less than test_misuse.py waits. */
enum { DEADLINE_S = 60 };

static const struct {
    const char *title;
    const struct crime *crimes;
} chapters[] = {
    {"Making a pool", crimes_init},
    {"Putting and getting", crimes_put},
    {"Using a block too late, or beyond its end", crimes_write},
    {"Ending and clearing a pool", crimes_life},
    {"In a put callback", crimes_callback},
    {"Between threads and processes", crimes_thread},
};

struct flag {
    unsigned bit;
    const char *name;
};

static const struct flag kinds[] = {
    {KIND_SHARED, "shared"},
    {KIND_OWNED, "owned"},
    {KIND_CACHED, "cached"},
    {KIND_LARGE, "large"},
    {KIND_EXTENDED, "extended"},
    {KIND_ONE_WORD, "one-word"},
    {0, NULL},
};

static const struct flag ways[] = {
    {WAY_PUT, "put"},
    {WAY_FROM_CB, "put_from_cb"},
    {WAY_BULK, "put_bulk"},
    {0, NULL},
};

static void
main_print_flags(const struct flag *flags, unsigned set)
{
    const char *gap = "";

    for (; flags->name != NULL; flags++) {
        if (flags->bit & set) {
            printf("%s%s", gap, flags->name);
            gap = " ";
        }
    }
    putchar('\t');
}

static void
main_list(void)
{
    for (size_t i = 0; i < sizeof(chapters) / sizeof(chapters[0]); i++) {
        for (const struct crime *crime = chapters[i].crimes; crime->name != NULL; crime++) {
            printf("%s\t%s\t%s\t", chapters[i].title, crime->name, crime->text);
            main_print_flags(kinds, crime->kinds);
            main_print_flags(ways, crime->ways != 0 ? crime->ways : WAY_PUT);
            printf("%s\t", crime->seen_by != NULL ? crime->seen_by : "");
            for (int column = 0; column < COLUMNS; column++) {
                printf("%s\t", crime->answers[column]);
            }
            printf("%s\t%s\n", crime->ways != 0 ? "by way" : "", crime->limit ? crime->limit : "");
        }
    }
}

static unsigned
main_flag(const struct flag *flags, const char *name)
{
    while (flags->name != NULL && strcmp(flags->name, name) != 0) {
        flags++;
    }
    return flags->bit;
}

static const struct crime *
main_find(const char *name)
{
    for (size_t i = 0; i < sizeof(chapters) / sizeof(chapters[0]); i++) {
        for (const struct crime *crime = chapters[i].crimes; crime->name != NULL; crime++) {
            if (strcmp(crime->name, name) == 0) {
                return crime;
            }
        }
    }
    return NULL;
}

/* Texts for the table; a fault that has none is a mistake in here. */
static const char *const fault_names[] = {
    [OSMEMPOOL_FAULT_NULL] = "put of NULL",
    [OSMEMPOOL_FAULT_FOREIGN] = "foreign put",
    [OSMEMPOOL_FAULT_MISALIGNED] = "put inside a block",
    [OSMEMPOOL_FAULT_DOUBLE_PUT] = "double put",
    [OSMEMPOOL_FAULT_TOO_MANY] = "too many puts",
    [OSMEMPOOL_FAULT_TWICE] = "twice in an array",
    [OSMEMPOOL_FAULT_IN_CALLBACK] = "put in its callback",
    [OSMEMPOOL_FAULT_DAMAGED_LIST] = "damaged list",
    [OSMEMPOOL_FAULT_WRITE_AFTER_PUT] = "write after put",
    [OSMEMPOOL_FAULT_DAMAGED_COUNTERS] = "damaged counters",
    [OSMEMPOOL_FAULT_BLOCKS_OUT] = "blocks out",
    [OSMEMPOOL_FAULT_OVERRUN] = "overrun",
    [OSMEMPOOL_FAULT_UNDERRUN] = "underrun",
    [OSMEMPOOL_FAULT_SHARED_BUFFER] = "shared buffer",
    [OSMEMPOOL_FAULT_OVERWRITTEN] = "overwritten pool",
    [OSMEMPOOL_FAULT_REINIT] = "reinit",
};

static void
main_fault(const struct osmempool_fault *fault, void *arg)
{
    scene_say("fault %s", fault_names[fault->kind]);
}

static int
main_commit(const struct crime *crime, unsigned kind, unsigned way)
{
    static struct scene scene;

    alarm(DEADLINE_S);
    scene_set(&scene, (enum scene_kind)kind, (enum scene_way)way);
    osmempool_set_fault_handler(main_fault, NULL);
    touch_set_trap();
    scene_say("owner %s", scene.scene.pool->osmp_owner != NULL ? "yes" : "no");
    scene_say("stage call");
    crime->commit(&scene);
    scene_look(&scene);
    return 0;
}

int
main(int argc, char **argv)
{
    const struct crime *crime = argc == 4 ? main_find(argv[1]) : NULL;
    unsigned kind = argc == 4 ? main_flag(kinds, argv[2]) : 0;
    unsigned way = argc == 4 ? main_flag(ways, argv[3]) : 0;

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        main_list();
        return 0;
    }
    if (crime == NULL || kind == 0 || way == 0) {
        fprintf(stderr, "usage: misuse --list | misuse NAME KIND WAY\n");
        return 64;
    }
    return main_commit(crime, kind, way);
}
