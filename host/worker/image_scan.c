#include "image_scan.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RANGES 512

extern const char __executable_start, _end; /* set by the linker */

struct image_range image_program(void)
{
	return (struct image_range){ &__executable_start, &_end };
}

/* Memory of this process other than the program and the state itself. */
static size_t foreign(const char *memory, size_t size, struct image_range *out)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	size_t n = 0;
	char line[512];
	struct image_range program = image_program();
	while (maps != NULL && n < MAX_RANGES && fgets(line, sizeof line, maps) != NULL) {
		unsigned long from, to;
		if (sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		const char *start = (const char *)from;
		bool own = start >= memory && start < memory + size;
		if (!own && !(start >= program.start && start < program.end))
			out[n++] = (struct image_range){ start, (const char *)to };
	}
	if (maps != NULL)
		(void)fclose(maps);
	return n;
}

static bool inside(const struct image_range *ranges, size_t n, const char *p)
{
	for (size_t i = 0; i < n; i++)
		if (p >= ranges[i].start && p < ranges[i].end)
			return true;
	return false;
}

const char *image_pointers(const char *memory, size_t size, uint32_t **places, uint64_t *count)
{
	static struct image_range others[MAX_RANGES];
	size_t n = foreign(memory, size, others);
	struct image_range program = image_program();
	*count = 0;
	*places = malloc(size / sizeof(uint64_t) * sizeof **places);
	if (*places == NULL || n == 0 || n == MAX_RANGES)
		return "the memory of this process is not known";
	for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
		const char *p;
		(void)memcpy(&p, memory + at, sizeof p);
		if (p >= program.start && p < program.end)
			(*places)[(*count)++] = (uint32_t)(at / sizeof(uint64_t));
		else if (inside(others, n, p))
			return "the state points to memory outside of it";
	}
	return NULL;
}

/* Pushes what the value at idx refers to onto the list at `todo`, unless it was seen. Keeps the stack. */
static void add(lua_State *L, int seen, int todo, int idx)
{
	int type = lua_type(L, idx);
	if (type != LUA_TTABLE && type != LUA_TFUNCTION && type != LUA_TUSERDATA && type != LUA_TTHREAD)
		return;
	lua_pushvalue(L, idx);
	lua_pushvalue(L, -1);
	if (lua_rawget(L, seen) == LUA_TNIL) {
		lua_pushvalue(L, -2);
		lua_pushboolean(L, 1);
		lua_rawset(L, seen);
		lua_pushvalue(L, -2);
		lua_rawseti(L, todo, (lua_Integer)lua_rawlen(L, todo) + 1);
	}
	lua_pop(L, 2);
}

/* False when a key of the table on the top is an address of the program. */
static bool visit_table(lua_State *L, int seen, int todo)
{
	int table = lua_gettop(L);
	lua_pushnil(L);
	while (lua_next(L, table) != 0) {
		const void *p = lua_topointer(L, -2);
		bool address = lua_type(L, -2) == LUA_TLIGHTUSERDATA || lua_iscfunction(L, -2) != 0;
		if (address && (const char *)p >= image_program().start && (const char *)p < image_program().end)
			return false;
		add(L, seen, todo, -2);
		add(L, seen, todo, -1);
		lua_pop(L, 1);
	}
	return true;
}

static bool visit(lua_State *L, int seen, int todo)
{
	bool good = lua_type(L, -1) != LUA_TTABLE || visit_table(L, seen, todo);
	if (lua_getmetatable(L, -1) != 0) {
		add(L, seen, todo, -1);
		lua_pop(L, 1);
	}
	if (lua_type(L, -1) == LUA_TFUNCTION)
		for (int i = 1; lua_getupvalue(L, -1, i) != NULL; i++) {
			add(L, seen, todo, -1);
			lua_pop(L, 1);
		}
	if (lua_type(L, -1) == LUA_TUSERDATA)
		for (int i = 1; lua_getiuservalue(L, -1, i) != LUA_TNONE; i++) {
			add(L, seen, todo, -1);
			lua_pop(L, 1);
		}
	return good;
}

bool image_check_keys(lua_State *L)
{
	int top = lua_gettop(L);
	bool good = true;
	luaL_checkstack(L, 16, NULL);
	lua_newtable(L);
	lua_newtable(L);
	add(L, top + 1, top + 2, LUA_REGISTRYINDEX);
	for (int i = 1; i <= top; i++)
		add(L, top + 1, top + 2, i);
	lua_pushliteral(L, "");
	if (lua_getmetatable(L, -1) != 0)
		add(L, top + 1, top + 2, -1);
	lua_settop(L, top + 2);
	for (lua_Integer n; good && (n = (lua_Integer)lua_rawlen(L, top + 2)) > 0;) {
		lua_rawgeti(L, top + 2, n);
		lua_pushnil(L);
		lua_rawseti(L, top + 2, n);
		int at = lua_gettop(L);
		good = visit(L, top + 1, top + 2);
		lua_settop(L, at - 1);
	}
	lua_settop(L, top);
	return good;
}
