/* buf: content survives growth, a failed allocation is sticky and loses nothing. The allocator is wrapped by the linker
 * (-Wl,--wrap=realloc), so that each growth in turn can fail. */
#include "../../host/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int fail_in = -1; /* allocations until one fails; -1: never */

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_realloc(void *p, size_t n)
{
    if (fail_in == 0)
        return NULL;
    if (fail_in > 0)
        fail_in--;
    return __real_realloc(p, n);
}

static void test_put(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    assert_null(b.data);
    assert_true(buf_put(&b, NULL, 0));
    assert_true(buf_puts(&b, "ab"));
    assert_true(buf_putc(&b, '\0'));
    assert_true(buf_put(&b, "c\0d", 3));
    assert_int_equal(b.len, 6);
    assert_memory_equal(b.data, "ab\0c\0d", 6);
    buf_reset(&b);
    assert_int_equal(b.len, 0);
    assert_true(b.cap >= 6);
    buf_free(&b);
    assert_null(b.data);
    assert_int_equal(b.cap, 0);
}

static void test_growth(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    for (int i = 0; i < 100000; i++)
        assert_true(buf_putc(&b, (char)(i % 251)));
    for (int i = 0; i < 100000; i++)
        assert_true(b.data[i] == (char)(i % 251));
    buf_free(&b);
}

static void test_printf(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    char expected[400];
    memset(expected, 'x', sizeof expected);
    assert_true(buf_printf(&b, "%d:", 42));
    assert_true(buf_printf(&b, "%.*s", (int)sizeof expected, expected)); /* longer than the first room */
    assert_true(buf_printf(&b, "%s", ""));
    assert_int_equal(b.len, 3 + sizeof expected);
    assert_memory_equal(b.data, "42:", 3);
    assert_memory_equal(b.data + 3, expected, sizeof expected);
    buf_free(&b);
}

static void test_too_large(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    assert_true(buf_puts(&b, "kept"));
    assert_false(buf_reserve(&b, SIZE_MAX));
    assert_true(b.failed);
    assert_memory_equal(b.data, "kept", 4);
    buf_free(&b);
    assert_false(b.failed);
}

/* One script of every operation; returns false when any of them failed. */
static bool all_operations(struct buf *b)
{
    char block[300];
    memset(block, 'y', sizeof block);
    bool ok = buf_puts(b, "start");
    ok = buf_put(b, block, sizeof block) && ok;
    ok = buf_printf(b, "%s%300d", "n", 7) && ok;
    for (int i = 0; i < 2000; i++)
        ok = buf_putc(b, 'z') && ok;
    return ok;
}

static void test_every_allocation_fails(void **state)
{
    (void)state;
    int failures = 0;
    for (int n = 0;; n++) {
        struct buf b;
        buf_init(&b);
        fail_in = n;
        bool ok = all_operations(&b);
        fail_in = -1;
        assert_int_equal(ok, !b.failed);
        size_t len = b.len;
        assert_int_equal(buf_putc(&b, '!'), ok); /* sticky, although memory is back */
        assert_int_equal(b.len, ok ? len + 1 : len);
        if (len >= 5)
            assert_memory_equal(b.data, "start", 5);
        buf_reset(&b);
        assert_true(buf_puts(&b, "usable again"));
        buf_free(&b);
        if (ok)
            break;
        failures++;
    }
    assert_true(failures >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put),       cmocka_unit_test(test_growth),
        cmocka_unit_test(test_printf),    cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
