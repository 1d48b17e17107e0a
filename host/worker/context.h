/* The worker's one context: what C code in the worker shares.
 * It exists once per process because a signal handler must reach it; nothing else is global. */
#ifndef TOOL_WORKER_CONTEXT_H
#define TOOL_WORKER_CONTEXT_H

#include "arena.h"
#include "confine.h"

#include <lua.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MAX_RUNNING 64

struct task;
struct loop;
struct serve_note;
struct snapshot;

struct worker {
	const struct snapshot *snapshot; /* the invocation: argv, environment, terminals, paths */
	int frames_fd;                   /* where frames to the supervisor go */
	struct serve_note *note;         /* where a worker that serves lines leaves its limit; else NULL */
	char waiting[65536];             /* frames that wait for the next one that matters */
	size_t waiting_len;
	bool rows_wait;                  /* rows are among them, and must be out before the worker waits */
	lua_State *main;                 /* the state's main thread; runs no command code itself */
	lua_State *volatile running;     /* the thread that runs Lua now: where an interrupt sets its hook */
	volatile sig_atomic_t interrupted; /* the supervisor asked to stop */
	char loading[512];               /* the file that was loaded last */
	bool limiting;                   /* host.limited runs a function now */
	int64_t steps_left;              /* of its limit, whatever coroutine takes them */
	struct task *current;            /* the task that runs now */
	volatile pid_t children[MAX_RUNNING]; /* programs that run now; 0 is a free place */
	struct loop *loop;               /* the event loop; never NULL once the state exists */
	struct arena memory;             /* what Lua holds */
	bool plain;                      /* this run can leave nothing behind: another line may follow in this process */
	bool used;                       /* a line came before */
	char *bound;                     /* what the confinement was made for, beside the command; NULL before */
	struct confine_result layers;    /* of that confinement */
	int session_fd;                  /* keeps the lock on the run's own directory; -1 without one */
	int pids_fd;                     /* where the running programs are listed for others to read; -1 without one */
};

/* The context of this process; frames_fd is -1 before worker_start. */
struct worker *worker_context(void);

#endif
