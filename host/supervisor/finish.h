/* The end of a run: nothing of it is left running, its answer is written, its line stands in the audit log. */
#ifndef TOOL_SUPERVISOR_FINISH_H
#define TOOL_SUPERVISOR_FINISH_H

#include "supervision.h"

/* To be called when the worker's part is over (watch_over). Returns the run's exit code. */
int finish_run(struct supervision *v);

/* When the process ends: removes what runs before it left on disk, and writes the log file. */
void finish_disk(struct supervision *v);

#endif
