/* links: host/supervisor/request.c host/base/json.c host/base/buf.c host/base/utf8.c
 * request: a line becomes the command line that it stands for, or has a problem and none. */
#include "../../host/supervisor/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct request r;
static char text[4096];

/* The arguments of a line joined by '|', then the payload, or the problem. */
static const char *read_line(const char *line, size_t n, const char *before, size_t before_n)
{
    struct buf b = { (char *)before, before_n, before_n, false };
    assert_true(request_read(&r, "tool", &b, line, n));
    if (r.problem[0] != '\0') {
        assert_int_equal(r.argc, 1);
        (void)snprintf(text, sizeof text, "!%s", r.problem);
        return text;
    }
    size_t at = 0;
    for (int i = 1; i < r.argc; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i > 1 ? "|" : "", r.argv[i]);
    assert_null(r.argv[r.argc]);
    (void)snprintf(text + at, sizeof text - at, " %.*s", (int)r.payload.len, r.payload.data);
    return text;
}

static const char *of(const char *line) { return read_line(line, strlen(line), "", 0); }

static void test_requests(void **state)
{
    (void)state;
    assert_string_equal(of("{\"_cmd\":\"a\"}"), "a ");
    assert_string_equal(of("  {\"_cmd\":\"a.b-c.d1\"}\r"), "a|b-c|d1 ");
    assert_string_equal(of("{\"_cmd\":\"a\",\"x\":1,\"y_z\":[\"q\"]}"), "a {\"x\":1,\"y_z\":[\"q\"]}");
    assert_string_equal(of("{\"x\":{\"_cmd\":\"b\"},\"_cmd\":\"a\"}"), "a {\"x\":{\"_cmd\":\"b\"}}");
    assert_string_equal(of("{\"_cmd\":\"a\",\"_opts\":{\"dry_run\":true,\"no\":false,\"n\":-1.5e3,\"s\":\"a\\u00e9 =\\n\"}}"),
                        "a|--dry-run|--n=-1.5e3|--s=a\xc3\xa9 =\n ");
    assert_string_equal(of("{\"_cmd\":\"a\",\"_opts\":{}}"), "a ");
    assert_string_equal(of("{\"_cmd\":\"a\",\"_opts\":{\"e\":\"\"}}"), "a|--e= ");
    static const char line[] = "{\"_cmd\":\"a\",\"_opts\":{\"t\":\"2\"}}";
    assert_string_equal(read_line(line, sizeof line - 1, "--t=1", 6), "a|--t=1|--t=2 ");
    assert_int_equal(r.cmd.len, 3);
    assert_memory_equal(r.cmd.data, "\"a\"", 3);
}

static void test_problems(void **state)
{
    static const char *const bad[][2] = {
        { "", "not JSON" }, { "x", "not JSON" }, { "{", "not JSON" }, { "{} {}", "not JSON" }, { "[]", "not a JSON object" },
        { "1", "not a JSON object" }, { "{}", "no _cmd" }, { "{\"_cmd\":1}", "_cmd must" }, { "{\"_cmd\":\"\"}", "_cmd must" },
        { "{\"_cmd\":\".a\"}", "_cmd must" }, { "{\"_cmd\":\"a.\"}", "_cmd must" }, { "{\"_cmd\":\"a..b\"}", "_cmd must" },
        { "{\"_cmd\":\"a.-b\"}", "_cmd must" }, { "{\"_cmd\":\"1a\"}", "_cmd must" }, { "{\"_cmd\":\"a b\"}", "_cmd must" },
        { "{\"_cmd\":\"a\\u002eb\"}", "_cmd must" }, { "{\"_cmd\":\"A\"}", "_cmd must" },
        { "{\"_cmd\":\"a\",\"_opts\":1}", "_opts must" }, { "{\"_cmd\":\"a\",\"_opts\":{\"x\":null}}", "must be a boolean" },
        { "{\"_cmd\":\"a\",\"_opts\":{\"x\":[1]}}", "must be a boolean" }, { "{\"_cmd\":\"a\",\"_opts\":{\"\":1}}", "no name" },
        { "{\"_cmd\":\"a\",\"_opts\":{\"x=y\":1}}", "no name" }, { "{\"_cmd\":\"a\",\"_opts\":{\"-x\":1}}", "no name" },
        { "{\"_cmd\":\"a\",\"_opts\":{\"x\":\"a\\u0000b\"}}", "NUL" }, { "{\"_cmd\":\"a\",\"_opts\":{\"output\":\"tsv\"}}", "output" },
        { "{\"_cmd\":\"a\",\"_other\":1}", "no key \"_other\"" }, { "{\"_cmd\":\"a\",\"x\":1,\"x\":2}", "\"x\" is given twice" },
        { "{\"_cmd\":\"a\",\"a_b\":1,\"a-b\":2}", "given twice" }, { "{\"_cmd\":\"a\",\"_opts\":{\"x\":1},\"x\":2}", "given twice" },
        { "{\"_cmd\":\"a\",\"_opts\":{\"x_y\":1,\"x-y\":1}}", "given twice" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *got = of(bad[i][0]);
        if (got[0] != '!' || strstr(got, bad[i][1]) == NULL)
            fail_msg("%s: %s", bad[i][0], got);
        size_t n = strlen(got);
        assert_int_equal(got[n - 1], '.');
    }
    assert_string_equal(of("{\"_cmd\":\"a\"}"), "a "); /* nothing is left of them */
}

static void test_limits(void **state)
{
    static char line[1 << 16];
    (void)state;
    size_t n = (size_t)snprintf(line, sizeof line, "{\"_cmd\":\"a\"");
    for (int i = 1; i < REQUEST_MAX_FIELDS; i++)
        n += (size_t)snprintf(line + n, sizeof line - n, ",\"f%d\":%d", i, i);
    (void)snprintf(line + n, sizeof line - n, "}");
    assert_int_equal(of(line)[0], 'a');
    (void)snprintf(line + n, sizeof line - n, ",\"more\":1}");
    assert_non_null(strstr(of(line), "at most"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_requests), cmocka_unit_test(test_problems),
                                        cmocka_unit_test(test_limits) };
    request_init(&r);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    request_free(&r);
    return failed;
}
