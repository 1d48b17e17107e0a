#include "hostlib.h"

#include "base/clock.h"
#include "context.h"
#include "embedded.h"
#include "loop.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

int luaopen_lpeg(lua_State *L);
int luaopen_cjson(lua_State *L);

#define LOADED "tool.loaded"

static int by_name(const void *key, const void *item)
{
	return strcmp(key, ((const struct embedded_module *)item)->name);
}

/* Pushes the loader of a framework module or library, and returns 1; or returns 0. */
static int push_loader(lua_State *L, const char *name)
{
	const struct embedded_module *m =
		bsearch(name, embedded_modules, embedded_module_count, sizeof *embedded_modules, by_name);
	if (m != NULL) {
		/* bytecode of this very build: the one place where mode "b" is allowed */
		if (luaL_loadbufferx(L, (const char *)m->data, m->size, name, "b") != LUA_OK)
			(void)lua_error(L);
		return 1;
	}
	lua_CFunction open = strcmp(name, "lpeg") == 0 ? luaopen_lpeg : strcmp(name, "cjson") == 0 ? luaopen_cjson : NULL;
	if (open == NULL)
		return 0;
	lua_pushcfunction(L, open);
	return 1;
}

/* require(name) of the framework: modules of the image, then lpeg and cjson; nothing from disk */
static int l_require(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	lua_settop(L, 1);
	(void)luaL_getsubtable(L, LUA_REGISTRYINDEX, LOADED);
	if (lua_getfield(L, 2, name) != LUA_TNIL)
		return 1;
	lua_pop(L, 1);
	if (push_loader(L, name) == 0)
		return luaL_error(L, "module '%s' not found", name);
	lua_pushvalue(L, 1);
	lua_call(L, 1, 1);
	lua_pushvalue(L, -1);
	lua_setfield(L, 2, name);
	return 1;
}

/* host.has_module(name) -> boolean */
static int l_has_module(lua_State *L)
{
	lua_pushboolean(L, bsearch(luaL_checkstring(L, 1), embedded_modules, embedded_module_count,
				   sizeof *embedded_modules, by_name) != NULL);
	return 1;
}

/* host.load(text, chunkname, env) -> function | nil, message : text only, never bytecode */
static int l_load(lua_State *L)
{
	size_t n;
	const char *text = luaL_checklstring(L, 1, &n), *name = luaL_checkstring(L, 2);
	luaL_checktype(L, 3, LUA_TTABLE);
	(void)snprintf(worker_context()->loading, sizeof worker_context()->loading, "%s", name + (name[0] == '@'));
	if (luaL_loadbufferx(L, text, n, name, "t") != LUA_OK) {
		lua_pushnil(L);
		lua_insert(L, -2);
		return 2;
	}
	lua_pushvalue(L, 3);
	(void)lua_setupvalue(L, -2, 1);
	return 1;
}

#define STEPS_AT_ONCE 1000
#define LIMITED_CPU_S 3 /* for what runs inside C, where steps are not counted: a pattern without end, say */

/* Starts or stops the clock of worker.c's on_clock; it counts this process's own time only. */
static void set_clock(bool on)
{
	struct itimerval t = { .it_value = { .tv_sec = on ? LIMITED_CPU_S : 0 } };
	(void)setitimer(ITIMER_VIRTUAL, &t, NULL);
}

/* Coroutines inherit the hook, so that all of them take from one limit. Once that is used up, each further instruction
 * raises: code that catches the error does not get far. */
static void limit_hook(lua_State *L, lua_Debug *ar)
{
	struct worker *w = worker_context();
	(void)ar;
	if (!w->limiting) {
		lua_sethook(L, NULL, 0, 0); /* a coroutine that was made then and runs now */
		return;
	}
	if (w->steps_left > 0)
		w->steps_left -= STEPS_AT_ONCE;
	if (w->steps_left > 0)
		return;
	lua_sethook(L, limit_hook, LUA_MASKCOUNT, 1);
	luaL_error(L, "too many steps: loading must do nothing but build a table");
}

/* host.limited(steps, fn, …) -> ok, results… : runs fn for at most that many VM steps (REQ-F-068); inside another one, for
 * at most what that has left */
static int l_limited(lua_State *L)
{
	struct worker *w = worker_context();
	int64_t steps = luaL_checkinteger(L, 1), outer_left = w->steps_left;
	bool inside = w->limiting;
	luaL_checktype(L, 2, LUA_TFUNCTION);
	if (inside && steps > outer_left)
		steps = outer_left;
	if (!inside)
		set_clock(true);
	w->limiting = true;
	w->steps_left = steps;
	lua_sethook(L, limit_hook, LUA_MASKCOUNT, STEPS_AT_ONCE);
	int status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
	w->limiting = inside;
	w->steps_left = outer_left - (inside ? steps - w->steps_left : 0);
	if (!inside) {
		set_clock(false);
		lua_sethook(L, NULL, 0, 0);
	}
	if (w->interrupted)
		loop_interrupt(); /* it came while the hook was taken */
	lua_pushboolean(L, status == LUA_OK);
	lua_replace(L, 1);
	return lua_gettop(L);
}

static int64_t watch_until; /* of the thread whose hook is watch_hook */

static void watch_hook(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	if (clock_mono_ns() < watch_until)
		return;
	lua_sethook(L, watch_hook, LUA_MASKCOUNT, 1); /* so that code which catches the error does not go on */
	luaL_error(L, "timeout");
}

/* host.watch(ms): this thread's Lua code, and threads that it makes, end with an error after that time; one at a time */
static int l_watch(lua_State *L)
{
	watch_until = clock_mono_ns() + (int64_t)luaL_checkinteger(L, 1) * 1000000;
	if (!worker_context()->interrupted)
		lua_sethook(L, watch_hook, LUA_MASKCOUNT, 10000);
	return 0;
}

/* host.traceback(message, level) -> text */
static int l_traceback(lua_State *L)
{
	luaL_traceback(L, L, lua_tostring(L, 1), (int)luaL_optinteger(L, 2, 1));
	return 1;
}

void hostlib_push(lua_State *L)
{
	(void)luaL_getsubtable(L, LUA_REGISTRYINDEX, LOADED);
	lua_getfield(L, -1, "host");
	lua_remove(L, -2);
}

void hostlib_code(lua_State *L)
{
	static const luaL_Reg code[] = {
		{ "load", l_load }, { "limited", l_limited }, { "has_module", l_has_module },
		{ "traceback", l_traceback }, { "watch", l_watch }, { NULL, NULL }
	};
	luaL_setfuncs(L, code, 0);
	lua_pushcfunction(L, l_require);
	lua_setglobal(L, "require");
	(void)luaL_getsubtable(L, LUA_REGISTRYINDEX, LOADED);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, "host");
	lua_pop(L, 1);
}
