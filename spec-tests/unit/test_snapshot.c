/* links: host/base/snapshot.c host/base/clock.c
 * snapshot: what main sees is kept whatever the descriptors, $PWD and memory look like (-Wl,--wrap=calloc). */
#include "../../host/base/snapshot.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int fail_next;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
    return fail_next ? NULL : __real_calloc(n, size);
}

static char *args[] = { (char *)"/usr/bin/tool", (char *)"a", NULL };

static void take(struct snapshot *s, char **env)
{
    assert_true(snapshot_take(s, 2, args, env));
}

static void test_environment(void **state)
{
    (void)state;
    char *env[] = { (char *)"A=1", (char *)"AB=2=3", (char *)"EMPTY=", (char *)"NOEQUALS", (char *)"A=later", NULL };
    struct snapshot s;
    take(&s, env);
    assert_string_equal(snapshot_env(&s, "A"), "1");
    assert_string_equal(snapshot_env(&s, "AB"), "2=3");
    assert_string_equal(snapshot_env(&s, "EMPTY"), "");
    assert_null(snapshot_env(&s, "NOEQUALS"));
    assert_null(snapshot_env(&s, "B"));
    assert_false(snapshot_ci(&s));
    env[0] = (char *)"A=changed"; /* the copy of the list stays */
    assert_string_equal(snapshot_env(&s, "A"), "1");
    snapshot_free(&s);
}

static void test_ci(void **state)
{
    (void)state;
    char *set[] = { (char *)"CI=true", NULL }, *empty[] = { (char *)"CI=", NULL };
    struct snapshot s;
    take(&s, set);
    assert_true(snapshot_ci(&s));
    snapshot_free(&s);
    take(&s, empty);
    assert_false(snapshot_ci(&s));
    snapshot_free(&s);
}

static void program_is(int argc, const char *argv0, const char *expected)
{
    char *none[] = { NULL }, *argv[] = { (char *)argv0, NULL };
    struct snapshot s;
    assert_true(snapshot_take(&s, argc, argv, none));
    assert_string_equal(s.program, expected);
    snapshot_free(&s);
}

static void test_program(void **state)
{
    (void)state;
    program_is(1, "/usr/bin/sentryagent", "sentryagent");
    program_is(1, "tool", "tool");
    program_is(1, "./x/", "");
    program_is(0, NULL, "tool"); /* execve allows an empty list */
    struct snapshot s;
    assert_true(snapshot_take(&s, 1, args, NULL)); /* and no environment */
    assert_null(snapshot_env(&s, "HOME"));
    snapshot_free(&s);
}

static void cwd_is(const char *pwd, const char *expected)
{
    char line[8192];
    char *env[] = { line, NULL };
    struct snapshot s;
    assert_true(snprintf(line, sizeof line, "PWD=%s", pwd) < (int)sizeof line);
    take(&s, env);
    assert_string_equal(s.cwd, expected);
    snapshot_free(&s);
}

static void test_cwd(void **state)
{
    (void)state;
    char dir[] = "/tmp/snapshot-XXXXXX", link_name[64], sub[64], before[4096], text[128], huge[5000];
    assert_non_null(getcwd(before, sizeof before));
    assert_non_null(mkdtemp(dir));
    snprintf(sub, sizeof sub, "%s/.real", dir);
    snprintf(link_name, sizeof link_name, "%s/link", dir);
    assert_int_equal(mkdir(sub, 0700), 0);
    assert_int_equal(symlink(".real", link_name), 0);
    assert_int_equal(chdir(link_name), 0);
    cwd_is(link_name, link_name); /* the logical name */
    cwd_is("/usr", sub);          /* not true: the physical one */
    cwd_is("", sub);
    cwd_is(".real", sub);
    snprintf(text, sizeof text, "%s/../link", link_name);
    cwd_is(text, sub); /* true, but not plain */
    snprintf(text, sizeof text, "%s/.", link_name);
    cwd_is(text, sub);
    cwd_is(sub, sub); /* a name that begins with a dot is plain */
    memset(huge, '/', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    cwd_is(huge, sub);
    assert_int_equal(rmdir(sub), 0);
    cwd_is("/nowhere", ""); /* the directory is gone */
    assert_int_equal(chdir(before), 0);
    assert_int_equal(unlink(link_name), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void test_request_id(void **state)
{
    (void)state;
    char *none[] = { NULL };
    struct snapshot a, b;
    take(&a, none);
    take(&b, none);
    assert_int_equal(strlen(a.request_id), 26);
    assert_int_equal(strspn(a.request_id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
    assert_true(a.request_id[0] <= '7'); /* 48 bits of time in 50 */
    assert_string_not_equal(a.request_id, b.request_id);
    assert_true(memcmp(a.request_id, b.request_id, 10) <= 0);
    snapshot_free(&a);
    snapshot_free(&b);
}

/* Which of 0, 1, 2 are closed is known, and no file can take their numbers. */
static int with_closed(int mask)
{
    char *none[] = { NULL };
    struct snapshot s;
    for (int fd = 0; fd < 3; fd++)
        if (mask & 1 << fd)
            close(fd);
    if (!snapshot_take(&s, 2, args, none))
        return 1;
    for (int fd = 0; fd < 3; fd++) {
        bool closed = (mask & 1 << fd) != 0;
        if (s.closed[fd] != closed || (closed && s.tty[fd]) || fcntl(fd, F_GETFD) == -1)
            return 2;
    }
    snapshot_free(&s);
    return 0;
}

static void test_closed_descriptors(void **state)
{
    (void)state;
    for (int mask = 0; mask < 8; mask++) {
        int status = 0;
        pid_t p = fork();
        assert_true(p >= 0);
        if (p == 0)
            _exit(with_closed(mask));
        assert_int_equal(waitpid(p, &status, 0), p);
        assert_int_equal(status, 0);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    char *none[] = { NULL };
    struct snapshot s;
    fail_next = 1;
    bool ok = snapshot_take(&s, 2, args, none);
    fail_next = 0;
    assert_false(ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment),        cmocka_unit_test(test_ci),
        cmocka_unit_test(test_program),            cmocka_unit_test(test_cwd),
        cmocka_unit_test(test_request_id),         cmocka_unit_test(test_closed_descriptors),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
