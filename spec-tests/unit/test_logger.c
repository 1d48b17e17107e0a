/* Unit tests of the log file's rotation: names, numbers, limits. */
#include "supervisor/logger.h"

#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/test-logger-XXXXXX";

static void write_once(const struct snapshot *s, int64_t bytes, int64_t files, const char *line)
{
	struct logger l;
	char path[PATH_MAX];
	logger_init(&l, s);
	(void)snprintf(path, sizeof path, "%s/x.log", directory);
	logger_set(&l, s, bytes, files, 86400, path);
	assert_true(l.on);
	logger_add(&l, s, line, strlen(line));
	logger_write(&l);
	logger_free(&l);
}

static bool exists(const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	(void)snprintf(path, sizeof path, "%s/%s", directory, name);
	return stat(path, &st) == 0;
}

static int set_up(void **state)
{
	static char *argv[] = { (char *)"tool", NULL }, *env[] = { (char *)"HOME=/nonexistent", NULL };
	static struct snapshot s;
	*state = &s;
	return mkdtemp(directory) != NULL && snapshot_take(&s, 1, argv, env) ? 0 : -1;
}

static int tear_down(void **state)
{
	snapshot_free(*state);
	return file_remove_tree(AT_FDCWD, directory);
}

static void test_rotates_and_keeps_so_many(void **state)
{
	for (int i = 0; i < 6; i++)
		write_once(*state, 1, 2, "a line\n");
	assert_true(exists("x.log") && exists("x.log.1") && exists("x.log.2"));
	assert_false(exists("x.log.3"));
	assert_false(exists("x.log.lock"));
}

static void test_without_rotated_files(void **state)
{
	write_once(*state, 1, 0, "a line\n");
	write_once(*state, 1, 0, "a line\n");
	assert_true(exists("x.log"));
	assert_false(exists("x.log.1") || exists("x.log.2"));
}

static void test_appends_below_the_limit(void **state)
{
	struct buf b;
	char path[PATH_MAX];
	write_once(*state, 1, 0, "first\n");
	write_once(*state, 1000, 2, "second\n");
	buf_init(&b);
	(void)snprintf(path, sizeof path, "%s/x.log", directory);
	assert_int_equal(file_read(path, 10000, &b), 0);
	assert_true(buf_putc(&b, '\0'));
	assert_non_null(strstr(b.data, " first\n"));
	assert_non_null(strstr(b.data, " second\n"));
	buf_free(&b);
}

static void test_off_unless_asked(void **state)
{
	struct logger l;
	logger_init(&l, *state);
	assert_false(l.on);
	logger_add(&l, *state, "x\n", 2);
	assert_int_equal(l.lines.len, 0);
	logger_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rotates_and_keeps_so_many),
		cmocka_unit_test(test_without_rotated_files),
		cmocka_unit_test(test_appends_below_the_limit),
		cmocka_unit_test(test_off_unless_asked),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
