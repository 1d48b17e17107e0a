/* links: host/supervisor/record.c host/base/buf.c host/base/json.c host/base/utf8.c host/base/clock.c
 * record: frames arrive in any pieces; whatever bytes come, the record stays well-formed or is marked broken, and a
 * failed allocation does too (-Wl,--wrap=malloc -Wl,--wrap=realloc). */
#include "../../host/supervisor/record.h"

#include "../../host/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n) { return fails() ? NULL : __real_malloc(n); }
void *__wrap_realloc(void *p, size_t n) { return fails() ? NULL : __real_realloc(p, n); }

/* What the sink was asked to do, one line each. */
static char seen[4096];
static size_t seen_len;

static void note(const char *what, const char *p, size_t n)
{
    int w = snprintf(seen + seen_len, sizeof seen - seen_len, "%s:%.*s\n", what, (int)(n < 40 ? n : 40), p);
    if (w > 0 && (size_t)w < sizeof seen - seen_len)
        seen_len += (size_t)w;
}

static void row(void *arg, const char *p, size_t n) { (void)arg, note("row", p, n); }
static void secret(void *arg, const char *p, size_t n) { (void)arg, note("secret", p, n); }
static void log_line(void *arg, const char *level, const char *p, size_t n) { (void)arg, note(level, p, n); }

static const struct record_sink sink = { NULL, row, log_line, secret };

static void put32(char *p, size_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (char)(v >> (8 * i) & 0xFF);
}

/* Appends a frame of text parts; NULL ends them. */
static size_t frame(char *out, char kind, ...)
{
    va_list parts;
    size_t n = 5;
    va_start(parts, kind);
    for (const char *p = va_arg(parts, const char *); p != NULL; p = va_arg(parts, const char *)) {
        put32(out + n, strlen(p));
        memcpy(out + n + 4, p, strlen(p));
        n += 4 + strlen(p);
    }
    va_end(parts);
    out[0] = kind;
    put32(out + 1, n - 5);
    return n;
}

static size_t whole_run(char *t)
{
    size_t n = 0;
    n += frame(t + n, 'M', "command", "\"a.b\"", NULL);
    n += frame(t + n, 'D', "1500", "1", NULL);
    n += frame(t + n, 'S', "hunter2", NULL);
    n += frame(t + n, 'W', "CODE: text", NULL);
    n += frame(t + n, 'w', "{\"code\":\"CODE\",\n\"x\":1}", NULL);
    n += frame(t + n, 'L', "info", "a line", NULL);
    n += frame(t + n, 'E', "{\"n\":1}", NULL);
    n += frame(t + n, 'K', "{\"completed_steps\":[]}", NULL);
    n += frame(t + n, 'A', "{\"a\":1}", NULL);
    n += frame(t + n, 'Y', "5", "7", NULL);
    n += frame(t + n, 'X', NULL);
    n += frame(t + n, 'M', "command", "\"c.d\"", NULL);
    n += frame(t + n, 'R', "5", "{\n\"r\":[]\r}", "{\"code\":\"X\"}", "out", "err", "t", NULL);
    n += frame(t + n, 'U', NULL);
    n += frame(t + n, 'C', NULL);
    return n;
}

static void check_whole_run(const struct record *r)
{
    assert_false(r->broken);
    assert_true(r->has_result && r->effects && r->unwinding && r->has_deadline && r->timeout_retryable);
    assert_int_equal(r->exit_code, 5);
    assert_int_equal(r->flags, RESULT_TEXT);
    assert_string_equal(r->data.p, "{ \"r\":[] }"); /* on one line */
    assert_string_equal(r->error.p, "{\"code\":\"X\"}");
    assert_string_equal(r->out_text.p, "out");
    assert_string_equal(r->err_text.p, "err");
    assert_int_equal(r->timeout_ms, 1500);
    assert_int_equal(r->exit_map[5], 7);
    assert_int_equal(r->exit_map[6], -1);
    assert_string_equal(r->cut.p, "{\"completed_steps\":[]}");
    assert_string_equal(r->audit.p, "{\"a\":1}");
    assert_int_equal(r->meta_keys.count, 1);
    assert_string_equal(record_get(r, "command")->p, "\"c.d\"");
    assert_null(record_get(r, "none"));
    assert_int_equal(r->warnings.count, 2);
    assert_string_equal(r->warnings.items[1].p, "CLEANUP_FAILED: the command's cleanup raised an error");
    assert_string_equal(r->details.items[0].p, "{\"code\":\"CODE\", \"x\":1}");
    assert_string_equal(seen, "secret:hunter2\ninfo:a line\nrow:{\"n\":1}\n");
}

static void feed(struct record *r, const char *p, size_t n)
{
    char *exact = __real_malloc(n > 0 ? n : 1); /* so that the sanitizer sees a byte read too far */
    memcpy(exact, p, n);
    record_feed(r, exact, n, &sink);
    free(exact);
}

static void test_split_at_every_byte(void **state)
{
    (void)state;
    char text[2048];
    size_t n = whole_run(text);
    for (size_t at = 0; at <= n; at++) {
        struct record r;
        seen_len = 0;
        assert_true(record_init(&r));
        feed(&r, text, at);
        feed(&r, text + at, n - at);
        check_whole_run(&r);
        record_free(&r);
    }
    for (size_t piece = 1; piece < 9; piece++) {
        struct record r;
        seen_len = 0;
        assert_true(record_init(&r));
        for (size_t at = 0; at < n; at += piece)
            feed(&r, text + at, n - at < piece ? n - at : piece);
        check_whole_run(&r);
        record_free(&r);
    }
}

static bool breaks(const char *bytes, size_t n)
{
    struct record r;
    assert_true(record_init(&r));
    seen_len = 0;
    feed(&r, bytes, n);
    bool broken = r.broken;
    size_t before = seen_len;
    char more[64];
    feed(&r, more, frame(more, 'W', "later", NULL));
    if (broken) { /* nothing is taken any more */
        assert_int_equal(r.warnings.count, 0);
        assert_int_equal(seen_len, before);
    }
    record_free(&r);
    return broken;
}

#define BREAKS(...) do { char t_[512]; assert_true(breaks(t_, frame(t_, __VA_ARGS__, NULL))); } while (0)
#define HOLDS(...) do { char t_[512]; assert_false(breaks(t_, frame(t_, __VA_ARGS__, NULL))); } while (0)

static void test_refused_frames(void **state)
{
    (void)state;
    BREAKS('?', "x");
    BREAKS('\0');
    BREAKS('M', "key");
    BREAKS('M', "", "1");
    BREAKS('M', "key", "");
    BREAKS('M', "key", "{");
    BREAKS('M', "0123456789012345678901234567890123456789012345678901234567890123", "1"); /* 64 bytes */
    HOLDS('M', "012345678901234567890123456789012345678901234567890123456789012", "1");
    BREAKS('D', "x", "0");
    BREAKS('D', "-1", "0");
    BREAKS('D', "", "0");
    BREAKS('D', "9223372036854775808", "0");
    HOLDS('D', "9223372036854775807", "0");
    HOLDS('D', "0", "0");
    BREAKS('R', "0", "", "", "", "");
    BREAKS('R', "126", "", "", "", "", "");
    BREAKS('R', "-1", "", "", "", "", "");
    BREAKS('R', "zero", "", "", "", "", "");
    BREAKS('R', "0", "[1,]", "", "", "", "");
    BREAKS('R', "0", "\"\xC3\"", "", "", "", "");
    HOLDS('R', "125", "", "", "", "", "");
    BREAKS('Y', "256", "0");
    BREAKS('Y', "0", "-1");
    BREAKS('K', "nul");
    BREAKS('I', "nul");
    HOLDS('I', "");
    BREAKS('w', "");
    BREAKS('L', "levelistoolong", "x");
    HOLDS('L', "", "");
    BREAKS('S');
    BREAKS('E', "a", "b");
    BREAKS('W', "1", "2", "3", "4", "5", "6", "7", "8", "9");
    char two[512];
    size_t n = frame(two, 'R', "0", "", "", "", "", "", NULL);
    n += frame(two + n, 'R', "1", "", "", "", "", "", NULL);
    assert_true(breaks(two, n)); /* a second result */
}

static void test_refused_lengths(void **state)
{
    (void)state;
    assert_true(breaks("W\xFF\xFF\xFF\xFF", 5));                     /* 4 GB to come */
    assert_true(breaks("W\x01\x00\x00\x08", 5));                     /* one byte more than 128 MB */
    assert_false(breaks("W\x00\x00\x00\x08", 5));                    /* 128 MB, not there yet */
    assert_true(breaks("W\x03\x00\x00\x00" "abc", 8));               /* no room for a length */
    assert_true(breaks("W\x04\x00\x00\x00" "\x01\x00\x00\x00", 9));  /* a part longer than the frame */
    assert_true(breaks("W\x04\x00\x00\x00" "\xFF\xFF\xFF\xFF", 9));
    assert_true(breaks("W\x05\x00\x00\x00" "\x00\x00\x00\x00" "a", 10));
    assert_false(breaks("W\x04\x00\x00\x00" "\x00\x00\x00\x00", 9)); /* one empty part */
    assert_true(breaks("W\x00\x00\x00\x00", 5));                     /* no part */
}

static void test_limits(void **state)
{
    (void)state;
    struct record r;
    char key[16];
    assert_true(record_init(&r));
    for (int i = 0; i < 1500; i++)
        assert_true(record_warn(&r, "w", 1) && record_detail(&r, "{}", 2));
    assert_int_equal(r.warnings.count, 1000);
    assert_int_equal(r.details.count, 1000);
    bool ok = true;
    int i = 0;
    for (; i < 100000 && ok; i++) {
        snprintf(key, sizeof key, "k%d", i);
        ok = record_meta(&r, key, "1", 1);
    }
    assert_false(ok);
    assert_in_range(i, 100, 10000);
    assert_true(record_meta(&r, "k0", "2", 1)); /* a known one may still change */
    assert_string_equal(record_get(&r, "k0")->p, "2");
    record_free(&r);
}

/* A frame in many pieces costs one copy, not one per piece. */
static void test_large_frame(void **state)
{
    (void)state;
    size_t n = (size_t)20 << 20;
    char head[9], *chunk = __real_malloc(65536);
    struct record r;
    head[0] = 'W';
    put32(head + 1, n + 4);
    put32(head + 5, n);
    memset(chunk, 'x', 65536);
    assert_true(record_init(&r));
    record_feed(&r, head, sizeof head, &sink);
    for (size_t at = 0; at < n; at += 65536)
        record_feed(&r, chunk, 65536, &sink);
    assert_false(r.broken);
    assert_int_equal(r.warnings.items[0].n, n);
    assert_int_equal(r.input.len, 0);
    record_free(&r);
    free(chunk);
}

static void json_part(const struct text *t)
{
    assert_true(t->p == NULL || json_check(t->p, t->n, 0, NULL));
    assert_true(t->p == NULL || memchr(t->p, '\n', t->n) == NULL);
}

/* Valid runs with random damage: no crash, and whatever is JSON in the record is JSON. */
static void test_hostile_bytes(void **state)
{
    (void)state;
    unsigned seed = 7;
    char text[2048];
    size_t n = whole_run(text), broken = 0;
    for (int round = 0; round < 20000; round++) {
        struct record r;
        char bytes[2048];
        memcpy(bytes, text, n);
        seen_len = 0;
        for (unsigned k = 0; k < 1 + (unsigned)round % 5; k++) {
            seed = seed * 1664525U + 1013904223U;
            bytes[(seed >> 8) % n] = (char)(seed >> 24);
        }
        assert_true(record_init(&r));
        for (size_t at = 0; at < n;) {
            seed = seed * 1664525U + 1013904223U;
            size_t piece = 1 + (seed >> 8) % 300;
            feed(&r, bytes + at, n - at < piece ? n - at : piece);
            at += piece;
        }
        broken += r.broken;
        json_part(&r.data), json_part(&r.error), json_part(&r.cut), json_part(&r.audit);
        assert_int_equal(r.meta_keys.count, r.meta_values.count);
        for (size_t i = 0; i < r.meta_values.count; i++)
            json_part(&r.meta_values.items[i]);
        for (size_t i = 0; i < r.details.count; i++)
            json_part(&r.details.items[i]);
        assert_in_range(r.exit_code, 0, 125);
        record_free(&r);
    }
    assert_in_range(broken, 1000, 19999);
}

static void test_no_memory(void **state)
{
    (void)state;
    char text[2048];
    size_t n = whole_run(text);
    int tries = 1;
    for (bool ok = false; !ok; tries++) {
        struct record r;
        seen_len = 0;
        assert_true(record_init(&r));
        fail_in = tries;
        record_feed(&r, text, n, &sink);
        ok = fail_in != 0;
        fail_in = -1;
        assert_true(ok != r.broken);
        record_free(&r);
    }
    assert_true(tries > 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_at_every_byte), cmocka_unit_test(test_refused_frames),
        cmocka_unit_test(test_refused_lengths),     cmocka_unit_test(test_limits),
        cmocka_unit_test(test_large_frame),         cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
