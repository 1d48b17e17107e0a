#include "logger.h"

#include "base/clock.h"
#include "base/file.h"
#include "data_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_BYTES ((int64_t)100 << 20)
#define MAX_FILES 5
#define MAX_AGE_S ((int64_t)30 * 86400)
#define MAX_KEPT ((size_t)1 << 20) /* of one run, in memory */
#define LOCK_MS 500

void logger_init(struct logger *l, const struct snapshot *s)
{
	const char *debug = snapshot_env(s, "TOOL_DEBUG");
	buf_init(&l->lines);
	l->on = false;
	l->path[0] = '\0';
	if (debug != NULL && strcmp(debug, "1") == 0)
		logger_set(l, s, MAX_BYTES, MAX_FILES, MAX_AGE_S, "");
}

void logger_set(struct logger *l, const struct snapshot *s, int64_t max_bytes, int64_t max_files, int64_t max_age_s,
		const char *path)
{
	l->max_bytes = max_bytes;
	l->max_files = max_files;
	l->max_age_s = max_age_s;
	if (path[0] == '/')
		l->on = snprintf(l->path, sizeof l->path - 32, "%s", path) < (int)sizeof l->path - 32;
	else
		l->on = data_path(s, "logs/cli.log", l->path) && strlen(l->path) < sizeof l->path - 32;
}

void logger_add(struct logger *l, const struct snapshot *s, const char *line, size_t n)
{
	char stamp[25];
	if (!l->on || l->lines.len + n > MAX_KEPT)
		return;
	clock_rfc3339(clock_epoch_ms(), stamp);
	(void)buf_printf(&l->lines, "%s %s ", stamp, s->request_id);
	(void)buf_put(&l->lines, line, n);
}

static void numbered(const struct logger *l, int64_t number, char out[PATH_MAX])
{
	size_t n = strlen(l->path);
	(void)memcpy(out, l->path, n + 1);
	if (number > 0)
		(void)snprintf(out + n, PATH_MAX - n, ".%lld", (long long)number);
}

static void rotate(const struct logger *l)
{
	char from[PATH_MAX], to[PATH_MAX];
	for (int64_t i = l->max_files; i >= 0; i--) {
		numbered(l, i, from);
		numbered(l, i + 1, to);
		if (i == l->max_files)
			(void)unlink(from);
		else
			(void)rename(from, to);
	}
}

/* The number of a rotated file's name; 0 when it is none. */
static int64_t number_of(const char *name, const char *base)
{
	char *end;
	size_t n = strlen(base);
	if (strncmp(name, base, n) != 0 || name[n] != '.')
		return 0;
	long long number = strtoll(name + n + 1, &end, 10);
	return *end == '\0' && end != name + n + 1 && number > 0 ? number : 0;
}

/* Removes rotated files that are too old or too many, also those of earlier, larger limits. */
static void prune(const struct logger *l)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(l->path, '/');
	(void)memcpy(dir, l->path, (size_t)(slash - l->path));
	dir[slash - l->path] = '\0';
	DIR *d = opendir(dir[0] != '\0' ? dir : "/");
	if (d == NULL)
		return;
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		struct stat st;
		int64_t number = number_of(e->d_name, slash + 1);
		if (number == 0 || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (number > l->max_files || clock_epoch_ms() / 1000 - (int64_t)st.st_mtim.tv_sec > l->max_age_s)
			(void)unlinkat(dirfd(d), e->d_name, 0);
	}
	(void)closedir(d);
}

void logger_write(struct logger *l)
{
	char lock[PATH_MAX];
	int fd = -1;
	pid_t holder;
	struct stat st;
	if (!l->on || l->lines.len == 0 || l->lines.failed || !make_parents(l->path))
		return;
	(void)snprintf(lock, sizeof lock, "%.*s.lock", (int)sizeof lock - 8, l->path);
	if (file_lock(lock, LOCK_MS, &fd, &holder) != 0)
		return; /* rather a gap in the log than a run that waits */
	prune(l);
	if (stat(l->path, &st) == 0 && st.st_size > 0 && (int64_t)st.st_size + (int64_t)l->lines.len > l->max_bytes)
		rotate(l);
	(void)file_append(l->path, l->lines.data, l->lines.len, 0600);
	(void)unlink(lock); /* while it is held: who waits for it looks again */
	(void)close(fd);
	buf_reset(&l->lines);
}

void logger_free(struct logger *l)
{
	buf_free(&l->lines);
}
