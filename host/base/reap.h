/* No process is left behind: everything below a process ends with it (REQ-F-030, F-031). */
#ifndef TOOL_BASE_REAP_H
#define TOOL_BASE_REAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Makes this process inherit orphans, so that a double fork cannot escape. */
void reap_adopt(void);

/* Sends sig to every descendant except `except` (0 for none). Returns how many were found. */
int reap_signal(int sig, pid_t except);

/* SIGTERM to all descendants, then SIGKILL to who is left after grace_ms, or as soon as hurry(arg) is true (NULL:
 * never). Returns when none is left, or none that a signal can end. Those in `kept`, and what is below them, stay. */
void reap_all(int64_t grace_ms, bool (*hurry)(void *arg), void *arg, const pid_t *kept, size_t kept_count);

struct reap_watch {
	long base; /* processes and threads of the machine when the watch began; 0 before */
};

/* Whether this process has more than `limit` descendants. Costs next to nothing while the machine has no more than before. */
bool reap_too_many(struct reap_watch *watch, int64_t limit);

#endif
