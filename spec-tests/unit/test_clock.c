/* links: host/base/clock.c
 * clock: stamps are RFC 3339 in UTC for every time, the monotonic clock never goes back. */
#include "../../host/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void stamp(int64_t epoch_ms, const char *expected)
{
    char out[25];
    memset(out, 'x', sizeof out);
    clock_rfc3339(epoch_ms, out);
    assert_string_equal(out, expected);
}

static void test_stamps(void **state)
{
    (void)state;
    stamp(0, "1970-01-01T00:00:00.000Z");
    stamp(1, "1970-01-01T00:00:00.001Z");
    stamp(951782400000, "2000-02-29T00:00:00.000Z");
    stamp(1927965600123, "2031-02-04T10:00:00.123Z");
    stamp(253402300799999, "9999-12-31T23:59:59.999Z");
}

static void test_before_1970(void **state)
{
    (void)state;
    stamp(-1, "1969-12-31T23:59:59.999Z");
    stamp(-1000, "1969-12-31T23:59:59.000Z");
    stamp(-86400001, "1969-12-30T23:59:59.999Z");
}

static void test_zone_is_ignored(void **state)
{
    (void)state;
    assert_int_equal(setenv("TZ", "Pacific/Kiritimati", 1), 0);
    tzset();
    stamp(0, "1970-01-01T00:00:00.000Z");
    assert_int_equal(unsetenv("TZ"), 0);
    tzset();
}

static void test_clocks(void **state)
{
    (void)state;
    int64_t before = clock_mono_ns();
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_ns();
        assert_true(now >= before);
        before = now;
    }
    int64_t seconds = (int64_t)time(NULL);
    assert_in_range(clock_epoch_ms(), (uintmax_t)(seconds - 1) * 1000, (uintmax_t)(seconds + 10) * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stamps),
        cmocka_unit_test(test_before_1970),
        cmocka_unit_test(test_zone_is_ignored),
        cmocka_unit_test(test_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
