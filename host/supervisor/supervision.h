/* One supervised run: what the parts of the supervisor share. */
#ifndef TOOL_SUPERVISOR_SUPERVISION_H
#define TOOL_SUPERVISOR_SUPERVISION_H

#include "audit.h"
#include "base/reap.h"
#include "base/snapshot.h"
#include "logger.h"
#include "options.h"
#include "record.h"
#include "redact.h"
#include "sink.h"

#include <sys/types.h>

#define STALL_MS 30000        /* a reader that takes nothing for so long has lost the answer */
#define MAX_QUEUED ((size_t)1 << 20)
#define MAX_CAPTURE ((size_t)64 << 10)

struct serve_note;

enum reason { NOT_STOPPED, DEADLINE, SIGNALLED, READER_GONE, OUTPUT_LOST, CROWDED, FILLED };

/* What all runs of this process share: one, or the lines of `tool exec`. */
struct shared {
	struct sink out, err;
	struct logger log;
	int signal_fd;
	int late_signal;    /* came when no worker ran */
	int interrupts;     /* SIGINTs so far */
	bool hurry;         /* a second Ctrl+C: nothing is waited for any more (REQ-F-069) */
	bool cut;           /* a signal ended the delivery of an answer */
	struct supervision **runs;
	size_t run_count;
	pid_t *stay;        /* descendants that no run ends: what earlier lines left on purpose, and the zygote */
	size_t stay_count;
};

struct supervision {
	struct shared *shared;
	const struct snapshot *snapshot;
	const struct options *opt;
	struct record record;
	struct redactor secrets;
	struct audit audit;
	int64_t next_beat_ns;       /* when the next sign of life is due */
	int64_t next_tick_ns;       /* the same on stderr */
	int64_t next_watch_ns;      /* when the programs are counted next */
	int64_t next_measure_ns;    /* when the run's own directory is measured next */
	struct reap_watch watch;
	struct reap_told told;      /* programs that a signal's SIGTERM was passed to */
	bool line_open;             /* the last row for a person did not end its line */
	struct buf captured, noise; /* what others wrote to descriptors 1 and 2 */
	pid_t worker;
	bool worker_ended; /* the process; of a worker that serves several lines only when it dies */
	struct serve_note *note; /* where such a worker tells its limit, or NULL */
	struct sink *jobs; /* what still has to go to a worker that serves lines, or NULL */
	int status; /* of waitpid */
	int frames_fd, stdout_fd, stderr_fd;
	enum reason reason;
	int signal_number;
	int64_t stopped_ns; /* when the stop began */
	int64_t kill_at_ns; /* 0: not set */
	bool killed, cleanup_seen;
	bool secrets_added; /* beside those of the environment */
	bool secrets_lost; /* out of memory while registering one: nothing of the run may be shown */
};

/* Nothing shared yet: no signals, no sinks. */
void shared_init(struct shared *all, const struct snapshot *s);
void shared_free(struct shared *all);

/* A run without a worker; its record and secrets are empty. */
void supervision_init(struct supervision *v, struct shared *all, const struct snapshot *s, const struct options *opt);
void supervision_free(struct supervision *v);

#endif
