/* links: host/base/globals.c
 * globals: the table of flags is consistent, and found by exact names alone. */
#include "../../host/base/globals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_rows(void **state)
{
    (void)state;
    static const char *const TYPES[] = { "boolean", "string", "integer", "enum", "list", "duration", "path" };
    assert_true(global_flag_count > 10);
    for (size_t i = 0; i < global_flag_count; i++) {
        const struct global_flag *g = &global_flags[i];
        size_t known = 0;
        for (size_t t = 0; t < sizeof TYPES / sizeof *TYPES; t++)
            known += strcmp(g->type, TYPES[t]) == 0;
        assert_int_equal(known, 1);
        assert_int_equal(strspn(g->name, "abcdefghijklmnopqrstuvwxyz-"), strlen(g->name));
        assert_true(strlen(g->about) > 5);
        assert_true((g->choices != NULL) == (strcmp(g->type, "enum") == 0));
        /* the only flag of its name and of its letter */
        assert_ptr_equal(global_flag_find(g->name, strlen(g->name)), g);
        if (g->short_name != 0)
            assert_ptr_equal(global_flag_short(g->short_name), g);
    }
}

static void test_find(void **state)
{
    (void)state;
    assert_null(global_flag_find("outpu", 5));
    assert_null(global_flag_find("outputs", 7));
    assert_null(global_flag_find("", 0));
    assert_null(global_flag_find("Output", 6));
    assert_non_null(global_flag_find("output=json", 6));
    assert_null(global_flag_short(0));
    assert_null(global_flag_short('~'));
    assert_string_equal(global_flag_short('h')->name, "help");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_find) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
