/* links: host/supervisor/redact.c host/base/buf.c host/base/json.c host/base/utf8.c
 * redact: every form of a secret goes, JSON stays JSON, ordinary text stays as it is, one pass over the text whatever
 * the number of secrets, and a failed allocation is reported (-Wl,--wrap=malloc -Wl,--wrap=realloc -Wl,--wrap=calloc).
 * (REQ-F-034, F-051) */
#include "../../host/supervisor/redact.h"

#include "../../host/base/json.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static int fail_in = -1; /* allocations until one fails; -1: never */

static bool fails(void)
{
    if (fail_in > 0)
        fail_in--;
    return fail_in == 0;
}

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n) { return fails() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t size) { return fails() ? NULL : __real_calloc(n, size); }
void *__wrap_realloc(void *p, size_t n) { return fails() ? NULL : __real_realloc(p, n); }

typedef bool redact_function(const struct redactor *r, const char *text, size_t n, struct buf *out);

static void gives(const struct redactor *r, redact_function *f, const char *text, size_t n, const char *expected)
{
    struct buf out;
    buf_init(&out);
    assert_true(f(r, text, n, &out));
    if (out.len != strlen(expected) || memcmp(out.data != NULL ? out.data : "", expected, out.len) != 0)
        fail_msg("%.*s\n  became %.*s\n  not    %s", (int)n, text, (int)out.len, out.data, expected);
    buf_free(&out);
}

static void text_gives(const struct redactor *r, const char *text, const char *expected)
{
    gives(r, redact_text, text, strlen(text), expected);
}

static void json_gives(const struct redactor *r, const char *text, const char *expected)
{
    assert_true(json_check(text, strlen(text), 0, NULL));
    assert_true(json_check(expected, strlen(expected), 0, NULL));
    gives(r, redact_json, text, strlen(text), expected);
}

static struct redactor with(const char *secret, size_t n)
{
    struct redactor r;
    memset(&r, 0, sizeof r);
    assert_true(redact_add(&r, secret, n));
    return r;
}

static bool contains(const struct buf *b, const void *part, size_t n)
{
    return b->len >= n && memmem(b->data, b->len, part, n) != NULL;
}

static void test_raw(void **state)
{
    (void)state;
    struct redactor r = with("hunter2", 7);
    text_gives(&r, "", "");
    text_gives(&r, "hunter2", "[REDACTED]");
    text_gives(&r, "hunter2hunter2", "[REDACTED][REDACTED]");
    text_gives(&r, "a hunter2, hunter", "a [REDACTED], hunter");
    text_gives(&r, "Hunter2 hunter 2", "Hunter2 hunter 2");
    text_gives(&r, "hunterhunter2", "hunter[REDACTED]");
    redact_free(&r);
    assert_int_equal(r.count, 0);
    text_gives(&r, "hunter2", "hunter2");
}

static void test_short_secrets_are_ignored(void **state)
{
    (void)state;
    struct redactor r = with("abc", 3);
    text_gives(&r, "abcabc", "abcabc");
    assert_true(redact_add(&r, "", 0));
    assert_int_equal(r.count, 0);
    assert_true(redact_add(&r, "abcd", 4));
    text_gives(&r, "abcabcd", "abc[REDACTED]");
    redact_free(&r);
}

/* Bytes that are no text look like any others once they are replaced. */
static void test_replaced_is_no_form(void **state)
{
    (void)state;
    struct redactor r = with("\xFF\xFE\xFD\xFC", 4);
    text_gives(&r, "a \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD b", "a \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD b");
    text_gives(&r, "a \xFF\xFE\xFD\xFC b", "a [REDACTED] b");
    redact_free(&r);
}

static void test_overlaps_leave_nothing(void **state)
{
    (void)state;
    struct redactor r = with("abcdef", 6);
    assert_true(redact_add(&r, "efghij", 6) && redact_add(&r, "abcd", 4) && redact_add(&r, "aaaa", 4));
    text_gives(&r, "xabcdefghijx", "x[REDACTED]x");
    text_gives(&r, "abcdghij", "[REDACTED]ghij");
    text_gives(&r, "aaaaaaa.", "[REDACTED].");
    redact_free(&r);
}

/* The digits that depend on the secret alone, computed in another way: equal for two different neighbourhoods. */
static void base64_is_gone(const char *secret, size_t n, size_t before, int variant)
{
    char a[512], b[512];
    unsigned char plain[256];
    struct redactor r = with(secret, n);
    struct buf out;
    for (int kind = 0; kind < 2; kind++) {
        memset(plain, kind == 0 ? 0x00 : 0xFF, sizeof plain);
        memcpy(plain + before, secret, n);
        char *text = kind == 0 ? a : b;
        assert_non_null(sodium_bin2base64(text, sizeof a, plain, before + n + 5, variant));
    }
    size_t from = 0, to;
    while (a[from] != b[from] || from * 6 < before * 8)
        from++;
    for (to = from; a[to] == b[to] && (to + 1) * 6 <= (before + n) * 8; to++) {
    }
    assert_true(to - from >= 6);
    for (const char *text = a; text != NULL; text = text == a ? b : NULL) {
        buf_init(&out);
        assert_true(redact_text(&r, text, strlen(text), &out));
        assert_true(contains(&out, "[REDACTED]", 10));
        if (contains(&out, text + from, to - from))
            fail_msg("%s still holds %.*s", text, (int)(to - from), text + from);
        buf_free(&out);
    }
    redact_free(&r);
}

static void test_base64(void **state)
{
    (void)state;
    static const char *const secrets[] = { "s3cr3t-value", "\xFB\xFF\xFE?>~~~ab", "0123456789abcdefXYZ", "tok3n" };
    static const int variants[] = { sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_URLSAFE,
                                    sodium_base64_VARIANT_ORIGINAL_NO_PADDING, sodium_base64_VARIANT_URLSAFE_NO_PADDING };
    for (size_t s = 0; s < sizeof secrets / sizeof *secrets; s++)
        for (size_t v = 0; v < sizeof variants / sizeof *variants; v++)
            for (size_t before = strlen(secrets[s]) > 5 ? 0 : 3; before <= (strlen(secrets[s]) > 5 ? 7U : 3U); before++)
                base64_is_gone(secrets[s], strlen(secrets[s]), before, variants[v]);
    struct redactor r = with("user:s3cr3t", 11);
    text_gives(&r, "Basic dXNlcjpzM2NyM3Q=", "Basic [REDACTED]Q="); /* the last digit has bits of the padding */
    redact_free(&r);
}

static void test_hex_and_percent(void **state)
{
    (void)state;
    struct redactor r = with("k\xC3\xA9y/+ &~=!", 11);
    text_gives(&r, "x6bc3a9792f2b20267e3d21x", "x[REDACTED]x");
    text_gives(&r, "6BC3A9792F2B20267E3D21", "[REDACTED]");
    text_gives(&r, "a=k%C3%A9y%2F%2B%20%26~%3D%21&b", "a=[REDACTED]&b");
    text_gives(&r, "a=k%c3%a9y%2f%2b%20%26~%3d%21&b", "a=[REDACTED]&b");
    text_gives(&r, "a=k%C3%A9y%2F%2B%20%26~%3D!&b", "a=[REDACTED]&b"); /* encodeURIComponent */
    redact_free(&r);
    r = with("two words*~", 11);
    text_gives(&r, "a=two+words*%7E&b", "a=[REDACTED]&b"); /* a form */
    text_gives(&r, "a=two%20words%2A~&b", "a=[REDACTED]&b");
    redact_free(&r);
    r = with("nul\0byte", 8);
    text_gives(&r, "nul%00byte", "[REDACTED]");
    gives(&r, redact_text, "a nul\0byte", 10, "a [REDACTED]");
    redact_free(&r);
}

static void test_escaped_in_text(void **state)
{
    (void)state;
    struct redactor r = with("pa\"ss\\w\nd", 9);
    text_gives(&r, "body {\"p\":\"pa\\\"ss\\\\w\\nd\"}", "body {\"p\":\"[REDACTED]\"}");
    text_gives(&r, "log \"{\\\"p\\\":\\\"pa\\\\\\\"ss\\\\\\\\w\\\\nd\\\"}\"", "log \"{\\\"p\\\":\\\"[REDACTED]\\\"}\"");
    redact_free(&r);
}

static void test_lines_of_a_key(void **state)
{
    (void)state;
    static const char key[] = "-----BEGIN-----\r\nMIIEvQIBADANBgkqhkiG9w0\r\nAQEFAASCBKcwggSjAgEAAo\r\nlast line without end";
    struct redactor r = with(key, sizeof key - 1);
    text_gives(&r, "x MIIEvQIBADANBgkqhkiG9w0 y", "x [REDACTED] y");
    text_gives(&r, "AQEFAASCBKcwggSjAgEAAo\n", "[REDACTED]\n");
    text_gives(&r, "last line without end", "[REDACTED]");
    text_gives(&r, "-----BEGIN-----", "-----BEGIN-----"); /* too short to be told from ordinary text */
    /* as cleaning leaves it: without CR */
    text_gives(&r, "-----BEGIN-----\nMIIEvQIBADANBgkqhkiG9w0\nAQEFAASCBKcwggSjAgEAAo\nlast line without end", "[REDACTED]");
    redact_free(&r);
}

static void test_json(void **state)
{
    (void)state;
    struct redactor r = with("hunter2", 7);
    json_gives(&r, "{\"a\":\"x hunter2 y\",\"hunter2\":[\"hunter2\",1]}",
               "{\"a\":\"x [REDACTED] y\",\"[REDACTED]\":[\"[REDACTED]\",1]}");
    json_gives(&r, "[\"\\u0068unter2\",\"h\\u0075nter2\\n\"]", "[\"[REDACTED]\",\"[REDACTED]\\n\"]");
    json_gives(&r, " [ \"a\\\"b\" , true ]\n", " [ \"a\\\"b\" , true ]\n"); /* untouched, spelling included */
    json_gives(&r, "\"\\u00e9\\/\"", "\"\\u00e9\\/\"");
    json_gives(&r, "null", "null");
    redact_free(&r);
}

static void test_json_escapes_at_the_edge(void **state)
{
    (void)state;
    struct redactor r = with("nopass", 6);
    json_gives(&r, "[\"a\\nopass\"]", "[\"a\\nopass\"]"); /* a line break and "opass" */
    json_gives(&r, "[\"a\\nnopass\"]", "[\"a\\n[REDACTED]\"]");
    redact_free(&r);
    r = with("abcdef\\", 7);
    json_gives(&r, "[\"abcdef\\\"\",\"abcdef\\n\",\"abcdef\\\\\"]", "[\"abcdef\\\"\",\"abcdef\\n\",\"[REDACTED]\"]");
    redact_free(&r);
    r = with("\xA9" "bcd", 4); /* begins inside a character */
    json_gives(&r, "[\"x\xC3\xA9" "bcd\"]", "[\"x\xEF\xBF\xBD[REDACTED]\"]");
    redact_free(&r);
    r = with("\",\"b\":\"", 7); /* JSON's own signs are no secret */
    json_gives(&r, "{\"a\":\"\",\"b\":\"\"}", "{\"a\":\"\",\"b\":\"\"}");
    redact_free(&r);
}

static void test_json_numbers(void **state)
{
    (void)state;
    struct redactor r = with("12345678", 8);
    json_gives(&r, "{\"n\":12345678,\"m\":-912345678.5e1,\"k\":1234567,\"s\":\"12345678\"}",
               "{\"n\":\"[REDACTED]\",\"m\":\"[REDACTED]\",\"k\":1234567,\"s\":\"[REDACTED]\"}");
    json_gives(&r, "12345678", "\"[REDACTED]\"");
    json_gives(&r, "[true,false,null,12345678]", "[true,false,null,\"[REDACTED]\"]");
    redact_free(&r);
    r = with("true", 4);
    json_gives(&r, "[true,\"true\"]", "[true,\"[REDACTED]\"]"); /* a word of JSON is never replaced */
    redact_free(&r);
}

static void test_lines(void **state)
{
    (void)state;
    struct redactor r = with("12345678", 8);
    assert_true(redact_add(&r, "line one\nline two", 17));
    gives(&r, redact_lines, "{\"n\":12345678}\nn 12345678\n", 26, "{\"n\":\"[REDACTED]\"}\nn [REDACTED]\n");
    gives(&r, redact_lines, "{\n \"n\": 12345678\n}\n", 19, "{\n \"n\": \"[REDACTED]\"\n}\n");
    gives(&r, redact_lines, "a line one\nline two b", 21, "a [REDACTED] b");
    gives(&r, redact_lines, "{broken 12345678", 16, "{broken [REDACTED]");
    gives(&r, redact_lines, "", 0, "");
    redact_free(&r);
}

static void test_cut(void **state)
{
    (void)state;
    struct redactor r = with("hunter2-hunter3", 15);
    assert_int_equal(redact_cut(&r, "text hunter2-hun", 16), 5);
    assert_int_equal(redact_cut(&r, "text", 4), 4);
    assert_int_equal(redact_cut(&r, "hunter2-hunter3 end", 19), 19);
    assert_int_equal(redact_cut(&r, "", 0), 0);
    redact_free(&r);
}

static void test_environment(void **state)
{
    (void)state;
    char *env[] = {
        (char *)"AWS_SECRET_ACCESS_KEY=first-value", (char *)"my_token=second-value", (char *)"PASSWORD=third-value",
        (char *)"API_ANYTHING=fourth-value", (char *)"KEY_FILE_KEY=/etc/passwd", (char *)"AUTH_URL=https://plain.example",
        (char *)"X_KEY=https://plain.example/y", (char *)"SHORT_KEY=1234567", (char *)"HOME=plain-value",
        (char *)"API_BASE_URL=plain-host:8443", (char *)"Y_TOKEN=http://plain.example/t",
        (char *)"MONKEY=plain-value", (char *)"NOVALUE_KEY", (char *)"SLASH_SECRET=/fifth+value/nowhere", NULL,
    };
    struct snapshot s = { .env = env };
    struct redactor r;
    memset(&r, 0, sizeof r);
    assert_true(redact_environment(&r, &s));
    text_gives(&r, "first-value second-value third-value fourth-value /fifth+value/nowhere",
               "[REDACTED] [REDACTED] [REDACTED] [REDACTED] [REDACTED]");
    text_gives(&r, "plain-host:8443 http://plain.example/t", "plain-host:8443 http://plain.example/t");
    text_gives(&r, "/etc/passwd https://plain.example/y 1234567 plain-value", "/etc/passwd https://plain.example/y 1234567 plain-value");
    redact_free(&r);
}

/* 300 secrets and a megabyte that holds one of them 20,000 times: a scan per secret or per match takes minutes. */
static void test_time(void **state)
{
    (void)state;
    struct redactor r;
    struct buf text, out;
    memset(&r, 0, sizeof r);
    buf_init(&text);
    buf_init(&out);
    for (int i = 0; i < 300; i++) {
        char secret[64];
        int n = snprintf(secret, sizeof secret, "sk-live-%d-%x-abcdefghijklmnop", i, (unsigned)i * 2654435761U);
        assert_true(redact_add(&r, secret, (size_t)n));
    }
    for (int i = 0; i < 20000; i++)
        assert_true(buf_puts(&text, "\"sk-live-0-0-abcdefghijklmnop\", and more of ordinary text\n"));
    clock_t before = clock();
    assert_true(redact_text(&r, text.data, text.len, &out));
    assert_true((clock() - before) / CLOCKS_PER_SEC < 5);
    assert_false(contains(&out, "sk-live", 7));
    buf_free(&text);
    buf_free(&out);
    redact_free(&r);
}

/* Each allocation in turn fails: the failure is reported, and nothing leaks (the sanitizer looks). */
static void test_no_memory(void **state)
{
    (void)state;
    static const char secret[] = "pa\"ss\\w\xC3\xA9 rd\nsecond line of the secret\x1B[0m";
    int n = 1;
    for (bool ok = false; !ok; n++) {
        struct redactor r;
        memset(&r, 0, sizeof r);
        fail_in = n;
        ok = redact_add(&r, secret, sizeof secret - 1);
        bool reached = fail_in == 0;
        fail_in = -1;
        assert_true(ok != reached);
        redact_free(&r);
    }
    assert_true(n > 30);
    struct redactor r = with("hunter2", 7);
    static const char json[] = "{\"a\":\"\\\"hunter2\",\"b\":\"hunter2\",\"c\":\"\\n\"}";
    n = 1;
    for (bool ok = false; !ok; n++) {
        struct buf out;
        buf_init(&out);
        fail_in = n;
        ok = redact_lines(&r, json, sizeof json - 1, &out);
        bool reached = fail_in == 0;
        fail_in = -1;
        assert_true(ok != reached);
        buf_free(&out);
    }
    assert_true(n > 3);
    redact_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_short_secrets_are_ignored),
        cmocka_unit_test(test_overlaps_leave_nothing),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_replaced_is_no_form),
        cmocka_unit_test(test_hex_and_percent),
        cmocka_unit_test(test_escaped_in_text),
        cmocka_unit_test(test_lines_of_a_key),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_escapes_at_the_edge),
        cmocka_unit_test(test_json_numbers),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
