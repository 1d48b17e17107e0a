/* Tasks and waiting: straight-line Lua on coroutines over one libuv loop.
 * A C function that must wait suspends the running task; a libuv callback wakes it. Tasks are resumed
 * from loop_run only, never from inside a callback, so Lua code is never re-entered. */
#ifndef TOOL_WORKER_LOOP_H
#define TOOL_WORKER_LOOP_H

#include <lua.h>
#include <stdbool.h>
#include <uv.h>

struct task;
struct loop;

/* Embedded in an operation: which task waits for it; NULL when none does. */
struct wait {
	struct task *task;
};

/* Pushes the operation's results on L and returns how many. Runs in protected mode. */
typedef int (*loop_push)(lua_State *L, void *arg);

/* The worker's libuv loop, created at first use. Raises a Lua error when the system refuses one. */
uv_loop_t *loop_uv(lua_State *L);

/* `return loop_suspend(L, &op->wait);` as the last act of a C function: the running task waits, and the
 * function's results are what the waker's push pushes. Raises when the task may not yield here. */
int loop_suspend(lua_State *L, struct wait *w);

/* Makes the waiting task ready; its results come from push(L, arg), called when the task is resumed.
 * `arg` must stay valid until then. Does nothing when no task waits. Safe in libuv callbacks. */
void loop_wake(struct wait *w, loop_push push, void *arg);

/* Starts a new task from a function and nargs arguments on the stack top (popped); pushes its handle,
 * a userdata that `host.join` accepts. An error in a task that nobody joins is reported through
 * `on_error` of loop_run's caller as a warning line, never lost. [-(nargs+1), +1] */
int loop_spawn(lua_State *L, int nargs);

/* Prepares `w->loop` in a new state: coroutine library with interruptible threads, host.task/join/sleep
 * added to the table on the stack top. [-0, +0] */
void loop_open(lua_State *L);

/* Makes the loop of this process, which the functions need. False without memory. */
bool loop_start(void);

/* Runs the function on the top of L (the main thread) as the main task until it ends.
 * Returns LUA_OK, or an error status with the error object and a traceback string pushed. [-1, +0|+2] */
int loop_run(lua_State *L);

/* Closes all handles; call before lua_close of the state's last reference to modules. */
void loop_close(lua_State *L);

/* Forgets the tasks of a run that is over, so that the next begins as in a new state. False when a libuv loop was made, of
 * which something may still be in use. */
bool loop_forget(void);

/* Called from the signal handler: makes the running Lua code raise INTERRUPTED soon, and wakes the loop. */
void loop_interrupt(void);

/* Lets cleanup code run after an interrupt: forgets it. */
void loop_clear_interrupt(lua_State *L);

#endif
