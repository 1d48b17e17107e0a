/* The framework's log file, <data>/tool/logs/cli.log: what --debug would show of every run, redacted. It exists only when
 * asked for (TOOL_DEBUG=1 or the configuration), is bounded by rotation, and never fails a run (REQ-F-042). */
#ifndef TOOL_SUPERVISOR_LOGGER_H
#define TOOL_SUPERVISOR_LOGGER_H

#include "base/buf.h"
#include "base/snapshot.h"

#include <limits.h>
#include <stdint.h>

struct logger {
	bool on;
	char path[PATH_MAX];
	int64_t max_bytes; /* of one file */
	int64_t max_files; /* rotated ones that are kept: cli.log.1 is the youngest */
	int64_t max_age_s; /* of a rotated one */
	struct buf lines;  /* of this run */
};

/* Sets the default limits; on when TOOL_DEBUG=1 and a place is known. */
void logger_init(struct logger *l, const struct snapshot *s);

/* Switches it on with the configured limits; path may be "" for the default place. */
void logger_set(struct logger *l, const struct snapshot *s, int64_t max_bytes, int64_t max_files, int64_t max_age_s,
		const char *path);

/* Keeps one redacted line, newline included. */
void logger_add(struct logger *l, const struct snapshot *s, const char *line, size_t n);

/* Writes the lines of the run, rotating and removing files first. */
void logger_write(struct logger *l);

void logger_free(struct logger *l);

#endif
