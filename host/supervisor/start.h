/* How the supervisor's processes begin: what they keep open, and that they end with the supervisor. */
#ifndef TOOL_SUPERVISOR_START_H
#define TOOL_SUPERVISOR_START_H

#include "supervision.h"

/* A pipe that no program inherits. */
bool start_pipe(int fd[2]);

/* In a new process: descriptors 0 (only with from >= 0), 1 and 2 become the given ones, the `count` at `keep` (at most 4)
 * get new numbers, all others are closed; the process gets SIGUSR2 when its parent ends. False when anything fails. */
bool start_child(pid_t supervisor, int from, int out, int err, int *keep, size_t count);

/* Opens the sinks and starts the worker of this run. */
bool start_worker(struct supervision *v);

#endif
