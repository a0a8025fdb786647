/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

#include "base/site.h"
#include "common/check.h"

/* Not static: it has to stand in the program's code. */
int site_of_the_program(int number);

int
site_of_the_program(int number)
{
    return number + 1;
}

static void
code_of_the_program_has_the_programs_path(void **state)
{
    const char *code = (const char *)(uintptr_t)site_of_the_program;
    char path[SITE_MODULE_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    struct site site, next;

    assert_true(n > 0);
    path[n] = '\0';
    site_find(&site, code + 1);
    site_find(&next, code + 2);
    assert_string_equal(site.module, path);
    assert_true(site.offset > 0);
    assert_int_equal(next.offset, site.offset + 1);
}

static void
code_of_a_library_has_its_name_and_function(void **state)
{
    const char *code = dlsym(RTLD_DEFAULT, "getenv");
    Dl_info info;
    struct site site;

    assert_non_null(code);
    assert_int_not_equal(dladdr(code, &info), 0);
    /* A call that returns to the second byte of a function began in it. */
    site_find(&site, code + 1);
    assert_string_equal(site.function, info.dli_sname);
    assert_int_equal(strncmp(site.module, "/", 1), 0);
    assert_int_equal(site.offset, (uintptr_t)code - (uintptr_t)info.dli_fbase);
}

/* What a call returns to may be the next function already. */
static void
the_byte_before_the_return_address_counts(void **state)
{
    const char *code = dlsym(RTLD_DEFAULT, "getenv");
    struct site site, inside;

    site_find(&site, code);
    site_find(&inside, code + 1);
    assert_int_equal(site.offset + 1, inside.offset);
    assert_true(site.function == NULL || strcmp(site.function, inside.function) != 0);
}

static void
an_address_of_no_module_is_told_as_it_is(void **state)
{
    int on_the_stack = 0;
    struct site site;

    memset(&site, 0xff, sizeof(site));
    site_find(&site, (const char *)&on_the_stack + 1);
    assert_string_equal(site.module, "");
    assert_null(site.function);
    assert_int_equal(site.offset, (uintptr_t)&on_the_stack);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_of_the_program_has_the_programs_path),
        cmocka_unit_test(code_of_a_library_has_its_name_and_function),
        cmocka_unit_test(the_byte_before_the_return_address_counts),
        cmocka_unit_test(an_address_of_no_module_is_told_as_it_is),
    };

    return cmocka_run_group_tests_name("site", tests, NULL, NULL);
}
