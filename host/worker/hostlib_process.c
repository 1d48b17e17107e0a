#include "hostlib.h"

#include "base/clock.h"
#include "base/globals.h"
#include "base/places.h"
#include "base/snapshot.h"
#include "confine.h"
#include "context.h"
#include "frames.h"
#include "serve.h"
#include "version.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <termios.h>
#include <unistd.h>

#define GC_HEADROOM_KB 4096

/* host.env(name) -> value | nil */
static int l_env(lua_State *L)
{
	lua_pushstring(L, snapshot_env(worker_context()->snapshot, luaL_checkstring(L, 1)));
	return 1;
}

/* host.environ() -> { NAME = value } */
static int l_environ(lua_State *L)
{
	lua_newtable(L);
	for (char **e = worker_context()->snapshot->env; *e != NULL; e++) {
		const char *eq = strchr(*e, '=');
		if (eq == NULL)
			continue;
		lua_pushlstring(L, *e, (size_t)(eq - *e));
		lua_pushstring(L, eq + 1);
		lua_rawset(L, -3);
	}
	return 1;
}

/* host.limit(ms, retryable): the time limit of the run, which counts from now */
static int l_limit(lua_State *L)
{
	const struct worker *w = worker_context();
	lua_Integer ms = luaL_checkinteger(L, 1);
	bool retryable = lua_toboolean(L, 2) != 0;
	if (w->note != NULL) {
		w->note->limit_ms = ms;
		w->note->since_ns = clock_mono_ns();
		w->note->retryable = retryable;
		w->note->start_ns = w->snapshot->start_mono_ns;
		return 0;
	}
	char text[24];
	int n = snprintf(text, sizeof text, "%lld", (long long)ms);
	struct frame_part parts[2] = { { text, (size_t)n }, { retryable ? "1" : "0", 1 } };
	if (!frame_send('D', parts, 2))
		return luaL_error(L, "the supervisor is gone");
	return 0;
}

/* host.unsend() -> the frames that wait and shall not be sent now */
static int l_unsend(lua_State *L)
{
	size_t n;
	const char *bytes = frames_take(&n);
	lua_pushlstring(L, bytes, n);
	return 1;
}

/* host.send_again(frames): what unsend took */
static int l_send_again(lua_State *L)
{
	size_t n;
	const char *bytes = luaL_checklstring(L, 1, &n);
	if (!frames_append(bytes, n) && (!frame_flush() || !frames_append(bytes, n)))
		return luaL_error(L, "the supervisor is gone");
	return 0;
}

/* host.flush(): what waits is sent */
static int l_flush(lua_State *L)
{
	if (!frame_flush())
		return luaL_error(L, "the supervisor is gone");
	return 0;
}

/* host.send(kind, part…) */
static int l_send(lua_State *L)
{
	const char *kind = luaL_checkstring(L, 1);
	struct frame_part parts[16];
	int n = lua_gettop(L) - 1;
	luaL_argcheck(L, n <= 16, 1, "too many parts");
	for (int i = 0; i < n; i++)
		parts[i].data = luaL_checklstring(L, i + 2, &parts[i].len);
	if (!frame_send(kind[0], parts, (size_t)n))
		return luaL_error(L, "the supervisor is gone");
	return 0;
}

static int64_t mono_ms(void)
{
	return clock_mono_ns() / 1000000;
}

/* host.mono() -> ms */
static int l_mono(lua_State *L)
{
	lua_pushinteger(L, mono_ms());
	return 1;
}

/* host.elapsed() -> ms since the invocation began */
static int l_elapsed(lua_State *L)
{
	lua_pushinteger(L, (clock_mono_ns() - worker_context()->snapshot->start_mono_ns) / 1000000);
	return 1;
}

/* host.time() -> ms since 1970 */
static int l_time(lua_State *L)
{
	lua_pushinteger(L, clock_epoch_ms());
	return 1;
}

static bool flag_at(lua_State *L, int idx, const char *name)
{
	lua_getfield(L, idx, name);
	bool v = lua_toboolean(L, -1) != 0;
	lua_pop(L, 1);
	return v;
}

void hostlib_layers(lua_State *L, struct confine_result r)
{
	lua_createtable(L, 0, 2);
	lua_pushinteger(L, r.landlock);
	lua_setfield(L, -2, "landlock");
	lua_pushboolean(L, r.seccomp);
	lua_setfield(L, -2, "seccomp");
}

/* A list of rules, such as "rw/tmp/x": letters for the rights (read, write, exec, device, list), then the path. */
static struct confine_rule *take_rules(lua_State *L, const char *name, size_t *count)
{
	static const char letters[] = "rwxdl"; /* in the order of enum confine_right */
	*count = lua_getfield(L, 1, name) == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
	int list = lua_gettop(L);
	struct confine_rule *rules = lua_newuserdatauv(L, (*count + 1) * sizeof *rules, 0);
	for (size_t i = 0; i < *count; i++) {
		lua_rawgeti(L, list, (lua_Integer)i + 1);
		const char *p = luaL_checkstring(L, -1), *letter;
		rules[i].rights = 0;
		for (; *p != '\0' && (letter = strchr(letters, *p)) != NULL; p++)
			rules[i].rights |= 1U << (letter - letters);
		luaL_argcheck(L, *p == '/' && rules[i].rights != 0, 1, "not a rule");
		rules[i].path = p; /* the list keeps the string alive */
		lua_pop(L, 1);
	}
	return rules; /* it and the list stay on the stack */
}

static uint16_t *take_ports(lua_State *L, size_t *count)
{
	*count = lua_getfield(L, 1, "ports") == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
	int list = lua_gettop(L);
	uint16_t *ports = lua_newuserdatauv(L, (*count + 1) * sizeof *ports, 0);
	for (size_t i = 0; i < *count; i++) {
		lua_rawgeti(L, list, (lua_Integer)i + 1);
		ports[i] = (uint16_t)luaL_checkinteger(L, -1);
		lua_pop(L, 1);
	}
	return ports;
}

static int64_t number_at(lua_State *L, const char *name)
{
	lua_getfield(L, 1, name);
	int64_t v = luaL_optinteger(L, -1, 0);
	lua_pop(L, 1);
	return v;
}

/* host.confine{ rules = { "rw/path" … }, programs = { … } or nil, ports = { … }, network, connects, listens, local_sockets, exec,
 * signals, attributes = booleans, memory, file_size, processes, open_files = numbers } -> { landlock = ABI or 0, seccomp } */
static int l_confine(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	luaL_checkstack(L, 16, NULL);
	struct confine_policy p = {
		.network = flag_at(L, 1, "network"), .connects = flag_at(L, 1, "connects"), .listens = flag_at(L, 1, "listens"),
		.local_sockets = flag_at(L, 1, "local_sockets"), .exec = flag_at(L, 1, "exec"),
		.narrow = flag_at(L, 1, "programs"), .signals = flag_at(L, 1, "signals"),
		.attributes = flag_at(L, 1, "attributes"), .memory = number_at(L, "memory"),
		.file_size = number_at(L, "file_size"), .processes = number_at(L, "processes"),
		.open_files = number_at(L, "open_files"), .supervisor = getppid(),
	};
	p.rules = take_rules(L, "rules", &p.rule_count);
	p.program_rules = take_rules(L, "programs", &p.program_rule_count);
	p.ports = take_ports(L, &p.port_count);
	struct worker *w = worker_context();
	w->layers = confine_apply(&p);
	hostlib_layers(L, w->layers);
	return 1;
}

/* host.hand_back(): another process must run this line, and this one serves no more */
static int l_hand_back(lua_State *L)
{
	(void)L;
	worker_context()->plain = false;
	(void)frame_send('H', NULL, 0);
	return 0;
}

/* host.bind(text): later lines of this process must be confined to the same, or go elsewhere */
static int l_bind(lua_State *L)
{
	struct worker *w = worker_context();
	char *copy = strdup(luaL_checkstring(L, 1));
	if (copy == NULL)
		return luaL_error(L, "not enough memory");
	free(w->bound);
	w->bound = copy;
	return 0;
}

/* host.plain(): this run can leave nothing behind, so another may follow in this process */
static int l_plain(lua_State *L)
{
	(void)L;
	worker_context()->plain = true;
	return 0;
}

/* host.layers() -> what the kernel offers */
static int l_layers(lua_State *L)
{
	hostlib_layers(L, confine_probe());
	return 1;
}

/* Loads dir/name.so and calls its luaopen_name. Pushes the module and returns 1, or nil and a message and returns 2. */
static int open_module(lua_State *L, const char *dir, const char *name)
{
	const char *path = lua_pushfstring(L, "%s/%s.so", dir, name);
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const char *symbol = lua_pushfstring(L, "luaopen_%s", name);
	lua_CFunction open = NULL;
	if (handle != NULL)
		*(void **)&open = dlsym(handle, symbol);
	if (open == NULL) {
		lua_pushnil(L);
		lua_pushstring(L, dlerror());
		return 2;
	}
	lua_pushcfunction(L, open);
	lua_call(L, 0, 1);
	return 1;
}

/* host.module(name) -> module | nil, message : a native module of the host itself */
static int l_module(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	luaL_argcheck(L, name[strspn(name, "abcdefghijklmnopqrstuvwxyz")] == '\0' && name[0] != '\0', 1, "no module name");
	(void)luaL_getsubtable(L, LUA_REGISTRYINDEX, "tool.modules");
	if (lua_getfield(L, -1, name) != LUA_TNIL)
		return 1;
	struct places places;
	(void)places_find(&places);
	lua_pushfstring(L, "%s/modules", places.made);
	if (open_module(L, lua_tostring(L, -1), name) == 2)
		return 2;
	(void)luaL_getsubtable(L, LUA_REGISTRYINDEX, "tool.modules");
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, name);
	lua_pop(L, 1);
	return 1;
}

/* host.native(dir, name) -> module | nil, message : a native module that the operator put into TOOL_NATIVE_PATH */
static int l_native(lua_State *L)
{
	const char *dir = luaL_checkstring(L, 1), *name = luaL_checkstring(L, 2);
	luaL_argcheck(L, dir[0] == '/', 1, "not an absolute directory");
	luaL_argcheck(L, name[0] != '\0' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name), 2, "no module name");
	return open_module(L, dir, name);
}

/* host.columns() -> width of the terminal on the real stderr or stdin, 80 when unknown */
static int l_columns(lua_State *L)
{
	struct winsize ws = { 0 };
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	int ok = fd >= 0 && ioctl(fd, TIOCGWINSZ, &ws) == 0;
	if (fd >= 0)
		(void)close(fd);
	lua_pushinteger(L, ok && ws.ws_col > 0 ? ws.ws_col : 80);
	return 1;
}

/* Waits until there is something to read, or the input has ended; not beyond `end`, if that is not 0. */
static bool readable(int fd, int64_t end)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int ready = 1;
	do {
		int64_t left = end - mono_ms();
		if (end != 0)
			ready = poll(&p, 1, left < 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX);
	} while (ready < 0 && errno == EINTR && !worker_context()->interrupted);
	return ready == 1;
}

static int read_line(int fd, int64_t end, char *line, size_t max, size_t *n)
{
	*n = 0;
	while (*n < max) {
		if (!readable(fd, end))
			return -1;
		ssize_t got = read(fd, line + *n, 1);
		if (got < 0 && errno == EINTR && !worker_context()->interrupted)
			continue;
		if (got <= 0)
			return *n > 0 && got == 0 ? 0 : -1;
		if (line[*n] == '\n')
			return 0;
		(*n)++;
	}
	return 0;
}

/* host.prompt(text, secret) -> line | nil when the terminal is gone or the input ends */
static int l_prompt(lua_State *L)
{
	size_t n;
	const char *text = luaL_checklstring(L, 1, &n);
	bool hide = lua_toboolean(L, 2) != 0;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		lua_pushnil(L);
		return 1;
	}
	struct termios old, quiet;
	bool changed = hide && tcgetattr(fd, &old) == 0;
	if (changed) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		changed = tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
	}
	char line[4096];
	size_t got = 0;
	int rc = write(fd, text, n) == (ssize_t)n ? read_line(fd, 0, line, sizeof line, &got) : -1;
	if (changed) {
		(void)tcsetattr(fd, TCSAFLUSH, &old);
		if (write(fd, "\n", 1) != 1)
			rc = -1;
	}
	(void)close(fd);
	if (rc == 0)
		lua_pushlstring(L, line, got);
	else
		lua_pushnil(L);
	explicit_bzero(line, sizeof line);
	return 1;
}

/* host.next_line(ms) -> the next line of descriptor 0 | nil when none comes in that time, or the input has ended */
static int l_next_line(lua_State *L)
{
	char line[4096];
	size_t got;
	int64_t end = mono_ms() + (int64_t)luaL_checkinteger(L, 1);
	if (read_line(0, end, line, sizeof line, &got) == 0)
		lua_pushlstring(L, line, got);
	else
		lua_pushnil(L);
	explicit_bzero(line, sizeof line);
	return 1;
}

/* host.stdin(max) -> bytes, more : reads descriptor 0 to its end or to max + 1 bytes */
static int l_stdin(lua_State *L)
{
	size_t max = (size_t)luaL_checkinteger(L, 1), total = 0;
	luaL_Buffer b;
	luaL_buffinit(L, &b);
	while (total <= max) {
		char *at = luaL_prepbuffsize(&b, 65536);
		size_t want = max + 1 - total < 65536 ? max + 1 - total : 65536;
		ssize_t n = read(0, at, want);
		if (n < 0 && errno == EINTR && !worker_context()->interrupted)
			continue;
		if (n <= 0)
			break;
		luaL_addsize(&b, (size_t)n);
		total += (size_t)n;
	}
	luaL_pushresult(&b);
	lua_pushboolean(L, total > max);
	return 2;
}

/* host.setenv(name, value|nil): what children and C libraries see; host.env keeps the snapshot */
static int l_setenv(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1), *value = luaL_optstring(L, 2, NULL);
	int rc = value != NULL ? setenv(name, value, 1) : unsetenv(name);
	if (rc != 0)
		return luaL_error(L, "cannot set %s", name);
	return 0;
}

/* host.uid() -> effective user id */
static int l_uid(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)geteuid());
	return 1;
}

/* host.gc(mode): "stop" while the framework starts; "restart" before command code runs, which then has room for
 * GC_HEADROOM before the first collection: most runs end earlier */
static int l_gc(lua_State *L)
{
	if (luaL_checkstring(L, 1)[0] == 's') {
		lua_gc(L, LUA_GCSTOP);
	} else {
		lua_gc(L, LUA_GCRESTART);
		lua_gc(L, LUA_GCSTEP, -GC_HEADROOM_KB);
	}
	return 0;
}

static void set_string(lua_State *L, const char *name, const char *value)
{
	lua_pushstring(L, value);
	lua_setfield(L, -2, name);
}

static void push_paths(lua_State *L, const struct places *p)
{
	lua_createtable(L, 0, 4);
	set_string(L, "bin", p->bin);
	lua_pushfstring(L, "%s/commands", p->given);
	lua_setfield(L, -2, "commands");
	lua_pushfstring(L, "%s/plugins", p->given);
	lua_setfield(L, -2, "plugins");
	lua_pushfstring(L, "%s/modules", p->made);
	lua_setfield(L, -2, "modules");
}

static void push_globals(lua_State *L)
{
	lua_createtable(L, (int)global_flag_count, 0);
	for (size_t i = 0; i < global_flag_count; i++) {
		const struct global_flag *g = &global_flags[i];
		lua_createtable(L, 0, 5);
		set_string(L, "name", g->name);
		set_string(L, "type", g->type);
		set_string(L, "about", g->about);
		if (g->short_name != 0) {
			char s[2] = { g->short_name, '\0' };
			set_string(L, "short", s);
		}
		if (g->choices != NULL)
			set_string(L, "choices", g->choices);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

static void push_argv(lua_State *L, const struct snapshot *s)
{
	lua_createtable(L, s->argc > 1 ? s->argc - 1 : 0, 0);
	for (int i = 1; i < s->argc; i++) {
		lua_pushstring(L, s->argv[i]);
		lua_rawseti(L, -2, i);
	}
}

static void push_tty(lua_State *L, const struct snapshot *s)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	lua_createtable(L, 0, 3);
	for (int i = 0; i < 3; i++) {
		lua_pushboolean(L, s->tty[i]);
		lua_setfield(L, -2, names[i]);
	}
}

/* What one state after the other would draw anew: states begin as copies of one. */
static void seed_random(lua_State *L)
{
	lua_Integer seed[2];
	if (getrandom(seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
		seed[0] = (lua_Integer)getpid(), seed[1] = (lua_Integer)clock_mono_ns();
	lua_getglobal(L, "math");
	lua_getfield(L, -1, "randomseed");
	lua_pushinteger(L, seed[0]);
	lua_pushinteger(L, seed[1]);
	lua_call(L, 2, 0);
	lua_pop(L, 1);
}

void hostlib_invocation(lua_State *L)
{
	const struct snapshot *s = worker_context()->snapshot;
	set_string(L, "request_id", s->request_id);
	set_string(L, "instance", s->instance); /* nil without one */
	push_argv(L, s);
	lua_setfield(L, -2, "argv");
	seed_random(L);
}

void hostlib_process(lua_State *L)
{
	static const luaL_Reg process[] = {
		{ "env", l_env },         { "environ", l_environ }, { "send", l_send },       { "mono", l_mono },
		{ "elapsed", l_elapsed }, { "time", l_time },       { "confine", l_confine }, { "layers", l_layers },
		{ "columns", l_columns }, { "prompt", l_prompt },   { "stdin", l_stdin },     { "setenv", l_setenv },
		{ "next_line", l_next_line },
		{ "uid", l_uid },         { "native", l_native },   { "gc", l_gc },           { "plain", l_plain },
		{ "bind", l_bind },       { "hand_back", l_hand_back }, { "limit", l_limit }, { "flush", l_flush },
		{ "unsend", l_unsend },   { "send_again", l_send_again }, { "module", l_module }, { NULL, NULL },
	};
	luaL_setfuncs(L, process, 0);
	set_string(L, "version", TOOL_VERSION);
#ifdef TOOL_SANITIZE
	lua_pushboolean(L, 1);
	lua_setfield(L, -2, "sanitized");
#endif
#ifdef __APPLE__
	set_string(L, "platform", "darwin");
#else
	set_string(L, "platform", "linux");
#endif
	push_globals(L);
	lua_setfield(L, -2, "globals");
}

void hostlib_surroundings(lua_State *L, const struct places *places)
{
	const struct snapshot *s = worker_context()->snapshot;
	set_string(L, "program", s->program);
	set_string(L, "cwd", s->cwd[0] != '\0' ? s->cwd : "/");
	push_tty(L, s);
	lua_setfield(L, -2, "tty");
	push_paths(L, places);
	lua_setfield(L, -2, "paths");
	hostlib_invocation(L);
}
