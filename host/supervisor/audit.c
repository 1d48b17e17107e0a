#include "audit.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONG_LINE 4096
#define MAX_TRACE 256
#define LASTS_NS 500000000 /* then it is opened anew: where somebody puts a new one in its place, that is written to */

/* 1: a place is known; 0: switched off; -1: none is known. */
static int find_place(char path[PATH_MAX], const struct snapshot *s, const char *configured)
{
	const char *named = snapshot_env(s, "TOOL_AUDIT_LOG");
	if (named == NULL || named[0] == '\0')
		named = configured;
	if (named != NULL && strcmp(named, "off") == 0)
		return 0;
	int n;
	if (named == NULL || named[0] == '\0')
		return data_path(s, "audit.jsonl", path) ? 1 : -1;
	if (named[0] == '/')
		n = snprintf(path, PATH_MAX, "%s", named);
	else
		n = snprintf(path, PATH_MAX, "%s/%s", s->cwd, named);
	return n < PATH_MAX ? 1 : -1;
}

/* Is it open, and still the file that others find there? */
static bool is_open(const struct audit *a, const char *path, int64_t now)
{
	struct stat st;
	return a->fd >= 0 && now - a->opened_ns < LASTS_NS && strcmp(a->path, path) == 0 && fstat(a->fd, &st) == 0 &&
	       st.st_nlink > 0;
}

int audit_open(struct audit *a, const struct snapshot *s, const char *configured)
{
	char path[PATH_MAX];
	int place = find_place(path, s, configured);
	int64_t now = clock_mono_ns();
	if (place > 0 && is_open(a, path, now))
		return 0;
	audit_close(a);
	if (place <= 0)
		return place == 0 ? 0 : ENOENT;
	(void)memcpy(a->path, path, strlen(path) + 1);
	a->opened_ns = now;
	/* O_NONBLOCK: a FIFO that nobody reads must not hold the run */
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	a->fd = open(a->path, flags, 0600);
	if (a->fd < 0 && errno == ENOENT && make_parents(a->path))
		a->fd = open(a->path, flags, 0600);
	return a->fd >= 0 ? 0 : errno;
}

bool audit_line(struct buf *out, const struct snapshot *s, const struct audit_entry *e)
{
	char stamp[25];
	const char *trace = snapshot_env(s, "TOOL_TRACE_ID");
	clock_rfc3339(s->start_epoch_ms, stamp);
	bool ok = buf_puts(out, "{\"timestamp\":\"") && buf_puts(out, stamp) && buf_puts(out, "\",\"command\":") &&
		  buf_puts(out, e->command) && buf_puts(out, ",\"args\":") && buf_puts(out, e->args) &&
		  buf_puts(out, ",\"exit_code\":") && json_put_int(out, e->exit_code) && buf_puts(out, ",\"duration_ms\":") &&
		  json_put_int(out, e->duration_ms) && buf_puts(out, ",\"trace_id\":");
	if (trace != NULL && trace[0] != '\0')
		ok = ok && json_put_string(out, trace, strnlen(trace, MAX_TRACE));
	else
		ok = ok && buf_puts(out, "null");
	return ok && buf_puts(out, ",\"request_id\":\"") && buf_puts(out, s->request_id) && buf_puts(out, "\"}\n");
}

int audit_write(struct audit *a, const struct buf *line)
{
	if (a->fd < 0)
		return 0;
	if (line->len > LONG_LINE)
		(void)flock(a->fd, LOCK_EX | LOCK_NB); /* whoever holds the lock must not hold the answer */
	int rc = file_write_all(a->fd, line->data, line->len);
	if (!a->lasting || rc != 0 || line->len > LONG_LINE)
		audit_close(a);
	return rc;
}

void audit_close(struct audit *a)
{
	if (a->fd >= 0)
		(void)close(a->fd);
	a->fd = -1;
}
