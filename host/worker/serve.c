#include "serve.h"

#include "base/clock.h"
#include "base/places.h"
#include "base/snapshot.h"
#include "checkpoint.h"
#include "context.h"
#include "frames.h"
#include "hostlib.h"
#include "loop.h"
#include "worker.h"

#include <errno.h>
#include <lauxlib.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_COMMAND 128
#define CHUNK 4096 /* of jobs */
#define MAX_LEFT ((size_t)4 << 20) /* bytes that C code may hold when a line has ended, beyond those when it began */

struct serving {
	const struct serve_ends *ends;
	const struct serve_slot *slot; /* of this worker */
	const struct snapshot *outer;
	struct snapshot line; /* the invocation that the job stands for */
	char *bytes;          /* of jobs, as they came */
	size_t room, there, taken;
	char *job;            /* its texts, among them */
	char **argv;
	size_t argv_room;
	const char *flags, *payload;
	char loaded[MAX_COMMAND]; /* the command that the checkpoint has loaded; "": none */
	size_t held;              /* bytes that C code held then */
};

/* Its address is boot's key in the registry. */
static const char boot_key = 0;

static bool read_whole(int fd, void *into, size_t n)
{
	char *p = into;
	while (n > 0) {
		ssize_t got = read(fd, p, n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

/* Makes room for n bytes behind those that are there. */
static bool make_room(struct serving *s, size_t n)
{
	if (s->there + n <= s->room)
		return true;
	char *grown = realloc(s->bytes, s->there + n);
	if (grown == NULL)
		return false;
	s->bytes = grown;
	s->room = s->there + n;
	return true;
}

/* Reads until n bytes are there. */
static bool read_to(struct serving *s, size_t n)
{
	while (s->there < n) {
		if (!make_room(s, n - s->there > CHUNK ? n - s->there : CHUNK))
			return false;
		ssize_t got = read(s->slot->jobs, s->bytes + s->there, s->room - s->there);
		if (got > 0)
			s->there += (size_t)got;
		else if (got == 0 || errno != EINTR)
			return false;
	}
	return true;
}

/* Points argv at the texts from `at` on. */
static bool point(struct serving *s, size_t at, size_t n)
{
	size_t count = 2;
	for (size_t i = at; i < n; i++)
		count += s->job[i] == '\0' ? 1 : 0;
	if (count > s->argv_room) {
		char **grown = realloc(s->argv, count * sizeof *grown);
		if (grown == NULL)
			return false;
		s->argv = grown;
		s->argv_room = count;
	}
	s->line.argc = 0;
	s->argv[s->line.argc++] = s->outer->argv[0];
	for (; at < n; at += strlen(s->job + at) + 1)
		s->argv[s->line.argc++] = s->job + at;
	s->argv[s->line.argc] = NULL;
	s->line.argv = s->argv;
	return true;
}

/* Waits for the next job; false when there will be none. */
static bool take_job(struct serving *s)
{
	uint32_t n;
	const char *text[JOB_ARGS];
	size_t at = 0;
	if (s->taken > 0) /* the job before */
		(void)memmove(s->bytes, s->bytes + s->taken, s->there - s->taken);
	s->there -= s->taken;
	s->taken = 0;
	if (!read_to(s, sizeof n))
		return false;
	(void)memcpy(&n, s->bytes, sizeof n);
	if (!read_to(s, sizeof n + n))
		return false;
	s->taken = sizeof n + n;
	s->job = s->bytes + sizeof n;
	for (size_t i = 0; i < JOB_ARGS; i++) {
		text[i] = s->job + at;
		at += strlen(text[i]) + 1;
	}
	s->line = *s->outer;
	(void)memcpy(s->line.request_id, text[JOB_ID], sizeof s->line.request_id);
	s->line.start_mono_ns = strtoll(text[JOB_MONO], NULL, 10);
	s->line.start_epoch_ms = strtoll(text[JOB_EPOCH], NULL, 10);
	s->line.instance = text[JOB_INSTANCE][0] != '\0' ? text[JOB_INSTANCE] : NULL;
	s->flags = text[JOB_FLAGS];
	s->payload = text[JOB_PAYLOAD];
	return point(s, at, n);
}

/* Puts the line into the host table: host.line is what only lines have. Runs protected. */
static int set_line(lua_State *L)
{
	const struct serving *s = lua_touserdata(L, 1);
	hostlib_push(L);
	hostlib_invocation(L);
	lua_createtable(L, 0, 2);
	if (s->payload[0] != '\0') {
		lua_pushstring(L, s->payload);
		lua_setfield(L, -2, "payload");
	}
	lua_pushboolean(L, strchr(s->flags, 'd') != NULL);
	lua_setfield(L, -2, "dry_run");
	lua_pushboolean(L, worker_context()->used);
	lua_setfield(L, -2, "used");
	if (worker_context()->bound != NULL) {
		lua_pushstring(L, worker_context()->bound);
		lua_setfield(L, -2, "bound");
		hostlib_layers(L, worker_context()->layers);
		lua_setfield(L, -2, "layers");
	}
	lua_setfield(L, -2, "line");
	return 0;
}

static bool begin(lua_State *L, struct serving *s)
{
	worker_context()->snapshot = &s->line;
	lua_pushcfunction(L, set_line);
	lua_pushlightuserdata(L, s);
	if (lua_pcall(L, 1, 0, 0) == LUA_OK)
		return true;
	lua_settop(L, 1);
	return false;
}

/* Loads the command of the line, whose first words are its path, and keeps the state for the next line that calls it.
 * Runs protected; whatever is wrong with the command, the run will say. */
static int load_command(lua_State *L)
{
	const struct serving *s = lua_touserdata(L, 1);
	lua_settop(L, 0);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &boot_key);
	lua_getfield(L, 1, "prepare");
	lua_createtable(L, 4, 0);
	for (int i = 1; i < s->line.argc && s->argv[i][0] != '-'; i++) {
		lua_pushstring(L, s->argv[i]);
		lua_rawseti(L, -2, i);
	}
	lua_call(L, 1, 1);
	return 1;
}

/* The path of the line's command; "" when it is too long to be known again. */
static void name_command(const struct serving *s, char *name, size_t room)
{
	size_t n = 0;
	name[0] = '\0';
	for (int i = 1; i < s->line.argc && s->argv[i][0] != '-'; i++) {
		size_t more = strlen(s->argv[i]);
		if (room - n < more + 2) {
			name[0] = '\0';
			return;
		}
		(void)memcpy(name + n, s->argv[i], more);
		n += more;
		name[n++] = ' ';
		name[n] = '\0';
	}
}

/* Bytes that C code holds beside Lua's. */
static size_t held(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

/* Brings the state to where the line can begin: its command loaded, nothing of another line. False when that cannot be: a
 * worker that was confined for one command can read the file of no other. */
static bool set_back(lua_State *L, struct serving *s)
{
	char name[MAX_COMMAND];
	name_command(s, name, sizeof name);
	if (name[0] != '\0' && strcmp(name, s->loaded) == 0) {
		checkpoint_return();
		return true;
	}
	if (worker_context()->used)
		return false;
	lua_pushcfunction(L, load_command);
	lua_pushlightuserdata(L, s);
	bool plain = lua_pcall(L, 1, 1, 0) == LUA_OK && lua_toboolean(L, -1);
	lua_settop(L, 1);
	if (plain && checkpoint_make(&worker_context()->memory)) {
		(void)memcpy(s->loaded, name, sizeof name);
		s->held = held();
	}
	return true;
}

/* Is nothing left of the line but what setting back removes? */
static bool is_clean(struct serving *s)
{
	const struct worker *w = worker_context();
	return w->plain && !w->interrupted && w->session_fd < 0 && w->pids_fd < 0 && !checkpoint_worn() &&
	       held() < s->held + MAX_LEFT && loop_forget();
}

/* Closes every descriptor but the ones that a worker needs. */
static bool close_rest(const struct serve_slot *e)
{
	int low = e->jobs < e->frames ? e->jobs : e->frames, high = e->jobs < e->frames ? e->frames : e->jobs;
	return syscall(SYS_close_range, 3U, (unsigned)low - 1, 0U) == 0 &&
	       (high == low + 1 || syscall(SYS_close_range, (unsigned)low + 1, (unsigned)high - 1, 0U) == 0) &&
	       syscall(SYS_close_range, (unsigned)high + 1, ~0U, 0U) == 0;
}

/* A worker that goes on with further lines does not push the supervisor aside, which has to feed the others too. */
static void yield_to_supervisor(void)
{
	struct sched_param none = { 0 };
	(void)sched_setscheduler(0, SCHED_BATCH, &none); /* where it cannot be, all is a little slower */
}

_Noreturn static void work(lua_State *L, struct serving *s)
{
	struct worker *w = worker_context();
	w->frames_fd = s->slot->frames;
	w->note = s->slot->note;
	if (prctl(PR_SET_PDEATHSIG, SIGUSR2) != 0 || getppid() != s->ends->supervisor || dup2(s->slot->out, 1) < 0 ||
	    dup2(s->slot->err, 2) < 0)
		_exit(1);
	(void)close_rest(s->slot);
	s->held = held();
	while (take_job(s)) {
		w->interrupted = 0;
		w->plain = false;
		if (!set_back(L, s)) {
			(void)frame_send('H', NULL, 0);
			break;
		}
		if (!begin(L, s))
			break;
		worker_run(L);
		if (!is_clean(s) || !close_rest(s->slot))
			break;
		if (!w->used)
			yield_to_supervisor();
		w->used = true;
		(void)fflush(NULL);
		if (!frame_send('Q', NULL, 0))
			break;
	}
	loop_close(L);
	worker_end();
}

/* A child of the supervisor, which is to know how it ends. */
static pid_t fork_sibling(void)
{
	return (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
}

/* Loads what any command may need, so that workers have it. No collection is left half done: it would write to every
 * object again and again. */
static bool warm(lua_State *L)
{
	lua_pushvalue(L, 1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &boot_key);
	lua_getfield(L, 1, "warm");
	if (lua_pcall(L, 0, 0, 0) != LUA_OK)
		return false;
	(void)lua_gc(L, LUA_GCCOLLECT);
	(void)lua_gc(L, LUA_GCSTOP);
	return true;
}

_Noreturn void serve_main(const struct snapshot *snapshot, const struct serve_ends *ends)
{
	struct worker *w = worker_context();
	struct snapshot quiet = *snapshot;
	quiet.tty[0] = quiet.tty[1] = false;
	struct serving s = { .ends = ends, .outer = &quiet };
	char slot;
	w->snapshot = &quiet;
	w->frames_fd = ends->slots[0].frames; /* until it has one of its own */
	w->memory.limit = MEMORY_LIMIT;
	worker_signals();
	bool contained = arena_contain(&w->memory, NULL);
	lua_State *L = lua_newstate(arena_allocate, &w->memory);
	w->main = L;
	struct places places;
	(void)places_find(&places);
	if (L == NULL || !worker_prepare(L, &places) || !warm(L))
		worker_end();
	if (contained)
		(void)checkpoint_make(&w->memory); /* without it no worker serves a second line */
	while (read_whole(ends->control, &slot, 1) && slot >= 0 && slot < SERVE_SLOTS) {
		s.slot = &ends->slots[(size_t)slot];
		pid_t pid = fork_sibling();
		if (pid == 0)
			work(L, &s);
		int told = pid > 0 ? (int)pid : -errno;
		if (write(ends->control, &told, sizeof told) != (ssize_t)sizeof told)
			break;
	}
	worker_end();
}
