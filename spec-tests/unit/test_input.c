/* links: host/supervisor/input.c host/base/buf.c
 * input: lines arrive in any pieces; each has its number, and one that is too long costs only itself. */
#include "../../host/supervisor/input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX 10

/* What the pieces give, as "number:line;" with "number!" for a line that is too long. A NULL ends the pieces. */
static const char *lines_of(const char *const *pieces)
{
    static char out[1024];
    int fd[2];
    size_t at = 0, n = 0;
    struct input in;
    const char *line = NULL;
    assert_int_equal(pipe(fd), 0);
    input_init(&in, fd[0], MAX);
    out[0] = '\0';
    for (;;) {
        enum input_state s = input_next(&in, &line, &n);
        if (s == INPUT_ENDS)
            break;
        if (s == INPUT_LINE)
            at += (size_t)snprintf(out + at, sizeof out - at, "%lld:%.*s;", in.line, (int)n, line);
        else if (s == INPUT_TOO_LONG)
            at += (size_t)snprintf(out + at, sizeof out - at, "%lld!;", in.line);
        else {
            assert_int_equal(s, INPUT_WAITS);
            if (*pieces != NULL) {
                assert_int_equal(write(fd[1], *pieces, strlen(*pieces)), (ssize_t)strlen(*pieces));
                pieces++;
            } else if (fd[1] >= 0) {
                assert_int_equal(close(fd[1]), 0);
                fd[1] = -1;
            }
            input_read(&in);
        }
    }
    assert_int_equal(in.error, 0);
    input_free(&in);
    (void)close(fd[0]);
    return out;
}

#define LINES(...) lines_of((const char *const[]){ __VA_ARGS__, NULL })

static void test_lines(void **state)
{
    (void)state;
    assert_string_equal(LINES("a\nb\n"), "1:a;2:b;");
    assert_string_equal(LINES("a\nb"), "1:a;2:b;");
    assert_string_equal(LINES("a", "b", "\n", "c\nd", "\n"), "1:ab;2:c;3:d;");
    assert_string_equal(LINES("\n \t\r\n a \n\n"), "3: a ;");
    assert_string_equal(lines_of((const char *const[]){ NULL }), "");
}

static void test_too_long(void **state)
{
    (void)state;
    assert_string_equal(LINES("0123456789\nx\n"), "1:0123456789;2:x;");
    assert_string_equal(LINES("01234567890\nx\n"), "1!;2:x;");
    assert_string_equal(LINES("01234567890", "123456789", "1234567890123\nx\n", "y"), "1!;2:x;3:y;");
    assert_string_equal(LINES("01234567890", "1"), "1!;");
    assert_string_equal(LINES("           \n", "x"), "1!;2:x;");
}

static void test_error(void **state)
{
    struct input in;
    const char *line;
    size_t n;
    (void)state;
    input_init(&in, -1, MAX);
    assert_int_equal(input_next(&in, &line, &n), INPUT_WAITS);
    input_read(&in);
    assert_int_equal(input_next(&in, &line, &n), INPUT_ENDS);
    assert_true(in.error != 0);
    input_free(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines), cmocka_unit_test(test_too_long), cmocka_unit_test(test_error) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
