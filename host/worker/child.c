#include "child.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/reap.h"
#include "confine.h"
#include "context.h"
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM_TYPE "tool.program"
#define DEFAULT_MAX ((lua_Integer)16 << 20)
#define DRAIN_MS 200 /* how long output of a grandchild that outlives the program is waited for */
#define WINDOW ((size_t)256 << 10) /* output of a followed program that waits to be taken; then it waits to write */

struct stream {
	uv_pipe_t pipe;
	struct buf bytes;
	bool open;
	bool paused; /* full, not read until it was taken */
};

struct child {
	uv_poll_t exit_watch; /* on the pidfd */
	uv_timer_t drain;
	struct stream in, out, err;
	uv_write_t write;
	struct wait wait;
	pid_t pid;
	int pidfd, status, ref;
	int handles; /* libuv handles not yet closed */
	size_t max;
	int64_t began_ns;
	struct stream *older; /* of a followed program: whose bytes came first */
	bool exited, too_large, timed_out, collected;
	bool followed; /* its output is handed on as it comes (host.start) */
	bool stopping; /* was told to end */
};

/* What the child needs, made before the fork so that it only makes system calls. */
struct plan {
	const char *path, *cwd;
	char **argv, **envp;
	int in, out, err, report;
	bool terminal; /* stays in the terminal's foreground group */
	bool trusted;  /* a person's own, or the tool itself, which confines itself further */
};

_Noreturn static void become(const struct plan *p)
{
	int failed = 0;
	if (!p->terminal)
		(void)setpgid(0, 0); /* so that what it starts can be ended with it */
	for (int s = 1; s < 32; s++)
		(void)signal(s, SIG_DFL);
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(p->in, 0) < 0 || dup2(p->out, 1) < 0 || dup2(p->err, 2) < 0 || (p->cwd != NULL && chdir(p->cwd) != 0))
		failed = errno;
	if (failed == 0 && !p->trusted && !confine_program())
		failed = errno;
	if (failed == 0) {
		(void)syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
		(void)execve(p->path, p->argv, p->envp); /* not execvp, whose fallback is a shell */
		failed = errno;
	}
	ssize_t w = write(p->report, &failed, sizeof failed);
	_exit(w == (ssize_t)sizeof failed ? 127 : 126);
}

void child_kill_all(void)
{
	for (size_t i = 0; i < MAX_RUNNING; i++) {
		pid_t pid = worker_context()->children[i];
		if (pid > 0) {
			(void)kill(-pid, SIGKILL);
			(void)kill(pid, SIGKILL); /* one that has the terminal has no group of its own */
		}
	}
}

/* Writes the running programs to the session's children.pids, one a line (REQ-F-030). */
static void list_running(void)
{
	char text[MAX_RUNNING * 12];
	size_t n = 0;
	const struct worker *w = worker_context();
	for (size_t i = 0; w->pids_fd >= 0 && i < MAX_RUNNING; i++)
		if (w->children[i] > 0)
			n += (size_t)snprintf(text + n, sizeof text - n, "%ld\n", (long)w->children[i]);
	if (w->pids_fd >= 0 && (ftruncate(w->pids_fd, 0) != 0 || pwrite(w->pids_fd, text, n, 0) != (ssize_t)n)) {
		/* the list is for others to look at; the programs are ended without it */
	}
}

/* Keeps the list of running programs for child_kill_all: replaces one entry by another (0 is a free place). */
static bool replace_running(pid_t old, pid_t new)
{
	for (size_t i = 0; i < MAX_RUNNING; i++) {
		if (worker_context()->children[i] == old) {
			worker_context()->children[i] = new;
			list_running();
			return true;
		}
	}
	return false;
}

static bool any_running(void)
{
	for (size_t i = 0; i < MAX_RUNNING; i++)
		if (worker_context()->children[i] > 0)
			return true;
	return false;
}

void child_wait_all(lua_State *L, int max_ms)
{
	int64_t until = clock_mono_ns() + (int64_t)max_ms * 1000000;
	while (any_running() && clock_mono_ns() < until) {
		struct timespec pause = { 0, 1000000 };
		(void)uv_run(loop_uv(L), UV_RUN_NOWAIT);
		(void)nanosleep(&pause, NULL);
	}
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Forks; 0 and *pid, or an errno value of the fork or of the child's exec. */
static int launch(struct plan *p, pid_t *pid)
{
	int report[2], failed = 0;
	if (pipe2(report, O_CLOEXEC) != 0)
		return errno;
	p->report = report[1];
	*pid = fork();
	if (*pid == 0)
		become(p);
	int rc = *pid < 0 ? errno : 0;
	(void)close(report[1]);
	ssize_t n;
	do
		n = rc == 0 ? read(report[0], &failed, sizeof failed) : 0;
	while (n < 0 && errno == EINTR);
	(void)close(report[0]);
	if (n == (ssize_t)sizeof failed) {
		(void)waitpid(*pid, NULL, 0);
		return failed;
	}
	return rc;
}

static void free_collected(struct child *c)
{
	if (c->handles > 0 || !c->collected)
		return;
	buf_free(&c->out.bytes);
	buf_free(&c->err.bytes);
	buf_free(&c->in.bytes);
	free(c);
}

static void handle_closed(uv_handle_t *h)
{
	struct child *c = h->data;
	c->handles--;
	free_collected(c);
}

static void close_handle(uv_handle_t *h)
{
	if (uv_is_closing(h) == 0)
		uv_close(h, handle_closed);
}

static void close_stream(struct stream *s)
{
	if (s->open)
		close_handle((uv_handle_t *)&s->pipe);
	s->open = false;
}

static void set_int(lua_State *L, const char *name, lua_Integer v)
{
	lua_pushinteger(L, v);
	lua_setfield(L, -2, name);
}

static void set_bytes(lua_State *L, const char *name, const struct buf *b)
{
	lua_pushlstring(L, b->data != NULL ? b->data : "", b->len);
	lua_setfield(L, -2, name);
}

static int push_error(lua_State *L, const char *code, const char *message)
{
	lua_pushnil(L);
	lua_createtable(L, 0, 2);
	lua_pushstring(L, code);
	lua_setfield(L, -2, "code");
	lua_pushstring(L, message);
	lua_setfield(L, -2, "message");
	return 2;
}

/* The result for the waiting task; the child's memory goes once its handles are closed. */
static int push_result(lua_State *L, void *arg)
{
	struct child *c = arg;
	if (c->too_large || c->out.bytes.failed || c->err.bytes.failed)
		return push_error(L, "PROGRAM_OUTPUT_TOO_LARGE", "The program wrote more than the command takes.");
	if (c->timed_out)
		return push_error(L, "TIMEOUT", "The program did not end in its time.");
	lua_createtable(L, 0, 6);
	set_int(L, "status", WIFEXITED(c->status) ? WEXITSTATUS(c->status) : 128 + WTERMSIG(c->status));
	if (WIFSIGNALED(c->status))
		set_int(L, "signal", WTERMSIG(c->status));
	if (c->followed) {
		lua_pushboolean(L, c->stopping);
		lua_setfield(L, -2, "stopped");
	} else {
		set_bytes(L, "stdout", &c->out.bytes);
		set_bytes(L, "stderr", &c->err.bytes);
	}
	set_int(L, "duration_ms", (clock_mono_ns() - c->began_ns) / 1000000);
	return 1;
}

static int push_and_release(lua_State *L, void *arg)
{
	struct child *c = arg;
	int n = push_result(L, c);
	c->collected = true;
	close_handle((uv_handle_t *)&c->drain);
	close_stream(&c->in);
	free_collected(c);
	return n;
}

static bool is_done(const struct child *c)
{
	return c->exited && !c->out.open && !c->err.open;
}

static int push_news(lua_State *L, void *arg);

static void maybe_done(struct child *c)
{
	if (is_done(c))
		loop_wake(&c->wait, c->followed ? push_news : push_and_release, c);
}

static void drain_cb(uv_timer_t *t)
{
	struct child *c = t->data;
	if (!c->exited) {
		c->timed_out = !c->stopping;
		(void)kill(-c->pid, SIGKILL);
		return;
	}
	if (c->out.paused || c->err.paused) { /* what is left there is still wanted */
		(void)uv_timer_start(t, drain_cb, DRAIN_MS, 0);
		return;
	}
	close_stream(&c->out);
	close_stream(&c->err);
	maybe_done(c);
}

static void exit_cb(uv_poll_t *watch, int status, int events)
{
	(void)status, (void)events;
	struct child *c = watch->data;
	if (c->followed)
		(void)kill(-c->pid, SIGKILL); /* what it leaves in its group; not collected yet, its pid names nothing else */
	if (waitpid(c->pid, &c->status, WNOHANG) != c->pid)
		return;
	c->exited = true;
	(void)replace_running(c->pid, 0);
	(void)uv_poll_stop(watch);
	close_handle((uv_handle_t *)watch);
	(void)close(c->pidfd);
	c->pidfd = -1;
	if (c->collected)
		return;
	(void)uv_timer_start(&c->drain, drain_cb, DRAIN_MS, 0);
	maybe_done(c);
}

static void alloc_cb(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
	struct stream *s = (struct stream *)h; /* the pipe is its first member */
	bool ok = buf_reserve(&s->bytes, suggested);
	*b = ok ? uv_buf_init(s->bytes.data + s->bytes.len, (unsigned)(s->bytes.cap - s->bytes.len)) : uv_buf_init(NULL, 0);
}

static void read_cb(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	(void)b;
	struct stream *s = (struct stream *)stream;
	struct child *c = stream->data;
	if (n > 0 && c->followed) {
		if (c->older == NULL)
			c->older = s;
		s->bytes.len += (size_t)n;
		s->paused = s->bytes.len >= WINDOW;
		if (s->paused)
			(void)uv_read_stop(stream);
		loop_wake(&c->wait, push_news, c);
	} else if (n > 0) {
		s->bytes.len += (size_t)n;
		if (s->bytes.len > c->max && !c->too_large) {
			c->too_large = true;
			(void)kill(-c->pid, SIGKILL);
			s->bytes.len = 0;
		} else if (c->too_large) {
			s->bytes.len = 0;
		}
	} else if (n < 0) {
		s->paused = false;
		close_stream(s);
		maybe_done(c);
	}
}

/* What a followed program wrote or, at its end, nil and the result. */
static int push_news(lua_State *L, void *arg)
{
	struct child *c = arg;
	struct stream *s = c->older;
	if (s == NULL) {
		lua_pushnil(L);
		return push_result(L, c) + 1;
	}
	lua_pushstring(L, s == &c->out ? "stdout" : "stderr");
	lua_pushlstring(L, s->bytes.data, s->bytes.len);
	s->bytes.len = 0;
	struct stream *other = s == &c->out ? &c->err : &c->out;
	c->older = other->bytes.len > 0 ? other : NULL;
	if (s->paused && s->open)
		(void)uv_read_start((uv_stream_t *)&s->pipe, alloc_cb, read_cb);
	s->paused = false;
	return 2;
}

static void written_cb(uv_write_t *w, int status)
{
	(void)status; /* a program may end before it has read all; that is its right */
	struct child *c = w->handle->data;
	close_stream(&c->in);
}

static void adopt_stream(struct child *c, uv_loop_t *loop, struct stream *s, int fd)
{
	(void)uv_pipe_init(loop, &s->pipe, 0);
	s->pipe.data = c;
	c->handles++;
	s->open = true;
	if (uv_pipe_open(&s->pipe, fd) != 0)
		close_stream(s);
}

/* The strings of a Lua list as a NULL-terminated vector inside a userdata. [-0, +1] */
static char **check_vector(lua_State *L, int idx)
{
	luaL_checktype(L, idx, LUA_TTABLE);
	size_t n = lua_rawlen(L, idx);
	char **v = lua_newuserdatauv(L, (n + 1) * sizeof *v, 0);
	for (size_t i = 0; i < n; i++) {
		size_t len;
		lua_rawgeti(L, idx, (lua_Integer)i + 1);
		const char *s = luaL_checklstring(L, -1, &len);
		luaL_argcheck(L, strlen(s) == len, idx, "an argument contains a NUL byte");
		v[i] = (char *)s; /* the list keeps the string alive */
		lua_pop(L, 1);
	}
	v[n] = NULL;
	return v;
}

/* Ends of a pipe between two programs: userdata that close themselves (host.pipe). */

#define END_TYPE "tool.end"

static int end_gc(lua_State *L)
{
	close_fd(luaL_checkudata(L, 1, END_TYPE));
	return 0;
}

static int *push_end(lua_State *L)
{
	int *fd = lua_newuserdatauv(L, sizeof *fd, 0);
	*fd = -1;
	if (luaL_newmetatable(L, END_TYPE) != 0) {
		lua_pushcfunction(L, end_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	return fd;
}

/* host.pipe() -> end to read, end to write: for `stdin` of one and `stdout` of another host.run */
static int l_pipe(lua_State *L)
{
	int fd[2], *from = push_end(L), *to = push_end(L);
	if (pipe2(fd, O_CLOEXEC) != 0)
		return luaL_error(L, "no pipe: %s", strerror(errno));
	*from = fd[0];
	*to = fd[1];
	return 2;
}

/* The pipe end in field `name`, whose descriptor the caller takes over; -1 when it is none. */
static int take_end(lua_State *L, const char *name)
{
	lua_getfield(L, 1, name);
	int *end = luaL_testudata(L, -1, END_TYPE), fd = end != NULL ? *end : -1;
	if (end != NULL)
		*end = -1;
	lua_pop(L, 1);
	return fd;
}

/* Fills what is not -1 yet: in[0] is read and out[1], err[1] are written by the program. */
static int make_pipes(int in[2], int out[2], int err[2], bool feed)
{
	if (in[0] < 0 && (feed ? pipe2(in, O_CLOEXEC) != 0 : (in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0))
		return errno;
	return (out[1] >= 0 || pipe2(out, O_CLOEXEC) == 0) && pipe2(err, O_CLOEXEC) == 0 ? 0 : errno;
}

/* The terminal for a program that a person uses. */
static int use_terminal(int in[2], int out[2], int err[2])
{
	in[0] = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	out[1] = in[0] >= 0 ? fcntl(in[0], F_DUPFD_CLOEXEC, 3) : -1;
	err[1] = out[1] >= 0 ? fcntl(in[0], F_DUPFD_CLOEXEC, 3) : -1;
	return err[1] >= 0 ? 0 : errno;
}

/* Where the running programs are listed (field `pids`); opened once. */
static void open_list(lua_State *L)
{
	struct worker *w = worker_context();
	if (lua_getfield(L, 1, "pids") == LUA_TSTRING && w->pids_fd < 0)
		w->pids_fd = open(lua_tostring(L, -1), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	lua_pop(L, 1);
}

static struct child *child_new(uv_loop_t *loop, pid_t pid, size_t max)
{
	struct child *c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	buf_init(&c->in.bytes);
	buf_init(&c->out.bytes);
	buf_init(&c->err.bytes);
	c->pid = pid;
	c->max = max;
	c->began_ns = clock_mono_ns();
	c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (c->pidfd < 0 || uv_poll_init(loop, &c->exit_watch, c->pidfd) != 0) {
		free(c);
		return NULL;
	}
	(void)uv_timer_init(loop, &c->drain);
	c->exit_watch.data = c->drain.data = c;
	c->handles = 2;
	(void)uv_poll_start(&c->exit_watch, UV_READABLE, exit_cb);
	return c;
}

static const char *opt_string(lua_State *L, const char *name, size_t *n)
{
	lua_getfield(L, 1, name);
	const char *s = lua_isnil(L, -1) ? NULL : luaL_checklstring(L, -1, n);
	return s; /* stays on the stack */
}

static void feed_child(struct child *c, uv_loop_t *loop, int fd, const char *bytes, size_t n)
{
	adopt_stream(c, loop, &c->in, fd);
	if (!buf_put(&c->in.bytes, bytes, n)) {
		close_stream(&c->in);
		return;
	}
	uv_buf_t b = uv_buf_init(c->in.bytes.data, (unsigned)n);
	if (!c->in.open || n == 0 || uv_write(&c->write, (uv_stream_t *)&c->in.pipe, &b, 1, written_cb) != 0)
		close_stream(&c->in);
}

/* Who is told of a program's output: nobody before its end, or its follower as it comes. */
static void read_output(struct child *c, uv_loop_t *loop, int out, int err)
{
	if (out >= 0)
		adopt_stream(c, loop, &c->out, out);
	if (err >= 0)
		adopt_stream(c, loop, &c->err, err);
	if (c->out.open)
		(void)uv_read_start((uv_stream_t *)&c->out.pipe, alloc_cb, read_cb);
	if (c->err.open)
		(void)uv_read_start((uv_stream_t *)&c->err.pipe, alloc_cb, read_cb);
}

/* Starts the program that the options at index 1 describe; leaves what it needs on the stack. NULL with nil and an error
 * pushed. */
static struct child *begin(lua_State *L)
{
	size_t n = 0, feed_n = 0;
	struct plan p = { 0 };
	lua_getfield(L, 1, "argv");
	p.argv = check_vector(L, lua_gettop(L));
	lua_getfield(L, 1, "env");
	p.envp = check_vector(L, lua_gettop(L));
	p.path = opt_string(L, "path", &n);
	p.cwd = opt_string(L, "cwd", &n);
	const char *feed = lua_getfield(L, 1, "stdin") == LUA_TUSERDATA ? NULL : opt_string(L, "stdin", &feed_n);
	lua_getfield(L, 1, "max");
	lua_Integer max = luaL_optinteger(L, -1, DEFAULT_MAX);
	lua_getfield(L, 1, "timeout_ms");
	lua_Integer limit = luaL_optinteger(L, -1, 0);
	lua_getfield(L, 1, "terminal");
	p.terminal = lua_toboolean(L, -1) != 0;
	lua_getfield(L, 1, "trusted");
	p.trusted = lua_toboolean(L, -1) != 0;
	luaL_argcheck(L, p.path != NULL && p.path[0] == '/', 1, "path must be absolute");
	uv_loop_t *loop = loop_uv(L);
	open_list(L);
	pid_t pid = 0;
	int in[2] = { take_end(L, "stdin"), -1 }, out[2] = { -1, take_end(L, "stdout") }, err[2] = { -1, -1 };
	bool room = replace_running(0, -1); /* a place for it */
	int rc = !room ? EAGAIN : p.terminal ? use_terminal(in, out, err) : make_pipes(in, out, err, feed != NULL);
	/* not told of the supervisor's end before the program is on the list of those to end with it */
	sigset_t orphaned, before;
	(void)sigemptyset(&orphaned);
	(void)sigaddset(&orphaned, SIGUSR2);
	(void)sigprocmask(SIG_BLOCK, &orphaned, &before);
	if (rc == 0) {
		p.in = in[0], p.out = out[1], p.err = err[1];
		rc = launch(&p, &pid);
	}
	close_fd(&in[0]), close_fd(&out[1]), close_fd(&err[1]);
	struct child *c = rc == 0 ? child_new(loop, pid, (size_t)max) : NULL;
	if (rc == 0 && !p.terminal)
		(void)setpgid(pid, pid); /* here too, since either process may come first */
	if (room)
		(void)replace_running(-1, c != NULL ? pid : 0);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (c == NULL) {
		close_fd(&in[1]), close_fd(&out[0]), close_fd(&err[0]);
		if (rc == 0) {
			(void)kill(-pid, SIGKILL);
			(void)waitpid(pid, NULL, 0);
		}
		(void)push_error(L, rc == ENOENT ? "PROGRAM_NOT_FOUND" : "PROGRAM_FAILED", strerror(rc != 0 ? rc : ENOMEM));
		return NULL;
	}
	if (limit > 0)
		(void)uv_timer_start(&c->drain, drain_cb, (uint64_t)limit, 0);
	if (feed != NULL)
		feed_child(c, loop, in[1], feed, feed_n);
	read_output(c, loop, out[0], err[0]);
	return c;
}

static int l_run(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	struct child *c = begin(L);
	return c != NULL ? loop_suspend(L, &c->wait) : 2;
}

/* Programs that are followed while they run (host.start): userdata that end what nobody follows any more. */

static struct child *check_program(lua_State *L)
{
	struct child **box = luaL_checkudata(L, 1, PROGRAM_TYPE);
	luaL_argcheck(L, *box != NULL, 1, "the program was let go");
	return *box;
}

/* program:next() -> "stdout" | "stderr", bytes; at the end nil and host.run's result without output, or nil, nil, err */
static int program_next(lua_State *L)
{
	struct child *c = check_program(L);
	if (c->older != NULL || is_done(c))
		return push_news(L, c);
	if (c->wait.task != NULL)
		return luaL_error(L, "a program is followed by one task");
	return loop_suspend(L, &c->wait);
}

/* program:stop(grace_ms) -> true when it ran: asked to end now, and made to after grace_ms */
static int program_stop(lua_State *L)
{
	struct child *c = check_program(L);
	lua_Integer grace = luaL_checkinteger(L, 2);
	bool runs = !c->exited;
	if (runs && !c->stopping) {
		c->stopping = true;
		(void)kill(-c->pid, grace > 0 ? SIGTERM : SIGKILL);
		uv_update_time(loop_uv(L));
		(void)uv_timer_start(&c->drain, drain_cb, (uint64_t)(grace > 0 ? grace : 0), 0);
	}
	lua_pushboolean(L, runs);
	return 1;
}

static int program_pid(lua_State *L)
{
	lua_pushinteger(L, check_program(L)->pid);
	return 1;
}

static int program_gc(lua_State *L)
{
	struct child **box = luaL_checkudata(L, 1, PROGRAM_TYPE), *c = *box;
	*box = NULL;
	if (c == NULL || worker_context()->loop == NULL)
		return 0;
	if (!c->exited)
		(void)kill(-c->pid, SIGKILL);
	c->collected = true;
	close_handle((uv_handle_t *)&c->drain);
	close_stream(&c->in), close_stream(&c->out), close_stream(&c->err);
	free_collected(c);
	return 0;
}

static int l_start(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "next", program_next }, { "stop", program_stop }, { "pid", program_pid }, { NULL, NULL }
	};
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	struct child **box = lua_newuserdatauv(L, sizeof(struct child *), 0);
	*box = NULL;
	if (luaL_newmetatable(L, PROGRAM_TYPE) != 0) {
		luaL_newlib(L, methods);
		lua_setfield(L, -2, "__index");
		lua_pushcfunction(L, program_gc);
		lua_setfield(L, -2, "__gc");
		lua_pushboolean(L, 0);
		lua_setfield(L, -2, "__metatable");
	}
	lua_setmetatable(L, -2);
	*box = begin(L);
	if (*box == NULL)
		return 2;
	(*box)->followed = true; /* before the loop turns */
	lua_settop(L, 2);
	return 1;
}

/* Programs that stay when the run has ended (host.detach). */

#define KEEPER_GRACE_MS 2000 /* unless host.detach says otherwise */

struct keeping {
	int64_t lifetime_ms, grace_ms;
};

static void drop_descriptors(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		(void)dup2(null, fd);
	(void)syscall(SYS_close_range, 3U, ~0U, 0U);
}

/* Collects what has ended; false when nothing is left to keep. */
static bool collect_kept(void)
{
	pid_t p;
	do
		p = waitpid(-1, NULL, WNOHANG);
	while (p > 0 || (p < 0 && errno == EINTR));
	return p == 0;
}

/* Waits for the end of the program and of all it started; ends them when the time is over or when it is told to. */
static void guard(pid_t program, const sigset_t *set, const struct keeping *k)
{
	int64_t end = k->lifetime_ms > 0 ? clock_mono_ns() + k->lifetime_ms * 1000000 : INT64_MAX;
	bool told = false;
	while (collect_kept()) {
		int64_t now = clock_mono_ns(), left = end > now ? end - now : 0;
		struct timespec t = { (time_t)(left / 1000000000), (long)(left % 1000000000) };
		int sig = left > 0 ? sigtimedwait(set, NULL, &t) : 0;
		if (sig == SIGCHLD || (sig < 0 && errno == EINTR))
			continue;
		if (told) {
			reap_all(0, NULL, NULL, 0); /* also what left the program's group */
			return;
		}
		(void)kill(-program, SIGTERM);
		told = true;
		end = clock_mono_ns() + k->grace_ms * 1000000;
	}
}

/* The process between the tool and a program that stays: adopts what the program starts and holds nothing of the run. */
_Noreturn static void keep(const struct plan *p, const struct keeping *k)
{
	sigset_t set;
	(void)setsid();
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	for (int s = 1; s < 32; s++)
		(void)signal(s, SIG_DFL);
	pid_t program = fork();
	if (program == 0)
		become(p);
	int told = -(int)program; /* negative, unlike the errno of a failed exec */
	if (program < 0 || write(p->report, &told, sizeof told) != (ssize_t)sizeof told)
		_exit(1);
	drop_descriptors();
	guard(program, &set, k);
	_exit(0);
}

/* 0 with the pids of keeper and program, or an errno value. */
static int launch_kept(struct plan *p, const struct keeping *k, pid_t *keeper, pid_t *program)
{
	int report[2], said = 0, failed = 0;
	*program = 0;
	if (pipe2(report, O_CLOEXEC) != 0)
		return errno;
	p->report = report[1];
	*keeper = fork();
	if (*keeper == 0)
		keep(p, k);
	int rc = *keeper < 0 ? errno : 0;
	(void)close(report[1]);
	for (ssize_t n = rc == 0 ? 1 : 0; n > 0 || (n < 0 && errno == EINTR);) {
		n = read(report[0], &said, sizeof said);
		if (n == (ssize_t)sizeof said && said < 0)
			*program = -said;
		else if (n == (ssize_t)sizeof said)
			failed = said;
	}
	(void)close(report[0]);
	if (rc == 0 && (failed != 0 || *program == 0))
		(void)waitpid(*keeper, NULL, 0);
	return rc != 0 ? rc : failed != 0 ? failed : *program == 0 ? EAGAIN : 0;
}

/* When a process began, in clock ticks after boot: with its pid that names it for good. 0 when it is gone. */
static long long began_at(pid_t pid)
{
	char path[40], text[1024];
	(void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	char *p = strrchr(text, ')'); /* the name before it may hold anything */
	if (p == NULL || p[1] == '\0' || p[2] == 'Z' || p[2] == 'X')
		return 0;
	for (int field = 2; field < 22 && p != NULL; field++)
		p = strchr(p + 1, ' ');
	return p != NULL ? strtoll(p, NULL, 10) : 0;
}

/* host.detach{ path, argv, env, cwd, lifetime_ms, grace_ms, trusted } -> { pid, keeper, began } | nil, err */
static int l_detach(lua_State *L)
{
	size_t n = 0;
	struct plan p = { 0 };
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	lua_getfield(L, 1, "argv");
	p.argv = check_vector(L, 2);
	lua_getfield(L, 1, "env");
	p.envp = check_vector(L, 4);
	p.path = opt_string(L, "path", &n);
	p.cwd = opt_string(L, "cwd", &n);
	lua_getfield(L, 1, "lifetime_ms");
	struct keeping k = { luaL_optinteger(L, -1, 0), KEEPER_GRACE_MS };
	lua_getfield(L, 1, "grace_ms");
	k.grace_ms = luaL_optinteger(L, -1, k.grace_ms);
	lua_getfield(L, 1, "trusted");
	p.trusted = lua_toboolean(L, -1) != 0;
	luaL_argcheck(L, p.path != NULL && p.path[0] == '/', 1, "path must be absolute");
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t keeper = 0, program = 0;
	p.in = p.out = p.err = null;
	int rc = null >= 0 ? launch_kept(&p, &k, &keeper, &program) : errno;
	close_fd(&null);
	if (rc != 0)
		return push_error(L, rc == ENOENT ? "PROGRAM_NOT_FOUND" : "PROGRAM_FAILED", strerror(rc));
	lua_createtable(L, 0, 3);
	set_int(L, "pid", program);
	set_int(L, "keeper", keeper);
	set_int(L, "began", began_at(keeper));
	return 1;
}

/* host.stop(keeper, began[, look]) -> true when that process lives and, unless look, was asked to end what it keeps */
static int l_stop(lua_State *L)
{
	pid_t keeper = (pid_t)luaL_checkinteger(L, 1);
	lua_Integer began = luaL_checkinteger(L, 2);
	int fd = keeper > 1 ? (int)syscall(SYS_pidfd_open, keeper, 0) : -1;
	bool lives = fd >= 0 && began_at(keeper) == began; /* the descriptor keeps the pid from being used again */
	if (lives && !lua_toboolean(L, 3))
		lives = syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) == 0;
	close_fd(&fd);
	lua_pushboolean(L, lives);
	return 1;
}

void child_open(lua_State *L)
{
	static const luaL_Reg kept[] = { { "detach", l_detach }, { "stop", l_stop }, { NULL, NULL } };
	luaL_setfuncs(L, kept, 0);
	lua_pushcfunction(L, l_run);
	lua_setfield(L, -2, "run");
	lua_pushcfunction(L, l_start);
	lua_setfield(L, -2, "start");
	lua_pushcfunction(L, l_pipe);
	lua_setfield(L, -2, "pipe");
}
