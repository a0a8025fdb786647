/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_abi.c: the layout that programs compile in, against a table that is checked in. A change of
 * it is a new soname, and a new table. The argument is the directory of the tables.
 */
#include <stddef.h>
#include <string.h>

#include "common/check.h"
#include "osmempool.h"

#define MEMBER(type, member)                                                                       \
    {                                                                                              \
#type "." #member, offsetof(struct type, member), sizeof(((struct type *)0)->member)       \
    }
#define WHOLE(type)                                                                                \
    {                                                                                              \
#type, 0, sizeof(struct type)                                                              \
    }

struct row {
    const char *name;
    size_t offset;
    size_t size;
};

static const struct row rows[] = {
    WHOLE(os_mempool),
    MEMBER(os_mempool, slh_first),
    MEMBER(os_mempool, osmp_owner),
    MEMBER(os_mempool, mp_num_free),
    MEMBER(os_mempool, osmp_gets),
    MEMBER(os_mempool, mp_min_free),
    MEMBER(os_mempool, mp_num_blocks),
    MEMBER(os_mempool, mp_membuf_addr),
    MEMBER(os_mempool, osmp_inverse),
    MEMBER(os_mempool, osmp_secret),
    MEMBER(os_mempool, mp_block_size),
    MEMBER(os_mempool, mp_flags),
    MEMBER(os_mempool, osmp_shift),
    MEMBER(os_mempool, osmp_key_lines),
    MEMBER(os_mempool, name),
    MEMBER(os_mempool, mp_list),
    MEMBER(os_mempool, osmp_tail),
    WHOLE(os_mempool_ext),
    MEMBER(os_mempool_ext, mpe_put_cb),
    MEMBER(os_mempool_ext, mpe_put_arg),
    WHOLE(os_memblock),
    WHOLE(os_mempool_info),
    MEMBER(os_mempool_info, omi_name),
    WHOLE(os_mempool_stats),
    MEMBER(os_mempool_stats, num_cached),
    MEMBER(os_mempool_stats, gets),
    MEMBER(os_mempool_stats, adjust),
    MEMBER(os_mempool_stats, min_time),
};

static const char *tables;

/* "lp64_le" and the like. */
static const char *
abi_name(void)
{
    const uint16_t one = 1;
    bool little = *(const uint8_t *)&one == 1;

    if (sizeof(void *) == 8) {
        return little ? "lp64_le" : "lp64_be";
    }
    return little ? "ilp32_le" : "ilp32_be";
}

static void
the_layout_is_that_of_the_soname(void **state)
{
    char path[4096], name[64];
    unsigned long offset, size;
    FILE *table;

    snprintf(path, sizeof(path), "%s/abi_%s.txt", tables, abi_name());
    table = fopen(path, "r");
    if (table == NULL) {
        print_message("# no table for this ABI: %s\n", path);
        skip();
    }
    for (size_t i = 0; i < LENGTH(rows); i++) {
        assert_int_equal(fscanf(table, "%63s %lu %lu", name, &offset, &size), 3);
        assert_string_equal(name, rows[i].name);
        assert_int_equal(offset, rows[i].offset);
        assert_int_equal(size, rows[i].size);
    }
    assert_int_equal(fscanf(table, "%63s", name), EOF);
    fclose(table);
}

/* The owner's path touches one cache line of the struct. */
static void
get_and_put_need_the_first_64_bytes(void **state)
{
    if (sizeof(void *) == 8) {
        assert_int_equal(offsetof(struct os_mempool, name), 64);
    }
    assert_true(offsetof(struct os_mempool, osmp_key_lines) < 64);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layout_is_that_of_the_soname),
        cmocka_unit_test(get_and_put_need_the_first_64_bytes),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: test_abi DIRECTORY\n");
        return 64;
    }
    tables = argv[1];
    return cmocka_run_group_tests_name("abi", tests, NULL, NULL);
}
