/* The supervisor's side of the workers that serve lines: starts the zygote, asks it for workers, gives them jobs. */
#ifndef TOOL_SUPERVISOR_ZYGOTE_H
#define TOOL_SUPERVISOR_ZYGOTE_H

#include "request.h"
#include "sink.h"
#include "supervision.h"
#include "worker/serve.h"

struct zygote {
	pid_t pid;   /* 0: none was started */
	int control;
	struct serve_ends ends; /* what the next zygote gets */
	struct sink jobs[SERVE_SLOTS];
};

/* Makes the pipes; runs[i] then reads from the workers of slot i. */
bool zygote_open(struct zygote *z, struct supervision *runs[SERVE_SLOTS]);

/* Gives the run of a slot a worker when it has none; starts the zygote when it does not run. False when there is no way. */
bool zygote_worker(struct zygote *z, struct supervision *v, size_t slot);

/* Sends the slot's worker a line; it leaves at once or with watch_turn. */
bool zygote_send(struct zygote *z, size_t slot, const struct snapshot *line, const struct buf *payload, bool dry_run);

/* Ends a worker that waits for a line. */
void zygote_retire(struct zygote *z, struct supervision *v, size_t slot);

/* Takes what a worker that has ended left in the pipes of its slot. */
void zygote_clear(struct zygote *z, struct supervision *v, size_t slot);

/* Ends the zygote and all workers. */
void zygote_close(struct zygote *z, struct supervision *runs[SERVE_SLOTS]);

#endif
