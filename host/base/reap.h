/* No process is left behind: everything below a process ends with it (REQ-F-030, F-031). */
#ifndef TOOL_BASE_REAP_H
#define TOOL_BASE_REAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Makes this process inherit orphans, so that a double fork cannot escape. */
void reap_adopt(void);

/* Who has been told to end: a second SIGTERM means "at once" to many programs. Begins as { NULL, 0 }. */
struct reap_told {
	pid_t *pids;
	size_t count;
};

void reap_told_free(struct reap_told *told);

/* Sends sig to every descendant except `except` itself (0 for none), those in `kept` and what is below them; with `told`
 * (may be NULL) also except those in it, and whoever gets it is added. Returns how many were found. */
int reap_signal(int sig, pid_t except, const pid_t *kept, size_t count, struct reap_told *told);

/* What the caller has to say while it waits; each may be NULL. */
struct reap_hooks {
	void *arg;
	bool (*hurry)(void *arg);                          /* true: nobody is waited for any more */
	void (*ended)(void *arg, pid_t child, int status); /* a child was collected */
	struct reap_told *told;                            /* those who need not be told once more */
};

/* SIGTERM to all descendants that were not told yet, then SIGKILL to who is left after grace_ms, or as soon as the caller is
 * in a hurry. Returns when none is left, or none that a signal can end. Those in `kept`, and what is below them, stay. */
void reap_all(int64_t grace_ms, const struct reap_hooks *hooks, const pid_t *kept, size_t kept_count);

struct reap_watch {
	long base; /* processes and threads of the machine when the watch began; 0 before */
};

/* Whether this process has more than `limit` descendants, those in `kept` and below them apart. Costs next to nothing while
 * the machine has no more than before. */
bool reap_too_many(struct reap_watch *watch, int64_t limit, const pid_t *kept, size_t count);

#endif
