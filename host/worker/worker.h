/* The worker process: one fresh Lua state that runs the framework's boot module and one command.
 * Everything it has to say goes through frames; it may fail in any way, the supervisor answers. */
#ifndef TOOL_WORKER_WORKER_H
#define TOOL_WORKER_WORKER_H

struct snapshot;

/* Runs the invocation and ends the process. Descriptors 1 and 2 are pipes to the supervisor already. */
_Noreturn void worker_main(const struct snapshot *snapshot, int frames_fd);

#endif
