/* Marks of JSON containers. A mark is never put over a metatable that is somebody else's. */
#include "json_mark.h"

#include <lauxlib.h>

/* Its address is the key under which the metatable of an ordered object has its list. */
static const char KEYS = 0;

static void push_metatable(lua_State *L, const char *name)
{
    lua_createtable(L, 0, 3);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_pushstring(L, name); /* what getmetatable shows; setmetatable is refused */
    lua_setfield(L, -2, "__metatable");
}

static void open_one(lua_State *L, const char *name)
{
    if (lua_getfield(L, LUA_REGISTRYINDEX, name) != LUA_TTABLE) {
        push_metatable(L, name);
        lua_setfield(L, LUA_REGISTRYINDEX, name);
    }
    lua_pop(L, 1);
}

void json_marks_open(lua_State *L)
{
    luaL_checkstack(L, 4, NULL);
    open_one(L, JSON_ARRAY);
    open_one(L, JSON_OBJECT);
}

struct json_marks json_marks_load(lua_State *L)
{
    struct json_marks m;
    lua_getfield(L, LUA_REGISTRYINDEX, JSON_ARRAY);
    lua_getfield(L, LUA_REGISTRYINDEX, JSON_OBJECT);
    m.array = lua_topointer(L, -2);
    m.object = lua_topointer(L, -1);
    lua_pop(L, 2);
    return m;
}

enum json_mark json_mark_of(lua_State *L, int idx, const struct json_marks *marks, bool keys)
{
    if (!lua_getmetatable(L, idx))
        return JSON_UNMARKED;
    const void *mt = lua_topointer(L, -1);
    enum json_mark mark = JSON_FOREIGN;
    if (mt == marks->array)
        mark = JSON_MARKED_ARRAY;
    else if (mt == marks->object)
        mark = JSON_MARKED_OBJECT;
    if (mark == JSON_FOREIGN) {
        if (lua_rawgetp(L, -1, &KEYS) == LUA_TTABLE) {
            mark = JSON_MARKED_ORDERED;
            if (keys) {
                lua_remove(L, -2);
                return mark;
            }
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return mark;
}

/* Sets the metatable on top of the stack on argument 1 and returns that. */
static int put_mark(lua_State *L)
{
    struct json_marks m = json_marks_load(L);
    if (json_mark_of(L, 1, &m, false) == JSON_FOREIGN)
        return luaL_argerror(L, 1, "the table has a metatable of its own");
    lua_setmetatable(L, 1);
    lua_settop(L, 1);
    return 1;
}

int json_mark_array(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_getfield(L, LUA_REGISTRYINDEX, JSON_ARRAY);
    return put_mark(L);
}

int json_mark_object(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_getfield(L, LUA_REGISTRYINDEX, JSON_OBJECT);
    return put_mark(L);
}

int json_mark_ordered(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    push_metatable(L, JSON_ORDERED);
    lua_Integer n = (lua_Integer)lua_rawlen(L, 2);
    lua_newtable(L);
    for (lua_Integer i = 1; i <= n; i++) {
        if (lua_rawgeti(L, 2, i) != LUA_TSTRING)
            return luaL_argerror(L, 2, "the keys must be strings");
        lua_rawseti(L, -2, i);
    }
    lua_rawsetp(L, -2, &KEYS);
    return put_mark(L);
}

bool json_is_sequence(lua_State *L, int idx, lua_Integer *n)
{
    lua_Integer count = 0, max = 0;
    lua_pushnil(L);
    while (lua_next(L, idx) != 0) {
        lua_pop(L, 1);
        lua_Integer i = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        if (i < 1) {
            lua_pop(L, 1);
            return false;
        }
        count++;
        if (i > max)
            max = i;
    }
    *n = count;
    return max == count;
}

int json_mark_is_array(lua_State *L)
{
    luaL_checkany(L, 1);
    struct json_marks m = json_marks_load(L);
    lua_Integer n = 0;
    lua_settop(L, 1);
    if (!lua_istable(L, 1)) {
        lua_pushboolean(L, false);
        return 1;
    }
    enum json_mark mark = json_mark_of(L, 1, &m, false);
    if (mark == JSON_MARKED_ARRAY)
        lua_pushboolean(L, true);
    else if (mark == JSON_MARKED_OBJECT || mark == JSON_MARKED_ORDERED || !json_is_sequence(L, 1, &n))
        lua_pushboolean(L, false);
    else if (n > 0)
        lua_pushboolean(L, true);
    else
        lua_pushnil(L);
    return 1;
}
