/* The worker process: one fresh Lua state that runs the framework's boot module and one command.
 * Everything it has to say goes through frames; it may fail in any way, the supervisor answers. */
#ifndef TOOL_WORKER_WORKER_H
#define TOOL_WORKER_WORKER_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#define MEMORY_LIMIT ((size_t)256 << 20) /* of one run's Lua state */

struct places;
struct snapshot;

/* Runs the invocation and ends the process. Descriptors 1 and 2 are pipes to the supervisor already. */
_Noreturn void worker_main(const struct snapshot *snapshot, int frames_fd);

/* Its parts, for workers that serve lines (serve.h). The signals of a worker: */
void worker_signals(void);
/* Opens the libraries and loads boot, whose table is then at index 1, unless they are there (image.h); says where this
 * run is. Tells the supervisor when it fails. */
bool worker_prepare(lua_State *L, const struct places *places);
/* Runs the invocation, with cleanup after an interrupt. */
void worker_run(lua_State *L);
/* Ends the process when all is said. */
_Noreturn void worker_end(void);

/* Writes the state that worker_main begins with to path (image.h); 0, or the exit code after a line on stderr. */
int worker_write_image(const char *path);

#endif
