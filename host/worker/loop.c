#include "loop.h"

#include "context.h"
#include "frames.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASK_TYPE "tool.task"
#define MAX_SLEEP_MS 1e15

struct task {
	lua_State *co;       /* anchored in the task's first user value */
	struct task *next;   /* in the ready list */
	loop_push push;      /* produces the values of the next resume */
	void *arg;
	int start_args;      /* arguments waiting on co's stack for the first resume; -1 when started */
	bool done, failed, joined, queued;
	struct wait *joiner; /* who waits for the end */
	struct wait join_wait;
	uv_timer_t *limit;   /* how long the joiner waits; NULL for ever */
	unsigned generation; /* of the loop when it was made */
	int self_ref;        /* registry reference while the task lives */
};

struct loop {
	uv_loop_t uv;
	uv_async_t wakeup; /* lets a signal end epoll_wait */
	bool created;
	bool turning; /* inside uv_run */
	struct task *ready_head, *ready_tail;
	struct task *main_task;
	unsigned generation; /* counts main tasks; older tasks are never resumed */
};

/* Its address marks a yield of the host, which author coroutines pass on. */
static char host_yield;

static struct loop *the_loop(void)
{
	return worker_context()->loop;
}

static void wakeup_cb(uv_async_t *h)
{
	(void)h;
}

uv_loop_t *loop_uv(lua_State *L)
{
	struct loop *lp = the_loop();
	if (!lp->created) {
		int rc = uv_loop_init(&lp->uv);
		if (rc == 0 && (rc = uv_async_init(&lp->uv, &lp->wakeup, wakeup_cb)) != 0)
			(void)uv_loop_close(&lp->uv);
		if (rc != 0)
			luaL_error(L, "no event loop: %s", uv_strerror(rc));
		uv_unref((uv_handle_t *)&lp->wakeup);
		lp->created = true;
	}
	return &lp->uv;
}

/* Interruption */

static void interrupt_hook(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	/* The hook stays, so code that catches the error is stopped again at its next instruction. */
	lua_sethook(L, interrupt_hook, LUA_MASKCOUNT, 1);
	luaL_error(L, "interrupted");
}

static void arm(lua_State *co)
{
	if (worker_context()->interrupted)
		lua_sethook(co, interrupt_hook, LUA_MASKCOUNT, 1);
}

void loop_interrupt(void)
{
	struct worker *w = worker_context();
	w->interrupted = 1;
	lua_State *L = w->running;
	if (L != NULL)
		lua_sethook(L, interrupt_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
	if (w->loop != NULL && w->loop->created)
		(void)uv_async_send(&w->loop->wakeup);
}

void loop_clear_interrupt(lua_State *L)
{
	worker_context()->interrupted = 0;
	lua_sethook(L, NULL, 0, 0);
}

/* Resumes co from `from`, keeping track of the running thread. */
static int tracked_resume(lua_State *co, lua_State *from, int nargs, int *nres)
{
	struct worker *w = worker_context();
	lua_State *outer = w->running;
	arm(co);
	w->running = co;
	int status = lua_resume(co, from, nargs, nres);
	w->running = outer;
	if (outer != NULL)
		arm(outer);
	return status;
}

/* Suspend and wake */

static int suspend_k(lua_State *L, int status, lua_KContext base)
{
	(void)status;
	int b = (int)base;
	if (!lua_toboolean(L, b + 1))
		return lua_error(L);
	return lua_gettop(L) - (b + 1);
}

int loop_suspend(lua_State *L, struct wait *w)
{
	struct worker *c = worker_context();
	if (c->current == NULL)
		return luaL_error(L, "nothing can wait here");
	w->task = c->current;
	int base = lua_gettop(L);
	lua_pushlightuserdata(L, &host_yield);
	return lua_yieldk(L, 1, base, suspend_k);
}

static void enqueue(struct task *t)
{
	struct loop *lp = the_loop();
	if (t->queued || t->done || t->generation != lp->generation)
		return;
	t->queued = true;
	t->next = NULL;
	if (lp->ready_tail != NULL)
		lp->ready_tail->next = t;
	else
		lp->ready_head = t;
	lp->ready_tail = t;
	if (lp->turning)
		uv_stop(&lp->uv); /* a timer that is due before the sockets are looked at must not lead to a wait there */
}

void loop_wake(struct wait *w, loop_push push, void *arg)
{
	struct task *t = w->task;
	if (t == NULL)
		return;
	w->task = NULL;
	t->push = push;
	t->arg = arg;
	enqueue(t);
}

/* Tasks */

static int task_new(lua_State *L, int nargs)
{
	/* stack: fn, args… */
	luaL_checkstack(L, 4, NULL);
	struct task *t = lua_newuserdatauv(L, sizeof *t, 1);
	memset(t, 0, sizeof *t);
	t->self_ref = LUA_NOREF;
	t->generation = the_loop()->generation;
	luaL_setmetatable(L, TASK_TYPE);
	t->co = lua_newthread(L);
	lua_setiuservalue(L, -2, 1);
	lua_insert(L, -(nargs + 2)); /* task, fn, args… */
	if (!lua_checkstack(t->co, nargs + 8))
		return luaL_error(L, "not enough memory");
	lua_xmove(L, t->co, nargs + 1);
	t->start_args = nargs;
	lua_pushvalue(L, -1);
	t->self_ref = luaL_ref(L, LUA_REGISTRYINDEX);
	return 1;
}

int loop_spawn(lua_State *L, int nargs)
{
	task_new(L, nargs);
	enqueue(lua_touserdata(L, -1));
	return 1;
}

/* Pushes true and the operation's results; runs protected on the main thread. */
static int call_push(lua_State *L)
{
	struct task *t = lua_touserdata(L, 1);
	lua_settop(L, 0);
	lua_pushboolean(L, 1);
	int n = t->push != NULL ? t->push(L, t->arg) : 0;
	if (n != lua_gettop(L) - 1)
		lua_rotate(L, 2, n), lua_settop(L, n + 1);
	return lua_gettop(L);
}

/* Moves the values of the next resume onto the task's thread; returns how many. */
static int deliver(lua_State *L, struct task *t)
{
	if (t->start_args >= 0) {
		int n = t->start_args;
		t->start_args = -1;
		return n;
	}
	int top = lua_gettop(L);
	lua_pushcfunction(L, call_push);
	lua_pushlightuserdata(L, t);
	if (lua_pcall(L, 1, LUA_MULTRET, 0) != LUA_OK) {
		lua_pushboolean(L, 0);
		lua_insert(L, -2);
	}
	t->push = NULL;
	int n = lua_gettop(L) - top;
	if (!lua_checkstack(t->co, n + 4)) {
		lua_settop(L, top);
		lua_pushboolean(t->co, 0);
		lua_pushliteral(t->co, "not enough memory");
		return 2;
	}
	lua_xmove(L, t->co, n);
	return n;
}

static int push_join(lua_State *L, void *arg)
{
	struct task *t = arg;
	int n = lua_gettop(t->co);
	lua_pushboolean(L, !t->failed);
	luaL_checkstack(L, n + 2, NULL);
	for (int i = 1; i <= n; i++)
		lua_pushvalue(t->co, i);
	lua_xmove(t->co, L, n);
	return n + 1;
}

static void limit_closed(uv_handle_t *h)
{
	free(h);
}

/* Nobody waits for the task's end any more. */
static void end_limit(struct task *t)
{
	if (t->limit != NULL && uv_is_closing((uv_handle_t *)t->limit) == 0)
		uv_close((uv_handle_t *)t->limit, limit_closed);
	t->limit = NULL;
}

static int push_late(lua_State *L, void *arg)
{
	(void)arg;
	lua_pushboolean(L, 0);
	lua_pushliteral(L, "timeout");
	return 2;
}

/* The joiner goes on without the task, which is never resumed. */
static void limit_cb(uv_timer_t *timer)
{
	struct task *t = timer->data;
	end_limit(t);
	t->done = t->failed = true;
	loop_wake(t->joiner, push_late, NULL);
	t->joiner = NULL;
}

static void limit_wait(lua_State *L, struct task *t, lua_Number ms)
{
	uv_loop_t *uv = loop_uv(L);
	uv_timer_t *timer = malloc(sizeof *timer);
	if (timer == NULL)
		(void)luaL_error(L, "not enough memory");
	(void)uv_timer_init(uv, timer);
	timer->data = t;
	t->limit = timer;
	uv_update_time(uv);
	(void)uv_timer_start(timer, limit_cb, ms > 0 ? (uint64_t)(ms < MAX_SLEEP_MS ? ms : MAX_SLEEP_MS) : 0, 0);
}

static void finish(struct task *t, int status, int nres)
{
	t->done = true;
	t->failed = status != LUA_OK;
	end_limit(t);
	if (t->failed) {
		/* keep only the error object; __close variables of the dead thread run now */
		lua_State *L = worker_context()->main;
		lua_xmove(t->co, L, 1);
		(void)lua_resetthread(t->co);
		lua_settop(t->co, 0);
		lua_xmove(L, t->co, 1);
	} else {
		int drop = lua_gettop(t->co) - nres;
		for (int i = 0; i < drop; i++)
			lua_remove(t->co, 1);
	}
	if (t->joiner != NULL) {
		t->joined = true;
		loop_wake(t->joiner, push_join, t);
		t->joiner = NULL;
	}
}

/* Runs one ready task until it waits or ends. */
static int step(lua_State *L, struct task *t)
{
	struct worker *w = worker_context();
	int n = deliver(L, t), nres = 0;
	w->current = t;
	int status = tracked_resume(t->co, L, n, &nres);
	w->current = NULL;
	if (status == LUA_YIELD) {
		bool ours = nres == 1 && lua_touserdata(t->co, -1) == &host_yield;
		lua_pop(t->co, nres);
		if (ours)
			return LUA_OK;
		lua_pushliteral(t->co, "a task yielded outside a coroutine");
		status = LUA_ERRRUN;
	}
	if (t == w->loop->main_task) {
		t->done = true;
		t->failed = status != LUA_OK;
		return status;
	}
	if (status != LUA_OK && t->joiner == NULL) {
		luaL_traceback(L, t->co, lua_tostring(t->co, -1), 0);
		(void)fprintf(stderr, "%s\n", lua_tostring(L, -1));
		lua_pop(L, 1);
	}
	finish(t, status, nres);
	luaL_unref(L, LUA_REGISTRYINDEX, t->self_ref);
	t->self_ref = LUA_NOREF;
	return LUA_OK;
}

static struct task *next_ready(struct loop *lp)
{
	struct task *t = lp->ready_head;
	if (t != NULL) {
		lp->ready_head = t->next;
		if (lp->ready_head == NULL)
			lp->ready_tail = NULL;
		t->queued = false;
		if (t->done || t->generation != lp->generation)
			return next_ready(lp);
	}
	return t;
}

/* Waits for the next event; false when nothing can ever come. */
static bool wait_event(struct loop *lp)
{
	if (!lp->created || uv_loop_alive(&lp->uv) == 0)
		return false;
	(void)frame_flush_rows();
	lp->turning = true;
	(void)uv_run(&lp->uv, UV_RUN_ONCE);
	lp->turning = false;
	return true;
}

int loop_run(lua_State *L)
{
	struct worker *w = worker_context();
	struct loop *lp = w->loop;
	task_new(L, 0);
	struct task *t = lua_touserdata(L, -1);
	lua_pop(L, 1); /* anchored by its registry reference */
	lp->main_task = t;
	enqueue(t);
	int status = LUA_OK;
	const char *stop = NULL;
	while (!t->done && stop == NULL) {
		struct task *r = next_ready(lp);
		if (w->interrupted && r == NULL)
			stop = "interrupted";
		else if (r != NULL)
			status = step(L, r);
		else if (!wait_event(lp))
			stop = "every task waits and nothing can wake one";
	}
	w->running = NULL;
	if (stop != NULL) {
		lua_pushstring(L, stop);
		luaL_traceback(L, t->co, stop, 0);
		status = LUA_ERRRUN;
	} else if (status != LUA_OK) {
		const char *msg = lua_tostring(t->co, -1);
		lua_pushvalue(t->co, -1);
		lua_xmove(t->co, L, 1);
		luaL_traceback(L, t->co, msg, 0);
	}
	(void)lua_resetthread(t->co); /* runs __close of what the task held */
	t->done = true;
	if (stop == NULL)
		luaL_unref(L, LUA_REGISTRYINDEX, t->self_ref); /* else an operation may still name it */
	lp->generation++; /* what was started by this main task does not run on beside the next */
	lp->main_task = NULL;
	return status;
}

/* host.task(fn, …) -> handle */
static int l_task(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	return loop_spawn(L, lua_gettop(L) - 1);
}

/* host.join(handle[, ms]) -> true, results… | false, error ; after ms it is given up: false, "timeout" */
static int l_join(lua_State *L)
{
	struct task *t = luaL_checkudata(L, 1, TASK_TYPE);
	if (t->done) {
		t->joined = true;
		lua_settop(L, 1);
		return push_join(L, t);
	}
	if (t->joiner != NULL)
		return luaL_error(L, "a task can be joined once");
	if (!lua_isnoneornil(L, 2))
		limit_wait(L, t, luaL_checknumber(L, 2));
	t->joiner = &t->join_wait;
	return loop_suspend(L, &t->join_wait);
}

/* Sleep */

struct sleeper {
	uv_timer_t timer;
	struct wait wait;
	int ref;
};

static void sleeper_closed(uv_handle_t *h)
{
	free(h->data);
}

static int push_nothing(lua_State *L, void *arg)
{
	(void)L, (void)arg;
	return 0;
}

static void sleeper_cb(uv_timer_t *timer)
{
	struct sleeper *s = timer->data;
	loop_wake(&s->wait, push_nothing, NULL);
	uv_close((uv_handle_t *)timer, sleeper_closed);
}

/* host.sleep(ms) */
static int l_sleep(lua_State *L)
{
	lua_Number ms = luaL_checknumber(L, 1);
	uv_loop_t *uv = loop_uv(L);
	struct sleeper *s = calloc(1, sizeof *s);
	if (s == NULL)
		return luaL_error(L, "not enough memory");
	(void)uv_timer_init(uv, &s->timer);
	s->timer.data = s;
	uv_update_time(uv);
	(void)uv_timer_start(&s->timer, sleeper_cb, ms > 0 ? (uint64_t)(ms < MAX_SLEEP_MS ? ms : MAX_SLEEP_MS) : 0, 0);
	return loop_suspend(L, &s->wait);
}

/* The coroutine library for command code: like Lua's, but a wait of the host passes through it,
 * and an interrupt reaches the thread that runs. */

static lua_State *get_co(lua_State *L)
{
	lua_State *co = lua_tothread(L, 1);
	luaL_argexpected(L, co, 1, "coroutine");
	return co;
}

static int resume_k(lua_State *L, int status, lua_KContext k);

/* Resumes co with n values on its stack; results on L. k: 1 = wrap, 0 = resume. Stack of L: [1] = co */
static int drive(lua_State *L, lua_State *co, int n, lua_KContext wrap)
{
	int nres = 0;
	int status = tracked_resume(co, L, n, &nres);
	if (status == LUA_YIELD && nres == 1 && lua_touserdata(co, -1) == &host_yield) {
		lua_pop(co, 1);
		lua_settop(L, 1);
		lua_pushlightuserdata(L, &host_yield);
		return lua_yieldk(L, 1, wrap, resume_k);
	}
	bool ok = status == LUA_OK || status == LUA_YIELD;
	if (!ok)
		nres = 1;
	if (!lua_checkstack(L, nres + 2)) {
		lua_pop(co, nres);
		return luaL_error(L, "too many results to resume");
	}
	lua_settop(L, 1);
	if (!wrap)
		lua_pushboolean(L, ok);
	lua_xmove(co, L, nres);
	if (!ok && wrap) {
		(void)lua_resetthread(co);
		return lua_error(L);
	}
	return lua_gettop(L) - 1;
}

static int resume_k(lua_State *L, int status, lua_KContext wrap)
{
	(void)status;
	lua_State *co = lua_tothread(L, 1);
	int n = lua_gettop(L) - 1;
	if (!lua_checkstack(co, n + 1))
		return luaL_error(L, "too many values to resume");
	lua_xmove(L, co, n);
	return drive(L, co, n, wrap);
}

static int resume_with(lua_State *L, lua_KContext wrap)
{
	lua_State *co = get_co(L);
	int n = lua_gettop(L) - 1;
	bool dead = lua_status(co) == LUA_OK && lua_gettop(co) == 0;
	if (dead || (lua_status(co) != LUA_OK && lua_status(co) != LUA_YIELD)) {
		lua_settop(L, 1);
		if (wrap)
			return luaL_error(L, "cannot resume dead coroutine");
		lua_pushboolean(L, 0);
		lua_pushliteral(L, "cannot resume dead coroutine");
		return 2;
	}
	if (!lua_checkstack(co, n + 1))
		return luaL_error(L, "too many arguments to resume");
	lua_xmove(L, co, n);
	return drive(L, co, n, wrap);
}

static int co_resume(lua_State *L)
{
	return resume_with(L, 0);
}

static int co_wrapped(lua_State *L)
{
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	return resume_with(L, 1);
}

static int co_create(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_State *co = lua_newthread(L);
	lua_pushvalue(L, 1);
	lua_xmove(L, co, 1);
	return 1;
}

static int co_wrap(lua_State *L)
{
	co_create(L);
	lua_pushcclosure(L, co_wrapped, 1);
	return 1;
}

static int task_gc(lua_State *L)
{
	struct task *t = luaL_checkudata(L, 1, TASK_TYPE);
	t->done = true;
	if (the_loop() != NULL) /* else its handles are closed already */
		end_limit(t);
	return 0;
}

void loop_open(lua_State *L)
{
	static const luaL_Reg host[] = { { "task", l_task }, { "join", l_join }, { "sleep", l_sleep }, { NULL, NULL } };
	static const luaL_Reg co[] = {
		{ "create", co_create }, { "wrap", co_wrap }, { "resume", co_resume }, { NULL, NULL }
	};
	luaL_setfuncs(L, host, 0);
	if (luaL_newmetatable(L, TASK_TYPE) != 0) {
		lua_pushcfunction(L, task_gc);
		lua_setfield(L, -2, "__gc");
		lua_pushboolean(L, 0);
		lua_setfield(L, -2, "__metatable");
	}
	lua_pop(L, 1);
	if (lua_getglobal(L, "coroutine") == LUA_TTABLE)
		luaL_setfuncs(L, co, 0);
	lua_pop(L, 1);
}

bool loop_start(void)
{
	worker_context()->loop = calloc(1, sizeof(struct loop));
	return worker_context()->loop != NULL;
}

static void close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (uv_is_closing(h) == 0)
		uv_close(h, NULL);
}

bool loop_forget(void)
{
	struct loop *lp = the_loop();
	if (lp == NULL || lp->created)
		return false;
	(void)memset(lp, 0, sizeof *lp);
	return true;
}

void loop_close(lua_State *L)
{
	(void)L;
	struct loop *lp = the_loop();
	if (lp == NULL)
		return;
	worker_context()->loop = NULL;
	if (lp->created) {
		uv_walk(&lp->uv, close_handle, NULL);
		/* without waiting: a name lookup of the thread pool may take longer than anybody wants; its thread still
		 * uses the loop, which then lives until the process ends */
		(void)uv_run(&lp->uv, UV_RUN_NOWAIT);
		if (uv_loop_close(&lp->uv) != 0)
			return;
	}
	free(lp);
}
