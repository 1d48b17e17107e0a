/* The audit log: one JSON line for each invocation, appended, also when it failed (REQ-F-026, F-025).
 * A log that cannot be written never fails a run. */
#ifndef TOOL_SUPERVISOR_AUDIT_H
#define TOOL_SUPERVISOR_AUDIT_H

#include "base/buf.h"
#include "base/snapshot.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct audit {
	int fd; /* -1: not open */
	char path[PATH_MAX];
	bool lasting;       /* stays open from one line of the log to the next, for a moment */
	int64_t opened_ns;
};

struct audit_entry {
	const char *command;           /* JSON string */
	const char *args;              /* JSON object, sanitized */
	int exit_code;
	int64_t duration_ms;
};

/* Opens the log, unless it is still open, making it (0600) and its directories (0700) when missing. `path` is the configured place or NULL;
 * TOOL_AUDIT_LOG names another, `off` none; else <data>/tool/audit.jsonl. 0 when open or switched off, or an errno
 * value; ENOENT when no place is known. */
int audit_open(struct audit *a, const struct snapshot *s, const char *path);

/* Composes the line of an invocation, newline included. */
bool audit_line(struct buf *out, const struct snapshot *s, const struct audit_entry *e);

/* Appends the line and closes the log, if it does not last; 0 or an errno value. */
int audit_write(struct audit *a, const struct buf *line);

void audit_close(struct audit *a);

#endif
