#include "child.h"

#include "base/buf.h"
#include "base/clock.h"
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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILD_TYPE "tool.child"
#define DEFAULT_MAX ((lua_Integer)16 << 20)
#define DRAIN_MS 200 /* how long output of a grandchild that outlives the program is waited for */

struct stream {
	uv_pipe_t pipe;
	struct buf bytes;
	bool open;
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
	bool exited, too_large, timed_out, collected;
};

/* What the child needs, made before the fork so that it only makes system calls. */
struct plan {
	const char *path, *cwd;
	char **argv, **envp;
	int in, out, err, report;
	bool terminal; /* stays in the terminal's foreground group */
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

static void handle_closed(uv_handle_t *h)
{
	struct child *c = h->data;
	if (--c->handles == 0 && c->collected) {
		buf_free(&c->out.bytes);
		buf_free(&c->err.bytes);
		buf_free(&c->in.bytes);
		free(c);
	}
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
	lua_createtable(L, 0, 5);
	set_int(L, "status", WIFEXITED(c->status) ? WEXITSTATUS(c->status) : 128 + WTERMSIG(c->status));
	if (WIFSIGNALED(c->status))
		set_int(L, "signal", WTERMSIG(c->status));
	set_bytes(L, "stdout", &c->out.bytes);
	set_bytes(L, "stderr", &c->err.bytes);
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
	if (c->handles == 0) {
		buf_free(&c->out.bytes);
		buf_free(&c->err.bytes);
		buf_free(&c->in.bytes);
		free(c);
	}
	return n;
}

static void maybe_done(struct child *c)
{
	if (c->exited && !c->out.open && !c->err.open && c->wait.task != NULL)
		loop_wake(&c->wait, push_and_release, c);
}

static void drain_cb(uv_timer_t *t)
{
	struct child *c = t->data;
	if (!c->exited) {
		c->timed_out = true;
		(void)kill(-c->pid, SIGKILL);
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
	if (waitpid(c->pid, &c->status, WNOHANG) != c->pid)
		return;
	c->exited = true;
	(void)replace_running(c->pid, 0);
	(void)uv_poll_stop(watch);
	close_handle((uv_handle_t *)watch);
	(void)close(c->pidfd);
	c->pidfd = -1;
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
	if (n > 0) {
		s->bytes.len += (size_t)n;
		if (s->bytes.len > c->max && !c->too_large) {
			c->too_large = true;
			(void)kill(-c->pid, SIGKILL);
			s->bytes.len = 0;
		} else if (c->too_large) {
			s->bytes.len = 0;
		}
	} else if (n < 0) {
		close_stream(s);
		maybe_done(c);
	}
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

static int l_run(lua_State *L)
{
	size_t n = 0, feed_n = 0;
	luaL_checktype(L, 1, LUA_TTABLE);
	struct plan p = { 0 };
	lua_settop(L, 1);
	lua_getfield(L, 1, "argv");
	p.argv = check_vector(L, 2);
	lua_getfield(L, 1, "env");
	p.envp = check_vector(L, 4);
	p.path = opt_string(L, "path", &n);
	p.cwd = opt_string(L, "cwd", &n);
	const char *feed = lua_getfield(L, 1, "stdin") == LUA_TUSERDATA ? NULL : opt_string(L, "stdin", &feed_n);
	lua_getfield(L, 1, "max");
	lua_Integer max = luaL_optinteger(L, -1, DEFAULT_MAX);
	lua_getfield(L, 1, "timeout_ms");
	lua_Integer limit = luaL_optinteger(L, -1, 0);
	lua_getfield(L, 1, "terminal");
	p.terminal = lua_toboolean(L, -1) != 0;
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
		return push_error(L, rc == ENOENT ? "PROGRAM_NOT_FOUND" : "PROGRAM_FAILED", strerror(rc != 0 ? rc : ENOMEM));
	}
	if (limit > 0)
		(void)uv_timer_start(&c->drain, drain_cb, (uint64_t)limit, 0);
	if (out[0] >= 0)
		adopt_stream(c, loop, &c->out, out[0]);
	if (err[0] >= 0)
		adopt_stream(c, loop, &c->err, err[0]);
	if (feed != NULL)
		feed_child(c, loop, in[1], feed, feed_n);
	if (out[0] >= 0)
		(void)uv_read_start((uv_stream_t *)&c->out.pipe, alloc_cb, read_cb);
	if (err[0] >= 0)
		(void)uv_read_start((uv_stream_t *)&c->err.pipe, alloc_cb, read_cb);
	return loop_suspend(L, &c->wait);
}

void child_open(lua_State *L)
{
	lua_pushcfunction(L, l_run);
	lua_setfield(L, -2, "run");
	lua_pushcfunction(L, l_pipe);
	lua_setfield(L, -2, "pipe");
}
