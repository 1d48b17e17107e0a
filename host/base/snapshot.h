/* The invocation as it was before anything changed it: arguments, environment, terminals, directory, time.
 * Taken once, first thing in main; everything that decides by the environment reads this (REQ-F-003). */
#ifndef TOOL_BASE_SNAPSHOT_H
#define TOOL_BASE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct snapshot {
	int argc;
	char **argv;             /* argv[0] included */
	const char *program;     /* basename of argv[0] */
	char **env;              /* the original strings, NULL-terminated */
	bool tty[3];             /* isatty of 0, 1, 2 */
	bool closed[3];          /* the descriptor was not open */
	char cwd[4096];          /* logical when $PWD is true, else physical; "" when it cannot be known */
	char request_id[27];     /* ULID, 26 characters */
	const char *instance;    /* name under which state is kept apart, or NULL (REQ-O-036) */
	int64_t start_mono_ns;
	int64_t start_epoch_ms;
};

/* Fills s; opens /dev/null on closed standard descriptors so that no file can take their numbers.
 * False only when the system is out of memory or descriptors. */
bool snapshot_take(struct snapshot *s, int argc, char **argv, char **env);

/* A new invocation in the same surroundings: an id and a start of its own. */
void snapshot_restart(struct snapshot *s);

/* Releases what snapshot_take allocated. */
void snapshot_free(struct snapshot *s);

/* The value of a variable, or NULL. */
const char *snapshot_env(const struct snapshot *s, const char *name);

/* CI is set to something (REQ-F-003). */
bool snapshot_ci(const struct snapshot *s);

#endif
