/* links: host/base/file.c host/base/buf.c host/base/clock.c
 * file: readers see the old or the new file whole, whatever happens to the writer; caps, links, modes, locks hold
 * (REQ-F-070). Linked with -Wl,--wrap=linkat */
#include "../../host/base/file.h"

#include "../../host/base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st, (void)type, (void)f;
    return remove(path);
}

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/file-test-XXXXXX");
    return mkdtemp(dir) == NULL || chdir(dir) != 0;
}

static int teardown(void **state)
{
    (void)state;
    return chdir("/") != 0 || nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0;
}

static void holds(const char *path, const char *expected)
{
    struct buf b;
    buf_init(&b);
    assert_int_equal(file_read(path, 1 << 20, &b), 0);
    assert_int_equal(b.len, strlen(expected));
    assert_memory_equal(b.len > 0 ? b.data : "", expected, b.len);
    buf_free(&b);
}

static size_t entries(const char *path)
{
    DIR *d = opendir(path);
    size_t n = 0;
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
    closedir(d);
    return n;
}

static void test_read(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    assert_int_equal(file_read("none", 10, &b), ENOENT);
    assert_int_equal(file_read(".", 10, &b), EISDIR);
    assert_int_equal(file_write("a", "12345", 5, 0600, 0), 0);
    assert_int_equal(file_read("a", 5, &b), 0);
    assert_int_equal(file_read("a", 4, &b), EFBIG);
    assert_int_equal(file_read("a/b", 4, &b), ENOTDIR);
    buf_reset(&b);
    assert_int_equal(file_read("/proc/self/status", 1 << 20, &b), 0); /* says that it has no size */
    assert_true(b.len > 100);
    buf_reset(&b);
    assert_int_equal(file_read("/dev/zero", 100000, &b), EFBIG);
    buf_free(&b);
    holds("a", "12345");
}

static void test_write(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(file_write("w", "old", 3, 0640, 0), 0);
    assert_int_equal(stat("w", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    ino_t before = st.st_ino;
    assert_int_equal(chmod("w", 0604), 0);
    assert_int_equal(file_write("w", "", 0, 0644, 0), 0);
    assert_int_equal(stat("w", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0604); /* kept */
    assert_int_not_equal(st.st_ino, before);    /* never truncated in place */
    holds("w", "");
    assert_int_equal(file_write("w", "", 0, 0600, 0), 0);
    assert_int_equal(stat("w", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600); /* closed to others, as asked */
    assert_int_equal(file_write("none/w", "x", 1, 0600, 0), ENOENT);
    assert_int_equal(file_write(".", "x", 1, 0600, 0), EISDIR);
    assert_int_equal(entries("."), 1);
}

static void test_exclusive(void **state)
{
    (void)state;
    assert_int_equal(file_write("e", "first", 5, 0600, 1), 0);
    assert_int_equal(file_write("e", "second", 6, 0600, 1), EEXIST);
    holds("e", "first");
    assert_int_equal(symlink("nothing", "dangling"), 0);
    assert_int_equal(file_write("dangling", "x", 1, 0600, 1), EEXIST);
    assert_int_equal(entries("."), 2);
}

static void test_links(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(mkdir("d", 0700), 0);
    assert_int_equal(file_write("d/real", "old", 3, 0600, 0), 0);
    assert_int_equal(symlink("d/real", "l"), 0);
    assert_int_equal(file_write("l", "new", 3, 0600, 0), 0);
    assert_int_equal(lstat("l", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    holds("d/real", "new");
    assert_int_equal(entries("d"), 1);
    assert_int_equal(symlink("loop", "loop"), 0);
    struct buf b;
    buf_init(&b);
    assert_int_equal(file_read("loop", 10, &b), ELOOP);
    buf_free(&b);
}

static void test_long_names(void **state)
{
    (void)state;
    char name[300], path[5000];
    memset(name, 'n', sizeof name);
    name[255] = '\0';
    assert_int_equal(file_write(name, "x", 1, 0600, 0), 0); /* the longest name that there can be */
    holds(name, "x");
    assert_int_equal(entries("."), 1);
    name[255] = 'n';
    name[256] = '\0';
    assert_int_equal(file_write(name, "x", 1, 0600, 0), ENAMETOOLONG);
    memset(path, 'p', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_int_equal(file_write(path, "x", 1, 0600, 0), ENAMETOOLONG);
    assert_int_equal(file_mkdir(path, 0700, 1), ENAMETOOLONG);
    assert_int_equal(entries("."), 1);
}

/* A write that runs out of room leaves the old file and nothing else. */
static void test_size_limit(void **state)
{
    (void)state;
    static char large[100000];
    struct rlimit old, small = { 4096, 4096 };
    assert_int_equal(file_write("s", "old", 3, 0600, 0), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int rc = file_write("s", large, sizeof large, 0600, 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(rc, EFBIG);
    holds("s", "old");
    assert_int_equal(entries("."), 1);
}

/* The same on a file system that is full; needs the right to mount one, else the limit above is the proof. */
static void test_disk_full(void **state)
{
    (void)state;
    static char large[300000];
    assert_int_equal(mkdir("m", 0700), 0);
    if (mount("tmpfs", "m", "tmpfs", 0, "size=64k") != 0) {
        print_message("no right to mount a file system\n");
        return;
    }
    int first = file_write("m/f", "old", 3, 0600, 0), second = file_write("m/f", large, sizeof large, 0600, 0);
    int third = file_append("m/f", large, sizeof large, 0600);
    size_t left = entries("m");
    struct buf b;
    buf_init(&b);
    int fourth = file_read("m/f", 1 << 20, &b);
    bool kept = b.len >= 3 && memcmp(b.data, "old", 3) == 0;
    buf_free(&b);
    assert_int_equal(umount("m"), 0);
    assert_int_equal(first, 0);
    assert_int_equal(second, ENOSPC);
    assert_int_equal(third, ENOSPC);
    assert_int_equal(left, 1);
    assert_int_equal(fourth, 0);
    assert_true(kept);
}

_Noreturn static void write_for_ever(void)
{
    static char a[200000], b[150000];
    memset(a, 'a', sizeof a);
    memset(b, 'b', sizeof b);
    for (;;)
        if (file_write("k", a, sizeof a, 0600, 0) != 0 || file_write("k", b, sizeof b, 0600, 0) != 0)
            _exit(1);
}

/* SIGKILL at any moment: what is there is one of the two texts, whole. */
static void test_kill(void **state)
{
    (void)state;
    assert_int_equal(file_write("k", "", 0, 0600, 0), 0);
    for (int round = 0; round < 40; round++) {
        struct buf b;
        int status;
        pid_t p = fork();
        assert_true(p >= 0);
        if (p == 0)
            write_for_ever();
        buf_init(&b);
        for (int64_t until = clock_mono_ns() + 1000000 + round * 150000; clock_mono_ns() < until;) {
            buf_reset(&b);
            assert_int_equal(file_read("k", 1 << 20, &b), 0);
        }
        assert_int_equal(kill(p, SIGKILL), 0);
        assert_int_equal(waitpid(p, &status, 0), p);
        assert_true(WIFSIGNALED(status));
        buf_reset(&b);
        assert_int_equal(file_read("k", 1 << 20, &b), 0);
        size_t whole = b.len == 0 ? 0 : b.data[0] == 'a' ? 200000 : 150000;
        assert_int_equal(b.len, whole);
        for (size_t i = 1; i < b.len; i++)
            if (b.data[i] != b.data[0])
                fail_msg("byte %zu differs", i);
        buf_free(&b);
    }
    assert_int_equal(file_write("k", "end", 3, 0600, 0), 0);
    assert_int_equal(entries("."), 1); /* what a killed writer may have left is gone now */
}

/* What a writer left that was killed between link and rename goes with the next write, unless it is none of ours. */
static void test_left_over(void **state)
{
    (void)state;
    assert_int_equal(file_append(".f.tool-tmp", "half", 4, 0600), 0);
    assert_int_equal(file_write("f", "new", 3, 0600, 0), 0);
    holds("f", "new");
    assert_int_equal(entries("."), 1);
    assert_int_equal(mkdir(".f.tool-tmp", 0700), 0);
    assert_int_equal(file_write("f", "newer", 5, 0600, 0), 0);
    holds("f", "newer");
    assert_int_equal(entries("."), 2);
}

static bool no_nameless; /* as on a file system that cannot link a file without a name */
int __real_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);

int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    if (!no_nameless)
        return __real_linkat(from_dir, from, to_dir, to, flags);
    errno = EOPNOTSUPP;
    return -1;
}

static void test_named(void **state)
{
    no_nameless = true;
    test_exclusive(state);
    assert_int_equal(unlink("e"), 0);
    assert_int_equal(unlink("dangling"), 0);
    test_write(state);
    assert_int_equal(unlink("w"), 0);
    test_size_limit(state);
    no_nameless = false;
}

static void test_append(void **state)
{
    (void)state;
    assert_int_equal(file_append("p", "a\n", 2, 0600), 0);
    assert_int_equal(file_append("p", "b\n", 2, 0600), 0);
    holds("p", "a\nb\n");
    assert_int_equal(file_append(".", "b", 1, 0600), EISDIR);
}

static void test_mkdir(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(file_mkdir("a/b/c", 0700, 0), ENOENT);
    assert_int_equal(file_mkdir("a/b//c/", 0700, 1), 0);
    assert_int_equal(file_mkdir("a/b/c", 0755, 1), 0); /* there already */
    assert_int_equal(stat("a/b", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(file_write("f", "", 0, 0600, 0), 0);
    assert_int_equal(file_mkdir("f", 0700, 0), ENOTDIR);
    assert_int_equal(file_mkdir("f/g", 0700, 1), ENOTDIR);
    assert_int_equal(file_mkdir("/", 0700, 1), 0);
}

static void test_lock(void **state)
{
    (void)state;
    int a, b;
    pid_t holder;
    assert_int_equal(file_lock("lock", 0, &a, &holder), 0);
    assert_true((fcntl(a, F_GETFD) & FD_CLOEXEC) != 0);
    int64_t before = clock_mono_ns();
    assert_int_equal(file_lock("lock", 30, &b, &holder), EWOULDBLOCK);
    assert_true(clock_mono_ns() - before >= 30000000);
    assert_int_equal(holder, getpid());
    assert_int_equal(b, -1);
    close(a);
    assert_int_equal(file_lock("lock", -5, &b, &holder), 0);
    close(b);
    assert_int_equal(symlink("lock", "link"), 0);
    assert_int_equal(file_lock("link", 0, &b, &holder), ELOOP); /* not through a link that another has put there */
    assert_int_equal(file_lock("no/lock", 0, &b, &holder), ENOENT);
}

static void on_alarm(int sig)
{
    (void)sig;
}

static void test_lock_interrupted(void **state)
{
    (void)state;
    int a, b;
    pid_t holder;
    struct sigaction act = { .sa_handler = on_alarm }, old;
    assert_int_equal(file_lock("lock", 0, &a, &holder), 0);
    assert_int_equal(sigaction(SIGALRM, &act, &old), 0);
    alarm(1);
    int64_t before = clock_mono_ns();
    assert_int_equal(file_lock("lock", 20000, &b, &holder), EINTR);
    assert_true(clock_mono_ns() - before < (int64_t)10 * 1000000000);
    assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
    close(a);
}

static void test_write_all(void **state)
{
    (void)state;
    int p[2];
    char text[10];
    assert_int_equal(pipe(p), 0);
    assert_int_equal(file_write_all(p[1], "hello", 5), 0);
    assert_int_equal(read(p[0], text, sizeof text), 5);
    close(p[0]);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(file_write_all(p[1], "hello", 5), EPIPE);
    close(p[1]);
    assert_int_equal(file_write_all(p[1], "hello", 5), EBADF);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_read),       TEST(test_write),     TEST(test_exclusive), TEST(test_links), TEST(test_long_names),
        TEST(test_size_limit), TEST(test_disk_full), TEST(test_kill),      TEST(test_append), TEST(test_mkdir),
        TEST(test_lock),       TEST(test_lock_interrupted), TEST(test_write_all), TEST(test_left_over),
        TEST(test_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
