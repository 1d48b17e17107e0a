/* json: what is accepted and where the rest is refused, walking, strings, numbers in every locale (REQ-F-005). */
#include "../../host/base/json.h"

#include <float.h>
#include <ftw.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_accepts(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "null", " true ", "\t\r\n false", "0", "-0", "-0.0e-0", "1E+2", "12.50", "\"\"", "[]", "{}", "[ ]", "{ }",
        "[[],{},[1,2,{\"a\":[null]}]]", "{\"a\":1,\"a\":2}", "\"\\u0000\\ud800\\\\\\/\"", "\"日本語 🚀\"", "\"\x7F\"",
        "[1 , 2 ]", "{ \"a\" : 1 , \"b\" : 2 }", "1e999", "123456789012345678901234567890",
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        if (!json_check(TEXTS[i], strlen(TEXTS[i]), 0, NULL))
            fail_msg("refused: %s", TEXTS[i]);
}

static void refused(const char *text, size_t offset, size_t line, size_t column)
{
    struct json_error e;
    if (json_check(text, strlen(text), 0, &e))
        fail_msg("accepted: %s", text);
    assert_non_null(e.message);
    if (e.offset != offset || e.line != line || e.column != column)
        fail_msg("%s: %s at %zu (%zu:%zu)", text, e.message, e.offset, e.line, e.column);
}

static void test_refuses(void **state)
{
    (void)state;
    static const char *const FIRST_BYTE[] = {
        "NaN", "Infinity", "-Infinity", "-", "+1", ".5", "01", "-01", "00", "1.", "1.e1", "1e", "1e+", "nul", "True",
        "undefined", "'a'", "]", "}", ",", ":", "\xEF\xBB\xBF{}", "/**/1",
    };
    for (size_t i = 0; i < sizeof FIRST_BYTE / sizeof FIRST_BYTE[0]; i++)
        refused(FIRST_BYTE[i], 0, 1, 1);
    refused("", 0, 1, 1);
    refused("  \n ", 4, 2, 2);
    refused("0x10", 1, 1, 2);
    refused("1 2", 2, 1, 3);
    refused("{} x", 3, 1, 4);
    refused("[1,]", 3, 1, 4);
    refused("[1 2]", 3, 1, 4);
    refused("[1}", 2, 1, 3);
    refused("[1", 2, 1, 3);
    refused("{\"a\"", 4, 1, 5);
    refused("{\"a\" 1}", 5, 1, 6);
    refused("{\"a\":}", 5, 1, 6);
    refused("{\"a\":1,}", 7, 1, 8);
    refused("{a:1}", 1, 1, 2);
    refused("{1:1}", 1, 1, 2);
    refused("{\"a\":1]", 6, 1, 7);
    refused("\"abc", 4, 1, 5);
    refused("\"a\nb\"", 2, 1, 3);
    refused("\"a\\x\"", 2, 1, 3);
    refused("\"a\\u12g4\"", 2, 1, 3);
    refused("\"ab\xFF\"", 3, 1, 4);
    refused("\"0123456789abcdef\x01\"", 17, 1, 18);
    refused("{\n  \"ключ\": [\n    1,\n    日\n  ]\n}", 29, 4, 5);
    refused("[\"日本\", x]", 11, 1, 8);
}

static void test_depth(void **state)
{
    (void)state;
    char text[2 * JSON_MAX_DEPTH + 2];
    struct json_error e;
    for (size_t depth = 1; depth <= JSON_MAX_DEPTH; depth += 111) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_true(json_check(text, 2 * depth, (unsigned)depth, NULL));
        if (depth > 1) {
            assert_false(json_check(text, 2 * depth, (unsigned)depth - 1, &e));
            assert_int_equal(e.offset, depth - 1);
        }
    }
    memset(text, '[', sizeof text);
    assert_false(json_check(text, sizeof text, 0, &e));
    assert_int_equal(e.offset, JSON_MAX_DEPTH);
    /* the kind of each level is remembered across words */
    char mixed[130 * 6];
    size_t n = 0;
    for (int i = 0; i < 65; i++) {
        memcpy(mixed + n, "[{\"\":", 5);
        n += 5;
    }
    mixed[n++] = '1';
    for (int i = 0; i < 65; i++) {
        memcpy(mixed + n, "}]", 2);
        n += 2;
    }
    assert_true(json_check(mixed, n, 0, NULL));
    mixed[n - 1] = '}';
    assert_false(json_check(mixed, n, 0, &e));
    assert_int_equal(e.offset, n - 1);
}

/* No byte behind the given length is looked at: every prefix stands in memory of exactly its size. */
static void test_prefixes(void **state)
{
    (void)state;
    const char *text = "{\"a\\u00e9\":[1.5e3,true,null,\"日本語 0123456789abcdef\\n\"],\"b\":{\"c\":-12}}";
    for (size_t n = 0; n <= strlen(text); n++) {
        char *copy = malloc(n + (n == 0));
        assert_non_null(copy);
        memcpy(copy, text, n);
        assert_int_equal(json_check(copy, n, 0, NULL), n == strlen(text));
        free(copy);
    }
}

static void assert_span(struct json_span s, const char *expected)
{
    assert_int_equal(s.n, strlen(expected));
    assert_memory_equal(s.p, expected, s.n);
}

static void test_walk(void **state)
{
    (void)state;
    const char *text = " [ 1 , \"a]\\\"\" , [ 2 , [ ] ] ,{\"k\":[3]}, null ] ";
    static const char *const ITEMS[] = {"1", "\"a]\\\"\"", "[ 2 , [ ] ]", "{\"k\":[3]}", "null"};
    size_t pos = 0, count = 0;
    struct json_span item, key;
    while (json_array_next(text, strlen(text), &pos, &item))
        assert_span(item, ITEMS[count++]);
    assert_int_equal(count, 5);
    text = "{ \"a\" : 1 ,\"}b\":{ \"c\" : \"}\" },\"d\":[]}";
    static const char *const MEMBERS[] = {"\"a\"", "1", "\"}b\"", "{ \"c\" : \"}\" }", "\"d\"", "[]"};
    for (pos = 0, count = 0; json_object_next(text, strlen(text), &pos, &key, &item); count += 2) {
        assert_span(key, MEMBERS[count]);
        assert_span(item, MEMBERS[count + 1]);
    }
    assert_int_equal(count, 6);
    pos = 0;
    assert_false(json_array_next("[]", 2, &pos, &item));
    pos = 0;
    assert_false(json_object_next("{ }", 3, &pos, &key, &item));
    pos = 0;
    assert_false(json_array_next("{\"a\":1}", 7, &pos, &item));
    pos = 0;
    assert_false(json_object_next("[1]", 3, &pos, &key, &item));
}

static void assert_buf(struct buf *b, const char *expected, size_t n)
{
    if (b->len != n || memcmp(b->data, expected, n) != 0)
        fail_msg("'%.*s', not '%s'", (int)b->len, b->data, expected);
    buf_free(b);
}

static void puts_string(const char *in, size_t n, const char *cleaned, const char *raw)
{
    struct buf b;
    buf_init(&b);
    assert_true(json_put_string(&b, in, n));
    assert_true(json_check(b.data, b.len, 0, NULL));
    assert_buf(&b, cleaned, strlen(cleaned));
    assert_true(json_put_string_raw(&b, in, n));
    assert_true(json_check(b.data, b.len, 0, NULL));
    assert_buf(&b, raw, strlen(raw));
}

#define PUTS(in, cleaned, raw) puts_string(in, sizeof in - 1, cleaned, raw)

static void test_put_string(void **state)
{
    (void)state;
    PUTS("", "\"\"", "\"\"");
    PUTS("a\"b\\c/d\b\f\n\t\x01\x7F", "\"a\\\"b\\\\c/d\\b\\f\\n\\t\\u0001\x7F\"",
         "\"a\\\"b\\\\c/d\\b\\f\\n\\t\\u0001\x7F\"");
    PUTS("\x1B[31mred\x1B[0m\r\n", "\"red\\n\"", "\"\\u001b[31mred\\u001b[0m\\r\\n\"");
    PUTS("a\0b", "\"a\xEF\xBF\xBD" "b\"", "\"a\\u0000b\"");
    PUTS("caf\xE9 日本語 0123456789abcdef", "\"caf\xEF\xBF\xBD 日本語 0123456789abcdef\"",
         "\"caf\xEF\xBF\xBD 日本語 0123456789abcdef\"");
    PUTS("\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void unquotes(const char *text, const char *expected, size_t n)
{
    struct buf b;
    buf_init(&b);
    assert_true(json_check(text, strlen(text), 0, NULL));
    assert_true(json_unquote(&b, text, strlen(text)));
    assert_buf(&b, expected, n);
}

static void test_unquote(void **state)
{
    (void)state;
    unquotes("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\b\f\n\r\t", 9);
    unquotes("\"\\u0041\\u00e9\\u65E5\\ud83d\\ude80\"", "Aé日🚀", 10);
    unquotes("\"x\\u0000y\"", "x\0y", 3);
    unquotes("\"\\ud800\"", "\xEF\xBF\xBD", 3);
    unquotes("\"\\ud800\\ud83d\\ude80\"", "\xEF\xBF\xBD🚀", 7);
    unquotes("\"\\ud83d\\ue000\"", "\xEF\xBF\xBD\xEE\x80\x80", 6); /* just above the low surrogates */
    unquotes("\"\\ude80\\ud83d!\"", "\xEF\xBF\xBD\xEF\xBF\xBD!", 7);
    struct buf b;
    buf_init(&b);
    assert_false(json_unquote(&b, "12", 2));
    assert_false(json_unquote(&b, "\"ab", 3));
    buf_free(&b);
}

static void reads(const char *text, enum json_number kind, int64_t i, double d)
{
    int64_t got = 0;
    double value = 0;
    enum json_number k = json_number(text, strlen(text), &got, &value);
    if (k != kind || (k == JSON_INT && got != i) || (k != JSON_INT && !(value == d)))
        fail_msg("%s: kind %d, %lld, %.17g", text, k, (long long)got, value);
}

static void read_numbers(void)
{
    reads("0", JSON_INT, 0, 0);
    reads("-0", JSON_INT, 0, 0);
    reads("9007199254740993", JSON_INT, 9007199254740993, 0);
    reads("9223372036854775807", JSON_INT, INT64_MAX, 0);
    reads("-9223372036854775808", JSON_INT, INT64_MIN, 0);
    reads("9223372036854775808", JSON_BIG_INT, 0, 9223372036854775808.0);
    reads("-9223372036854775809", JSON_BIG_INT, 0, -9223372036854775808.0);
    reads("18446744073709551616", JSON_BIG_INT, 0, 18446744073709551616.0);
    reads("1234.56", JSON_DOUBLE, 0, 1234.56);
    reads("0.1", JSON_DOUBLE, 0, 0.1);
    reads("1.7976931348623157e308", JSON_DOUBLE, 0, DBL_MAX);
    reads("5e-324", JSON_DOUBLE, 0, 5e-324);
    reads("1e400", JSON_OVERFLOW, 0, INFINITY);
    reads("-1e400", JSON_OVERFLOW, 0, -INFINITY);
    reads("1e-400", JSON_UNDERFLOW, 0, 0);
    reads("0e400", JSON_DOUBLE, 0, 0);
    reads("1e99999999999999999999999", JSON_OVERFLOW, 0, INFINITY);
    reads("9007199254740992.99999999999999999999", JSON_DOUBLE, 0, 9007199254740992.0 + 0);
    reads("9007199254740993.0", JSON_DOUBLE, 0, 9007199254740992.0); /* too many digits for one rounding */
    reads("9007199254740993.00000000000000000001", JSON_DOUBLE, 0, 9007199254740994.0);
    reads("2.4703282292062327208e-324", JSON_UNDERFLOW, 0, 0); /* just below half the smallest */
    reads("2.4703282292062327209e-324", JSON_DOUBLE, 0, 5e-324);
    char text[1400]; /* the digit that decides stands behind a thousand others */
    memset(text, '0', sizeof text);
    memcpy(text, "9007199254740993.", 17);
    text[1300] = '1';
    text[1301] = 0;
    reads(text, JSON_DOUBLE, 0, 9007199254740994.0);
    text[1300] = '0';
    reads(text, JSON_DOUBLE, 0, 9007199254740992.0);
}

static void writes(double d, const char *expected)
{
    struct buf b;
    buf_init(&b);
    assert_true(json_put_double(&b, d));
    assert_buf(&b, expected, strlen(expected));
}

static void write_numbers(void)
{
    writes(0.1 + 0.2, "0.30000000000000004");
    writes(1234.56, "1234.56");
    writes(3.0, "3");
    writes(-3.0, "-3");
    writes(0.0, "0");
    writes(-0.0, "-0.0");
    writes(9007199254740991.0, "9007199254740991");
    writes(9007199254740992.0, "9007199254740992.0");
    writes(1e300, "1e+300");
    writes(5e-324, "5e-324");
    writes(DBL_MAX, "1.7976931348623157e+308");
    writes(NAN, "null");
    writes(INFINITY, "null");
    struct buf b;
    buf_init(&b);
    assert_true(json_put_int(&b, INT64_MIN) && json_put_int(&b, 0) && json_put_int(&b, INT64_MAX));
    assert_buf(&b, "-922337203685477580809223372036854775807", 40);
}

static void test_numbers(void **state)
{
    (void)state;
    read_numbers();
    write_numbers();
}

/* Makes the locale with libc's own tool in a new directory, so that the test needs none installed. */
static void make_locale(char *directory)
{
    assert_non_null(mkdtemp(directory));
    char path[64];
    snprintf(path, sizeof path, "%s/de_DE.UTF-8", directory);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("localedef", "localedef", "-i", "de_DE", "-f", "UTF-8", "--no-archive", path, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    setenv("LOCPATH", directory, 1);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* The same bytes where the decimal point is a comma. */
static void test_locale(void **state)
{
    (void)state;
    char directory[] = "/tmp/test-json-XXXXXX";
    make_locale(directory);
    if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL)
        fail_msg("no locale de_DE.UTF-8: localedef (package locales) is needed");
    nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    assert_string_equal(localeconv()->decimal_point, ",");
    read_numbers();
    write_numbers();
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),    cmocka_unit_test(test_refuses), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_prefixes),   cmocka_unit_test(test_walk),    cmocka_unit_test(test_put_string),
        cmocka_unit_test(test_unquote),    cmocka_unit_test(test_numbers), cmocka_unit_test(test_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
