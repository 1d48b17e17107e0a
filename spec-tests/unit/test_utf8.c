/* utf8: repair by maximal subparts, removal of control sequences (REQ-F-007, REQ-F-016), columns. */
#include "../../host/base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define R UTF8_REPLACEMENT

static void clean_bytes(const char *in, size_t n, unsigned flags, const char *expected, size_t replaced)
{
    struct buf b;
    buf_init(&b);
    size_t count = utf8_clean(&b, in, n, flags);
    if (b.len != strlen(expected) || (b.len > 0 && memcmp(b.data, expected, b.len) != 0))
        fail_msg("'%s' became '%.*s', not '%s'", in, (int)b.len, b.len > 0 ? b.data : "", expected);
    assert_int_equal(count, replaced);
    assert_true(b.len == 0 || utf8_valid(b.data, b.len));
    buf_free(&b);
}

#define REPAIR(in, expected, replaced) clean_bytes(in, sizeof in - 1, 0, expected, replaced)
#define CLEAN(in, expected) clean_bytes(in, sizeof in - 1, UTF8_CLEAN, expected, 0)

static void test_repair(void **state)
{
    (void)state;
    REPAIR("", "", 0);
    REPAIR("plain, naïve, 日本語, 🚀", "plain, naïve, 日本語, 🚀", 0);
    REPAIR("caf\xE9.txt", "caf" R ".txt", 1);
    REPAIR("\x80", R, 1);
    REPAIR("\xC0\xAF", R R, 2);         /* overlong */
    REPAIR("\xE0\x80\xAF", R R R, 3);
    REPAIR("\xF0\x80\x80\xAF", R R R R, 4);
    REPAIR("\xED\xA0\x80", R R R, 3);   /* a surrogate */
    REPAIR("\xF4\x90\x80\x80", R R R R, 4);
    REPAIR("\xF5", R, 1);
    REPAIR("\xE2\x82", R, 1);           /* cut at the end: one maximal subpart */
    REPAIR("\xE2\x82x", R "x", 1);
    REPAIR("\xF0\x9F\x9A", R, 1);
    /* the example of table 3-8 in the Unicode standard */
    REPAIR("a\xF1\x80\x80\xE1\x80\xC2" "b\x80" "c\x80\xBF" "d", "a" R R R "b" R "c" R R "d", 6);
    REPAIR("12345678901234567\xFF" "12345678", "12345678901234567" R "12345678", 1);
    REPAIR("\x1B[31m\r", "\x1B[31m\r", 0); /* only what the flags ask for */
}

static void test_ansi(void **state)
{
    (void)state;
    CLEAN("\x1B[31mError\x1B[0m\x1B]0;t\x07\x1B[2K\r", "Error");
    CLEAN("a\x1B[38;2;1;2;3mb\x1B[?25lc\x1B[10;20Hd\x1B[1 qe", "abcde");
    CLEAN("\x1B]8;;http://x\x1B\\link\x1B]8;;\x1B\\", "link");
    CLEAN("\x1BPdevice\x1B\\a\x1B^private\x1B\\b\x1B_app\x1B\\c\x1BXstart\x1B\\d", "abcd");
    CLEAN("\x1BPa\x07z\x1B\\b\xC2\x90" "a\x07z\xC2\x9C" "c", "bc"); /* BEL ends an OSC only */
    CLEAN("x\x1By", "xy");
    CLEAN("x\x1B", "x");
    CLEAN("\x1B\x1B[31m[31mz", "[31mz");
    CLEAN("a\x1B" "7b\x1B" "8c\x1B(Bd", "abcd");
    CLEAN("\xC2\x9B" "31mred\xC2\x9B" "0m", "red");           /* 8-bit CSI */
    CLEAN("\xC2\x9D" "0;t\xC2\x9C" "after", "after");         /* 8-bit OSC and ST */
    CLEAN("\xC2\xA9 \xC2\x85", "\xC2\xA9 \xC2\x85");          /* other characters of that block stay */
    CLEAN("\x1B]0;no end, all text", "0;no end, all text");   /* only the introducer goes */
    CLEAN("\x1B]0;cut \x1B[1mbold", "0;cut bold");
    CLEAN("\x1B[12", "12");
    CLEAN("\x1B[12\nx", "12\nx");
    CLEAN("one\r\ntwo\r", "one\ntwo");
    CLEAN("tab\tand\nnewline stay", "tab\tand\nnewline stay");
    clean_bytes("a\0b", 3, UTF8_CLEAN, "a" R "b", 1);
    clean_bytes("\xC3\x1B[m\xA9", 5, UTF8_CLEAN, R R, 2); /* stripping must not join what was broken */
}

/* Texts full of introducers must not take quadratic time: four times the text, about four times the steps. */
static size_t steps_for(const char *unit, size_t times)
{
    size_t len = strlen(unit), n = len * times;
    char *text = malloc(n);
    assert_non_null(text);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * len, unit, len);
    struct buf b;
    buf_init(&b);
    clock_t start = clock();
    utf8_clean(&b, text, n, UTF8_CLEAN);
    size_t used = (size_t)(clock() - start);
    buf_free(&b);
    free(text);
    return used;
}

static void test_linear(void **state)
{
    (void)state;
    static const char *const UNITS[] = {"\x1B]", "\xC2\x9D", "\x1BP", "\x1B[1;", "\x1B]\xC2\x9B"};
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) /* quadratic would be minutes */
        assert_true(steps_for(UNITS[i], 1000000) < 5 * (size_t)CLOCKS_PER_SEC);
}

static void test_random_bytes(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        static const unsigned char LIKELY[] = {0x1B, '[',  ']',  '\\', 0x07, 0xC2, 0x9B,
                                               0x9C, 0xED, 0xF0, 0x80, 'm',  0,    '\r'};
        char in[24];
        for (size_t i = 0; i < sizeof in; i++) {
            seed = seed * 1664525u + 1013904223u;
            unsigned r = seed >> 16;
            in[i] = (char)(r & 0x100 ? r : LIKELY[r % sizeof LIKELY]);
        }
        struct buf b;
        buf_init(&b);
        size_t n = (size_t)round % (sizeof in + 1);
        utf8_clean(&b, in, n, UTF8_CLEAN);
        assert_true(utf8_valid(b.data, b.len));
        assert_true(b.len == 0 || (memchr(b.data, 0x1B, b.len) == NULL && memchr(b.data, 0, b.len) == NULL &&
                                   memchr(b.data, '\r', b.len) == NULL));
        buf_free(&b);
    }
}

static void test_valid(void **state)
{
    (void)state;
    assert_true(utf8_valid("", 0));
    assert_true(utf8_valid("12345678é", 10));
    assert_int_equal(utf8_valid_prefix("12345678é\xFFx", 12), 10);
    assert_false(utf8_valid("\xED\xBF\xBF", 3));
    assert_true(utf8_valid("\xF4\x8F\xBF\xBF", 4));
}

static void put_code(unsigned long code, const char *expected)
{
    struct buf b;
    buf_init(&b);
    assert_true(utf8_put(&b, code));
    assert_int_equal(b.len, strlen(expected));
    assert_memory_equal(b.data, expected, b.len);
    buf_free(&b);
}

static void test_put(void **state)
{
    (void)state;
    put_code('a', "a");
    put_code(0xE9, "é");
    put_code(0x65E5, "日");
    put_code(0x1F680, "🚀");
    put_code(0xD800, R);
    put_code(0x110000, R);
}

static void test_width(void **state)
{
    (void)state;
    assert_int_equal(utf8_width("", 0), 0);
    assert_int_equal(utf8_width("abc", 3), 3);
    assert_int_equal(utf8_width("日本語", 9), 6);
    assert_int_equal(utf8_width("e\xCC\x81", 3), 1); /* e and a combining acute */
    assert_int_equal(utf8_width("🚀", 4), 2);
    assert_int_equal(utf8_width("\t\x7F\xC2\x85", 4), 0);
    assert_int_equal(utf8_width("\xE2\x80\x8B", 3), 0); /* zero-width space */
    assert_int_equal(utf8_width("a\xFF", 2), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repair),       cmocka_unit_test(test_ansi),  cmocka_unit_test(test_linear),
        cmocka_unit_test(test_random_bytes), cmocka_unit_test(test_valid), cmocka_unit_test(test_put),
        cmocka_unit_test(test_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
