/* links: host/supervisor/envelope.c host/supervisor/record.c host/supervisor/redact.c host/base/buf.c host/base/json.c host/base/utf8.c host/base/clock.c
 * envelope: five members in this order on one line of valid JSON, redacted and within the cap, or nothing at all when
 * an allocation fails (-Wl,--wrap=malloc -Wl,--wrap=realloc -Wl,--wrap=calloc). (REQ-F-004, F-034, F-052) */
#include "../../host/supervisor/envelope.h"

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
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n) { return fails() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t size) { return fails() ? NULL : __real_calloc(n, size); }
void *__wrap_realloc(void *p, size_t n) { return fails() ? NULL : __real_realloc(p, n); }

struct fixture {
    struct outcome o;
    struct record r;
    struct redactor secrets;
    struct options opt;
    struct buf out;
};

static void start(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    outcome_init(&f->o);
    assert_true(record_init(&f->r));
    buf_init(&f->out);
    f->opt.max_output = 1 << 20;
}

static void end(struct fixture *f)
{
    outcome_free(&f->o);
    record_free(&f->r);
    redact_free(&f->secrets);
    buf_free(&f->out);
}

static void meta(struct fixture *f, const char *key, const char *json)
{
    assert_true(record_meta(&f->r, key, json, strlen(json)));
}

/* One line, five members in order. */
static void well_formed(const struct fixture *f)
{
    static const char *const KEYS[] = { "\"ok\"", "\"data\"", "\"error\"", "\"warnings\"", "\"meta\"" };
    struct json_span key, value;
    size_t pos = 0, n = 0, len = f->out.len;
    assert_true(len > 0 && f->out.data[len - 1] == '\n');
    assert_true(json_check(f->out.data, len - 1, 0, NULL));
    assert_null(memchr(f->out.data, '\n', len - 1));
    while (json_object_next(f->out.data, len - 1, &pos, &key, &value)) {
        assert_true(n < 5 && key.n == strlen(KEYS[n]) && memcmp(key.p, KEYS[n], key.n) == 0);
        n++;
    }
    assert_int_equal(n, 5);
}

static void writes(struct fixture *f, const char *expected)
{
    assert_true(envelope_write(&f->o, &f->r, &f->opt, &f->secrets, &f->out));
    well_formed(f);
    if (expected != NULL && (f->out.len != strlen(expected) || memcmp(f->out.data, expected, f->out.len) != 0))
        fail_msg("%.*s", (int)f->out.len, f->out.data);
}

static bool has(const struct fixture *f, const char *text)
{
    return memmem(f->out.data, f->out.len, text, strlen(text)) != NULL;
}

static void test_success(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    assert_true(buf_puts(&f.o.data, "{\"a\":[]}"));
    meta(&f, "z", "1");
    meta(&f, "a", "{\"b\":null}");
    assert_true(record_warn(&f.r, "W: \"\x1B[1mtext\xFF", 13) && record_detail(&f.r, "{\"code\":\"W\"}", 12));
    writes(&f, "{\"ok\":true,\"data\":{\"a\":[]},\"error\":null,\"warnings\":[\"W: \\\"text\xEF\xBF\xBD\"],"
               "\"meta\":{\"a\":{\"b\":null},\"warning_details\":[{\"code\":\"W\"}],\"z\":1}}\n");
    end(&f);
}

static void test_failure(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    assert_true(outcome_fail(&f.o, 10, "TIMEOUT", "Stopped \"x\".", "execution", true, ",\"timeout_ms\":5"));
    assert_true(outcome_fail(&f.o, 1, "X", "m", "execution", false, "")); /* replaces the one before */
    writes(&f, "{\"ok\":false,\"data\":null,\"error\":{\"code\":\"X\",\"message\":\"m\",\"phase\":\"execution\","
               "\"retryable\":false},\"warnings\":[],\"meta\":{}}\n");
    end(&f);
}

static void test_retryable(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    assert_true(outcome_fail(&f.o, 10, "TIMEOUT", "m", "execution", true, ""));
    assert_true(record_warn(&f.r, "one", 3) && record_warn(&f.r, "two", 3));
    writes(&f, "{\"ok\":false,\"data\":null,\"error\":{\"code\":\"TIMEOUT\",\"message\":\"m\",\"phase\":\"execution\","
               "\"retryable\":true,\"retry_after_ms\":1000,\"retry_strategy\":\"exponential_backoff\"},"
               "\"warnings\":[\"one\",\"two\"],\"meta\":{}}\n");
    end(&f);
}

/* Of a meta that is too large only what is large goes. */
static void test_small_entries_stay(void **state)
{
    (void)state;
    static char large[10000];
    struct fixture f;
    start(&f);
    f.opt.max_output = 2000;
    memset(large, '1', sizeof large - 1);
    meta(&f, "large", large);
    meta(&f, "small", "\"this stays, being a good deal shorter than the limit of one entry, and is no fact of the host\"");
    writes(&f, NULL);
    assert_true(has(&f, "OUTPUT_TOO_LARGE") && has(&f, "\"small\":\"this stays") && !has(&f, "\"large\""));
    end(&f);
}

static void test_stable(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    f.opt.stable = true;
    meta(&f, "request_id", "\"r\"");
    meta(&f, "timestamp", "\"t\"");
    meta(&f, "command", "\"a\"");
    writes(&f, "{\"ok\":true,\"data\":null,\"error\":null,\"warnings\":[],\"meta\":{\"command\":\"a\"}}\n");
    end(&f);
}

static void test_redacted_everywhere(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    assert_true(redact_add(&f.secrets, "hunter2", 7) && redact_add(&f.secrets, "20261121", 8));
    assert_true(buf_puts(&f.o.data, "{\"a\":\"hunter2\",\"n\":20261121}"));
    assert_true(outcome_fail(&f.o, 1, "X", "hunter2", "execution", false, ",\"h\":\"hunter2\""));
    assert_true(record_warn(&f.r, "W: hunter2", 10) && record_detail(&f.r, "{\"d\":\"hunter2\"}", 15));
    meta(&f, "m", "[\"hunter2\",20261121]");
    meta(&f, "hunter2", "1");
    meta(&f, "duration_ms", "20261121"); /* what the host itself says keeps its type */
    writes(&f, NULL);
    assert_false(has(&f, "hunter2"));
    assert_true(has(&f, "\"duration_ms\":20261121"));
    assert_true(has(&f, "\"n\":\"[REDACTED]\"") && has(&f, "\"m\":[\"[REDACTED]\",\"[REDACTED]\"]"));
    end(&f);
}

static void large_data(struct fixture *f, size_t n)
{
    assert_true(buf_puts(&f->o.data, "{\"t\":\""));
    for (size_t i = 0; i < n; i++)
        assert_true(buf_putc(&f->o.data, 'x'));
    assert_true(buf_puts(&f->o.data, "\"}"));
}

static void test_cap_is_exact(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    large_data(&f, 3000);
    writes(&f, NULL);
    size_t size = f.out.len;
    buf_reset(&f.out);
    f.opt.max_output = size;
    writes(&f, NULL);
    assert_true(has(&f, "\"ok\":true"));
    buf_reset(&f.out);
    f.opt.max_output = size - 1;
    writes(&f, NULL);
    assert_true(has(&f, "\"code\":\"OUTPUT_TOO_LARGE\"") && has(&f, "\"ok\":false") && has(&f, "\"data\":null"));
    assert_true(f.out.len <= size - 1);
    assert_int_equal(f.o.exit_code, 1);
    end(&f);
}

static void test_cap_holds_for_every_part(void **state)
{
    (void)state;
    for (int part = 0; part < 6; part++) {
        struct fixture f;
        char json[3000], key[16];
        start(&f);
        f.opt.max_output = 1024; /* the least that options allow */
        memset(json, 'y', sizeof json);
        json[0] = json[sizeof json - 2] = '"';
        json[sizeof json - 1] = '\0';
        meta(&f, "duration_ms", "12");
        meta(&f, "timestamp", "\"2031-02-03T10:00:00.123Z\"");
        if (part == 0)
            assert_true(record_warn(&f.r, json, sizeof json));
        else if (part == 1)
            assert_true(record_detail(&f.r, json, sizeof json - 1));
        else if (part == 2)
            meta(&f, "cwd", json);
        else if (part == 3)
            assert_true(outcome_fail(&f.o, 5, "X", json, "execution", false, ""));
        else if (part == 4)
            meta(&f, "command", json);
        for (int i = 0; part == 5 && i < 300; i++) {
            snprintf(key, sizeof key, "key%d", i);
            meta(&f, key, "\"short\"");
        }
        writes(&f, NULL);
        assert_true(f.out.len <= 1024);
        assert_true(has(&f, "OUTPUT_TOO_LARGE") && has(&f, "\"duration_ms\":12"));
        assert_int_equal(f.o.exit_code, part == 3 ? 5 : 1);
        end(&f);
    }
}

static void test_redaction_may_pass_the_cap(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    assert_true(redact_add(&f.secrets, "xxxx", 4) && buf_puts(&f.o.data, "["));
    for (int i = 0; i < 200; i++)
        assert_true(buf_puts(&f.o.data, i == 0 ? "\"xxxx\"" : ",\"xxxx\""));
    assert_true(buf_puts(&f.o.data, "]"));
    f.opt.max_output = f.o.data.len + 200;
    writes(&f, NULL);
    assert_true(f.out.len <= f.opt.max_output && has(&f, "OUTPUT_TOO_LARGE"));
    end(&f);
}

/* Whole, or false and nothing that could be taken for an answer. */
static void test_no_memory(void **state)
{
    (void)state;
    int n = 1;
    for (bool ok = false; !ok; n++) {
        struct fixture f;
        start(&f);
        large_data(&f, 2000);
        assert_true(redact_add(&f.secrets, "hunter2", 7) && record_warn(&f.r, "W: \"hunter2\"", 12));
        assert_true(record_detail(&f.r, "{}", 2));
        meta(&f, "command", "\"hunter2\"");
        f.opt.max_output = 1100;
        fail_in = n;
        ok = envelope_write(&f.o, &f.r, &f.opt, &f.secrets, &f.out);
        bool reached = fail_in == 0;
        fail_in = -1;
        assert_true(ok != reached);
        if (ok)
            well_formed(&f);
        end(&f);
    }
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_success),      cmocka_unit_test(test_failure),
        cmocka_unit_test(test_stable),       cmocka_unit_test(test_redacted_everywhere),
        cmocka_unit_test(test_cap_is_exact), cmocka_unit_test(test_cap_holds_for_every_part),
        cmocka_unit_test(test_retryable),    cmocka_unit_test(test_small_entries_stay),
        cmocka_unit_test(test_redaction_may_pass_the_cap), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
