/* Programs that a command runs: the only place of the worker that forks (design §2).
 * Never a shell; the child gets pipes or /dev/null for 0 to 2 and nothing else, default signals, its own directory, and
 * dies with the worker (REQ-F-014, F-044, F-062, F-071). */
#ifndef TOOL_WORKER_CHILD_H
#define TOOL_WORKER_CHILD_H

#include <lua.h>

/* Adds host.run, host.start and host.pipe to the table on the stack top. [-0, +0]
 * host.run{ path = absolute program, argv = { … }, env = { "NAME=value" … }, cwd =, stdin = bytes or an end of
 * host.pipe(), stdout = the other end, max = bytes, timeout_ms =, pids = file that lists the running programs,
 * terminal = true for a program that a person uses, trusted = true for one that is not narrowed to the rules for programs }
 *   -> { status, signal, stdout, stderr, duration_ms } | nil, { code, message }; suspends the task.
 * host.start of the same options (max, stdout and terminal apart) -> program | nil, err, to follow it while it runs:
 *   program:next() -> "stdout" | "stderr", bytes as they come; suspends the task. At the end nil and
 *     { status, signal, duration_ms, stopped } | nil, nil, err.
 *   program:stop(grace_ms) -> whether it ran: SIGTERM to its process group, SIGKILL after the grace
 *   program:pid()
 * It waits to write while nobody takes what it wrote. What it leaves in its process group ends with it, and it ends when
 * nobody refers to it any more. */
void child_open(lua_State *L);
/* Also: host.detach{ path, argv, env, cwd, lifetime_ms, trusted } -> { pid, keeper, began } | nil, err starts a program that outlives
 * the run (REQ-C-010, F-057), host.stop(keeper, began[, look]) -> whether it lived. The supervisor must be told the keeper. */

/* Lets the programs that run end, taking what they write, for at most max_ms: a closed pipe would end them before they
 * have cleaned up. For the way out after an interrupt, when no task waits any more. */
void child_wait_all(lua_State *L, int max_ms);

/* Kills every program that runs now, and what it started in its process group. Async-signal-safe. */
void child_kill_all(void);

#endif
