/* SPDX-License-Identifier: Apache-2.0 */
/* test_maps.c: shared mappings are found, private ones are not; memory that is gone cannot be read.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/maps.h"
#include "base/memory.h"
#include "common/check.h"

enum { N_SHARED = 3 * MAPS_MAX };

struct wanted {
    const char *bytes;
    size_t n;
    unsigned found;
    unsigned calls;
};

static void
see(const struct maps *maps, void *arg)
{
    struct wanted *wanted = arg;

    wanted->calls++;
    wanted->found += maps_have(maps, (uintptr_t)wanted->bytes, wanted->n);
    for (size_t i = 1; i < maps->n; i++) {
        assert_true(maps->ranges[i - 1].end < maps->ranges[i].first);
    }
}

static unsigned
times_found(const void *bytes, size_t n)
{
    struct wanted wanted = {bytes, n, 0, 0};

    maps_each_shared(see, &wanted);
    return wanted.found;
}

static char *
map_pages(size_t n, int how)
{
    char *pages = mmap(NULL, n * (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
                       how | MAP_ANONYMOUS, -1, 0);

    assert_true(pages != MAP_FAILED);
    return pages;
}

static void
shared_mappings_are_found(void **state)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *shared = map_pages(3, MAP_SHARED);
    char *private = map_pages(3, MAP_PRIVATE);
    char on_stack = 0;

    assert_int_equal(times_found(shared, 1), 1);
    assert_int_equal(times_found(shared + 3 * page - 1, 1), 1);
    assert_int_equal(times_found(shared + page, page), 1);
    assert_int_equal(times_found(shared, 0), 0);
    assert_int_equal(times_found(private, 3 * page), 0);
    assert_int_equal(times_found(&on_stack, 1), 0);
    /* Memory that begins before a mapping and reaches into it. */
    munmap(shared, page);
    assert_int_equal(times_found(shared, page), 0);
    assert_int_equal(times_found(shared, page + 1), 1);
    munmap(shared, 3 * page);
    munmap(private, 3 * page);
}

/* Every second page is private, so that no two of them become one. */
static void
any_number_of_mappings_is_told_of(void **state)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = map_pages(2 * N_SHARED, MAP_PRIVATE);
    struct wanted nothing = {pages, 1, 0, 0};

    for (unsigned i = 0; i < N_SHARED; i++) {
        assert_true(mmap(pages + 2 * i * page, page, PROT_READ,
                         MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
    }
    for (unsigned i = 0; i < 2 * N_SHARED; i += 97) {
        assert_int_equal(times_found(pages + i * page, page), i % 2 == 0);
    }
    maps_each_shared(see, &nothing);
    assert_true(nothing.calls >= N_SHARED / MAPS_MAX);
    munmap(pages, 2 * N_SHARED * page);
}

static void
memory_that_is_gone_cannot_be_read(void **state)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = map_pages(3, MAP_PRIVATE);

    errno = 77;
    assert_true(memory_can_be_read(pages, 3 * page));
    munmap(pages + 2 * page, page);
    assert_true(memory_can_be_read(pages, 2 * page));
    assert_false(memory_can_be_read(pages, 2 * page + 1));
    mprotect(pages, page, PROT_NONE);
    assert_false(memory_can_be_read(pages, 2 * page));
    assert_true(memory_can_be_read(pages + page, page));
    assert_true(memory_can_be_read(NULL, 0));
    assert_false(memory_can_be_read(NULL, 1));
    assert_int_equal(errno, 77);
    munmap(pages, 2 * page);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_mappings_are_found),
        cmocka_unit_test(any_number_of_mappings_is_told_of),
        cmocka_unit_test(memory_that_is_gone_cannot_be_read),
    };

    return cmocka_run_group_tests_name("maps", tests, NULL, NULL);
}
