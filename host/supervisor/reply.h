/* The answer of a run, and what it leaves behind: written once, redacted, delivered while signals still count. */
#ifndef TOOL_SUPERVISOR_REPLY_H
#define TOOL_SUPERVISOR_REPLY_H

#include "envelope.h"
#include "supervision.h"

/* Text on descriptor 1 that is no JSON becomes a warning (REQ-F-060). */
void reply_intercept(struct supervision *v);

/* What others wrote to stderr. */
void reply_noise(struct supervision *v, const struct outcome *o);

/* Is the worker's own answer the one that counts? */
bool reply_is_whole(const struct supervision *v);

/* Queues the answer in the form that was asked for. */
void reply_answer(struct supervision *v, struct outcome *o);

/* stdout that could not take the answer is a failure of the run, told in one line. Returns the exit code. */
int reply_settle(struct supervision *v, int exit_code);

/* Writes what waits. Signals still count: a reader that takes nothing must not hold the process. */
void reply_deliver(struct supervision *v, struct sink *s, int64_t stall_ms);

/* Has a second Ctrl+C come? arg is the supervision. */
bool reply_hurried(void *arg);

/* The audit log is opened before the answer, which names it, and written when the exit status is known. */
bool reply_open_audit(struct supervision *v);
void reply_audit(struct supervision *v, int exit_code);

#endif
