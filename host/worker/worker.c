#include "worker.h"

#include "base/places.h"
#include "base/snapshot.h"
#include "child.h"
#include "context.h"
#include "frames.h"
#include "hostlib.h"
#include "image.h"
#include "loop.h"

#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM_FOR_STRINGS 6000 /* those of the image and of a run */
#define CHILDREN_MS 1500 /* for programs after an interrupt; below the supervisor's grace for cleanup */

static void on_interrupt(int sig)
{
	(void)sig;
	loop_interrupt();
}

/* The supervisor is gone, so nobody will reap: the programs that this worker runs end with it. */
static void on_orphaned(int sig)
{
	(void)sig;
	child_kill_all();
	_exit(1);
}

/* A file that is loaded, or a check of what it returned, does not come back from a C function: says which, and ends. */
static void on_clock(int sig)
{
	const struct worker *w = worker_context();
	struct frame_part part = { w->loading, strlen(w->loading) };
	(void)sig;
	(void)frame_send('Z', &part, 1);
	_exit(1);
}

void worker_signals(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, stop = { .sa_handler = on_interrupt };
	/* SIGXFSZ too: a file over its limit is an error of the write, which cleans up after itself */
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXFSZ };
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		(void)sigaction(ignored[i], &ignore, NULL);
	struct sigaction orphaned = { .sa_handler = on_orphaned };
	(void)sigaction(SIGUSR2, &orphaned, NULL);
	struct sigaction clock = { .sa_handler = on_clock };
	(void)sigaction(SIGVTALRM, &clock, NULL);
	(void)sigaction(SIGUSR1, &stop, NULL); /* no SA_RESTART: a blocked read returns */
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void open_libraries(lua_State *L)
{
	static const luaL_Reg libs[] = {
		{ LUA_GNAME, luaopen_base },        { LUA_TABLIBNAME, luaopen_table },  { LUA_STRLIBNAME, luaopen_string },
		{ LUA_MATHLIBNAME, luaopen_math },  { LUA_UTF8LIBNAME, luaopen_utf8 }, { LUA_COLIBNAME, luaopen_coroutine },
		{ LUA_OSLIBNAME, luaopen_os },
	};
	for (size_t i = 0; i < sizeof libs / sizeof *libs; i++) {
		luaL_requiref(L, libs[i].name, libs[i].func, 1);
		lua_pop(L, 1);
	}
	static const char *const gone[] = { "dofile", "loadfile", "load", "collectgarbage", "print" };
	for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
		lua_pushnil(L);
		lua_setglobal(L, gone[i]);
	}
	lua_getglobal(L, LUA_STRLIBNAME); /* every string reaches this table by its methods */
	lua_pushnil(L);
	lua_setfield(L, -2, "dump");
	lua_pop(L, 1);
}

/* Opens the libraries and leaves boot's table on the stack. Runs protected. */
static int open_state(lua_State *L)
{
	open_libraries(L);
	hostlib_open(L);
	lua_pop(L, 1);
	lua_getglobal(L, "require");
	lua_pushliteral(L, "boot");
	lua_call(L, 1, 1);
	return 1;
}

/* Runs boot[name] as the main task; boot's table is at index 1. */
static int run_entry(lua_State *L, const char *name)
{
	lua_getfield(L, 1, name);
	return loop_run(L);
}

static void report(lua_State *L, int top)
{
	const char *message = lua_tostring(L, top + 1), *trace = lua_tostring(L, top + 2);
	struct frame_part parts[2] = { { message, message != NULL ? strlen(message) : 0 },
				       { trace, trace != NULL ? strlen(trace) : 0 } };
	(void)frame_send('F', parts, 2);
}

/* After an interrupt: the command's cleanup gets its chance, on a fresh task without the hook. */
static void unwind(lua_State *L)
{
	(void)frame_send('U', NULL, 0);
	loop_clear_interrupt(L);
	lua_settop(L, 1);
	if (run_entry(L, "interrupted") != LUA_OK && !worker_context()->interrupted) {
		const char *message = lua_tostring(L, 2);
		struct frame_part part = { message, message != NULL ? strlen(message) : 0 };
		(void)frame_send('C', &part, 1);
	}
	child_wait_all(L, CHILDREN_MS);
}

/* Sets what the host table says of this run. Runs protected. */
static int set_surroundings(lua_State *L)
{
	hostlib_push(L);
	hostlib_surroundings(L, lua_touserdata(L, 1));
	return 0;
}

static bool prepare(lua_State *L, const struct places *places)
{
	bool there = lua_gettop(L) == 1;
	if (!there) {
		lua_pushcfunction(L, open_state);
		if (lua_pcall(L, 0, 1, 0) != LUA_OK)
			return false;
	}
	if (!loop_start()) {
		lua_pushliteral(L, "not enough memory");
		return false;
	}
	lua_pushcfunction(L, set_surroundings);
	lua_pushlightuserdata(L, (void *)(uintptr_t)places);
	return lua_pcall(L, 1, 0, 0) == LUA_OK;
}

bool worker_prepare(lua_State *L, const struct places *places)
{
	if (prepare(L, places))
		return true;
	report(L, lua_gettop(L) - 1);
	return false;
}

void worker_run(lua_State *L)
{
	int status = run_entry(L, "main");
	if (worker_context()->interrupted) {
		unwind(L);
	} else if (status != LUA_OK) {
		report(L, 1);
		lua_settop(L, 1);
		(void)run_entry(L, "unwind");
	}
}

_Noreturn void worker_end(void)
{
	(void)frame_flush();
	(void)fflush(NULL); /* what a library printed belongs to the supervisor's capture */
	_exit(0);
}

_Noreturn void worker_main(const struct snapshot *snapshot, int frames_fd)
{
	struct worker *w = worker_context();
	w->snapshot = snapshot;
	w->frames_fd = frames_fd;
	w->memory.limit = MEMORY_LIMIT;
	worker_signals();
	struct places places;
	char image[PATH_MAX + 16];
	(void)places_find(&places);
	(void)snprintf(image, sizeof image, "%s/start.image", places.made);
	lua_State *L = image_load(&w->memory, image);
	if (L == NULL)
		L = lua_newstate(arena_allocate, &w->memory);
	if (L != NULL) {
		w->main = L;
		if (worker_prepare(L, &places))
			worker_run(L);
		loop_close(L);
	}
	worker_end();
}

/* Opens the libraries and loads what runs have in common; NULL, or what went wrong. */
static const char *fill(lua_State *L)
{
	for (int i = 0; i < ROOM_FOR_STRINGS; i++) { /* the table of strings grows now, not in every run */
		lua_pushfstring(L, "%d", i);
		lua_pop(L, 1);
	}
	lua_gc(L, LUA_GCCOLLECT);
	lua_pushcfunction(L, open_state);
	bool ok = lua_pcall(L, 0, 1, 0) == LUA_OK;
	if (ok) {
		lua_getfield(L, 1, "warm");
		ok = lua_pcall(L, 0, 0, 0) == LUA_OK;
	}
	if (!ok)
		return lua_tostring(L, -1);
	lua_gc(L, LUA_GCCOLLECT);
	lua_gc(L, LUA_GCCOLLECT); /* what the finalizers of the first left */
	lua_gc(L, LUA_GCSTOP);
	return NULL;
}

int worker_write_image(const char *path)
{
	struct worker *w = worker_context();
	lua_State *L = arena_contain(&w->memory, IMAGE_ADDRESS) ? lua_newstate(arena_allocate, &w->memory) : NULL;
	const char *problem = L != NULL ? fill(L) : "its memory cannot be had";
	if (problem == NULL)
		problem = image_write(&w->memory, L, path);
	if (problem == NULL)
		return 0;
	(void)dprintf(2, "error: There is no start image: %s.\n", problem);
	return 1;
}
