/* The process from which the workers of `tool exec` are forked, and these workers (REQ-O-050, design §2).
 * The zygote has loaded the framework and waits; it runs no command. A worker is its child, confined like any other, and
 * gets one line after another as long as nothing of a line stays behind in it. */
#ifndef TOOL_WORKER_SERVE_H
#define TOOL_WORKER_SERVE_H

#include <stdint.h>
#include <sys/types.h>

struct snapshot;

/* Memory that supervisor and worker share: the time limit of the line that runs, told without waking anybody. */
struct serve_note {
	_Atomic int64_t start_ns; /* of the line, as its job says; written last: whose limit it is */
	_Atomic int64_t limit_ms, since_ns;
	_Atomic int retryable;
};

#define SERVE_SLOTS 3 /* workers side by side: while one line is answered, two are run */

struct serve_slot {
	int jobs;         /* lines for the worker: see serve_job */
	int frames;       /* to the supervisor */
	int out, err;     /* what becomes descriptors 1 and 2 */
	struct serve_note *note;
};

struct serve_ends {
	int control;      /* a byte asks for a worker of that slot; its pid, or a negative errno, is the answer (an int) */
	pid_t supervisor; /* the parent of the zygote and of all workers */
	struct serve_slot slots[SERVE_SLOTS];
};

/* A job is a u32 (host order) of the bytes that follow, then texts with their NUL: request id, start (monotonic ns, epoch
 * ms), flags ("d": what changes something only shows what it would do), instance, payload (JSON), arguments.
 * Empty texts stand for what is not there. */
enum serve_job { JOB_ID, JOB_MONO, JOB_EPOCH, JOB_FLAGS, JOB_INSTANCE, JOB_PAYLOAD, JOB_ARGS };

/* Becomes the zygote. The snapshot is the invocation's. */
_Noreturn void serve_main(const struct snapshot *snapshot, const struct serve_ends *ends);

#endif
