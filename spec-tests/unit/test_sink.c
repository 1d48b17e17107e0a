/* links: host/supervisor/sink.c host/base/buf.c
 * sink: never blocks, loses nothing silently, keeps no more than what waits. Linked with -Wl,--wrap=write */
#include "../../host/supervisor/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LARGE 500000

static int refuse_once; /* an errno value for the next write */
ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
    if (refuse_once == 0)
        return __real_write(fd, p, n);
    errno = refuse_once;
    refuse_once = 0;
    return -1;
}

static char large[LARGE];

static void fill(void)
{
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (char)('a' + i % 23);
}

/* Reads what is there without waiting; checks the order of the bytes from *at on. */
static void take(int fd, size_t *at)
{
    char chunk[10000];
    struct pollfd p = { .fd = fd, .events = POLLIN };
    while (poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        assert_true(n > 0);
        for (ssize_t i = 0; i < n; i++, (*at)++)
            if (chunk[i] != large[*at % LARGE])
                fail_msg("byte %zu", *at);
    }
}

/* A reader that takes nothing: pump returns, the rest waits, and comes in order later. */
static void never_blocks(int out, int in)
{
    struct sink s;
    size_t got = 0;
    sink_init(&s, out, false);
    sink_put(&s, large, LARGE);
    alarm(20); /* a write that blocks ends the test */
    sink_pump(&s);
    assert_true(sink_pending(&s) > 0);
    sink_pump(&s);
    while (sink_pending(&s) > 0) {
        take(in, &got);
        sink_pump(&s);
    }
    take(in, &got);
    alarm(0);
    assert_int_equal(got, LARGE);
    assert_int_equal(s.total, LARGE);
    assert_int_equal(s.error, 0);
    assert_false(s.gone);
    sink_free(&s);
    assert_int_equal(fcntl(out, F_GETFL) & O_NONBLOCK, 0); /* what others share is as it was */
}

/* Another writer was faster, or a signal came: no error, and nothing is lost. */
static void test_refused_for_now(void **state)
{
    (void)state;
    static const int reasons[] = { EAGAIN, EINTR };
    for (size_t i = 0; i < 2; i++) {
        int p[2];
        struct sink s;
        char got[6] = "";
        assert_int_equal(pipe(p), 0);
        sink_init(&s, p[1], false);
        sink_put(&s, "hello", 5);
        refuse_once = reasons[i];
        sink_pump(&s);
        assert_int_equal(s.error, 0);
        sink_drain(&s, 1000);
        assert_int_equal(read(p[0], got, 5), 5);
        assert_string_equal(got, "hello");
        sink_free(&s);
        close(p[0]), close(p[1]);
    }
}

/* However fast the reader, a turn ends; and for a reader that is gone nothing is kept. */
static void test_turn(void **state)
{
    (void)state;
    struct sink s;
    int fd = open("/dev/null", O_WRONLY);
    sink_init(&s, fd, false);
    sink_put(&s, large, LARGE);
    sink_pump(&s);
    assert_in_range(sink_pending(&s), 1, LARGE - 1);
    sink_drain(&s, 1000);
    assert_int_equal(sink_pending(&s), 0);
    s.gone = true;
    sink_put(&s, large, LARGE);
    assert_int_equal(s.queue.len, 0);
    sink_free(&s);
    close(fd);
}

static void test_pipe(void **state)
{
    (void)state;
    int p[2];
    assert_int_equal(pipe(p), 0);
    never_blocks(p[1], p[0]);
    close(p[0]), close(p[1]);
}

static void test_socket(void **state)
{
    (void)state;
    int p[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
    never_blocks(p[1], p[0]);
    close(p[0]), close(p[1]);
}

static void test_terminal(void **state)
{
    (void)state;
    int master, slave;
    struct termios raw;
    memset(&raw, 0, sizeof raw);
    cfmakeraw(&raw);
    if (openpty(&master, &slave, NULL, &raw, NULL) != 0)
        skip();
    never_blocks(slave, master);
    close(master), close(slave);
}

static void test_memory_of_a_long_stream(void **state)
{
    (void)state;
    int p[2];
    struct sink s;
    size_t got = 0;
    assert_int_equal(pipe(p), 0);
    sink_init(&s, p[1], false);
    sink_put(&s, large, LARGE);
    for (int i = 0; i < 300; i++) { /* never empty: what is out must be forgotten all the same */
        sink_put(&s, large + LARGE / 10 * (i % 10), LARGE / 10);
        while (sink_pending(&s) > LARGE) {
            sink_pump(&s);
            take(p[0], &got);
        }
    }
    assert_true(s.queue.cap < (size_t)5 * LARGE);
    close(p[0]), close(p[1]);
    sink_free(&s);
}

static void test_reader_gone(void **state)
{
    (void)state;
    int p[2];
    struct sink s;
    assert_int_equal(pipe(p), 0);
    sink_init(&s, p[1], false);
    close(p[0]);
    sink_put(&s, "x", 1);
    sink_drain(&s, 1000);
    assert_true(s.gone);
    assert_int_equal(s.error, 0);
    assert_int_equal(sink_pending(&s), 0);
    sink_put(&s, "x", 1);
    assert_int_equal(sink_pending(&s), 0);
    close(p[1]);
    sink_free(&s);
}

static void fails_with(const char *path, int flags, bool closed, int error)
{
    struct sink s;
    int fd = open(path, flags);
    assert_true(fd >= 0);
    sink_init(&s, fd, closed);
    sink_put(&s, "x", 1);
    sink_drain(&s, 1000);
    assert_int_equal(s.error, error);
    assert_int_equal(sink_pending(&s), 0);
    sink_free(&s);
    close(fd);
}

static void test_errors(void **state)
{
    (void)state;
    fails_with("/dev/full", O_WRONLY, false, ENOSPC);
    fails_with("/dev/null", O_RDONLY, false, EBADF);
    fails_with("/dev/null", O_WRONLY, true, EBADF); /* was closed when the program began */
    fails_with("/dev/null", O_WRONLY, false, 0);
}

static void test_stall(void **state)
{
    (void)state;
    int p[2];
    struct sink s;
    assert_int_equal(pipe(p), 0);
    sink_init(&s, p[1], false);
    sink_put(&s, large, LARGE);
    sink_drain(&s, 50);
    assert_int_equal(s.error, ETIMEDOUT);
    close(p[0]), close(p[1]);
    sink_free(&s);
}

/* Slow is not stalled: each byte taken begins the time anew. */
static void test_slow_reader(void **state)
{
    (void)state;
    int p[2], status;
    struct sink s;
    assert_int_equal(pipe(p), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char chunk[20000];
        size_t sum = 0;
        close(p[1]);
        for (ssize_t n = 1; n > 0; sum += (size_t)n) {
            (void)usleep(20000);
            n = read(p[0], chunk, sizeof chunk);
        }
        _exit(sum == LARGE ? 0 : 1);
    }
    close(p[0]);
    sink_init(&s, p[1], false);
    sink_put(&s, large, LARGE);
    sink_drain(&s, 300);
    assert_int_equal(s.error, 0);
    assert_int_equal(s.total, LARGE);
    sink_free(&s);
    close(p[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_file(void **state)
{
    (void)state;
    char path[] = "/tmp/sink-XXXXXX";
    struct sink s;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    sink_init(&s, fd, false);
    assert_true(s.regular);
    assert_int_equal(sink_poll_fd(&s), -1);
    sink_put(&s, large, LARGE);
    assert_int_equal(sink_poll_fd(&s), fd);
    sink_pump(&s);
    assert_int_equal(sink_pending(&s), 0);
    assert_int_equal(lseek(fd, 0, SEEK_END), LARGE);
    sink_free(&s);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipe), cmocka_unit_test(test_refused_for_now), cmocka_unit_test(test_turn),        cmocka_unit_test(test_socket),      cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_memory_of_a_long_stream), cmocka_unit_test(test_reader_gone), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_stall),       cmocka_unit_test(test_slow_reader), cmocka_unit_test(test_file),
    };
    fill();
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
