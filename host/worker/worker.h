/* The worker process: one fresh Lua state that runs the framework's boot module and one command.
 * Everything it has to say goes through frames; it may fail in any way, the supervisor answers. */
#ifndef TOOL_WORKER_WORKER_H
#define TOOL_WORKER_WORKER_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#define MEMORY_LIMIT ((size_t)256 << 20) /* of one run's Lua state */

struct snapshot;

/* Runs the invocation and ends the process. Descriptors 1 and 2 are pipes to the supervisor already. */
_Noreturn void worker_main(const struct snapshot *snapshot, int frames_fd);

/* Its parts, for workers that serve lines (serve.h). The signals of a worker: */
void worker_signals(void);
/* Opens the libraries and loads boot, whose table is then at index 1; tells the supervisor when it fails. */
bool worker_prepare(lua_State *L);
/* Runs the invocation, with cleanup after an interrupt. */
void worker_run(lua_State *L);
/* Ends the process when all is said. */
_Noreturn void worker_end(void);

#endif
