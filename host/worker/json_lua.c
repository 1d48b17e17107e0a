/* The table host.json: options in, json_read and json_write do the work. */
#include "json_lua.h"

#include "../base/json.h"
#include "json_mark.h"
#include "json_plain.h"
#include "json_tidy.h"
#include "json_read.h"
#include "json_write.h"

#include <lauxlib.h>

#define USERDATA_WRITER "tool.json.userdata"

void json_lua_set_userdata(lua_State *L, json_lua_userdata write)
{
    json_lua_userdata *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = write;
    lua_setfield(L, LUA_REGISTRYINDEX, USERDATA_WRITER);
}

json_lua_userdata json_lua_get_userdata(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, USERDATA_WRITER);
    json_lua_userdata *box = lua_touserdata(L, -1);
    json_lua_userdata write = box == NULL ? NULL : *box;
    lua_pop(L, 1);
    return write;
}

/* Field `name` of the options at index 2 as a number from 0 to max; 0 when absent. */
static lua_Integer option(lua_State *L, const char *name, lua_Integer max)
{
    if (!lua_istable(L, 2))
        return 0;
    int is_int = 1;
    lua_Integer v = lua_getfield(L, 2, name) == LUA_TNIL ? 0 : lua_tointegerx(L, -1, &is_int);
    lua_pop(L, 1);
    if (!is_int || v < 0 || v > max)
        luaL_error(L, "the option %s must be an integer from 0 to %I", name, (LUAI_UACINT)max);
    return v;
}

static void check_options(lua_State *L)
{
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
}

static int decode(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    check_options(L);
    unsigned depth = (unsigned)option(L, "max_depth", JSON_MAX_DEPTH);
    lua_Integer bytes = option(L, "max_bytes", LUA_MAXINTEGER);
    if (bytes == 0 || len <= (size_t)bytes)
        return json_read(L, text, len, depth);
    lua_pushnil(L);
    lua_createtable(L, 0, 4);
    lua_pushfstring(L, "the text is longer than %I bytes", (LUAI_UACINT)bytes);
    lua_setfield(L, -2, "message");
    struct json_error e;
    json_locate(text, len, (size_t)bytes, NULL, &e);
    lua_pushinteger(L, (lua_Integer)e.line);
    lua_setfield(L, -2, "line");
    lua_pushinteger(L, (lua_Integer)e.column);
    lua_setfield(L, -2, "column");
    lua_pushinteger(L, bytes);
    lua_setfield(L, -2, "offset");
    return 2;
}

static int encode(lua_State *L)
{
    luaL_checkany(L, 1);
    check_options(L);
    struct json_write_options o = {
        .indent = (unsigned)option(L, "pretty", 16),
        .max_depth = (unsigned)option(L, "max_depth", JSON_MAX_DEPTH),
        .max_bytes = (size_t)option(L, "max_bytes", LUA_MAXINTEGER),
    };
    if (lua_istable(L, 2)) {
        lua_getfield(L, 2, "raw");
        o.raw = lua_toboolean(L, -1);
        if (lua_getfield(L, 2, "name") == LUA_TSTRING) /* stays on the stack, so that it lives as long as o */
            o.name = lua_tostring(L, -1);
    }
    json_write(L, 1, &o);
    return 2;
}

int json_lua_decode(lua_State *L, const char *text, size_t len, unsigned max_depth)
{
    return json_read(L, text, len, max_depth);
}

bool json_lua_encode(lua_State *L, int idx, bool raw)
{
    struct json_write_options o = {.raw = raw};
    json_write(L, idx, &o);
    bool ok = !lua_isnil(L, -2);
    if (ok)
        lua_pop(L, 1); /* the notes */
    else
        lua_remove(L, -2);
    return ok;
}

int json_lua_open(lua_State *L)
{
    static const luaL_Reg FUNCTIONS[] = {
        {"decode", decode},
        {"encode", encode},
        {"array", json_mark_array},
        {"object", json_mark_object},
        {"ordered", json_mark_ordered},
        {"is_array", json_mark_is_array},
        {"plain", json_plain},
        {"tidy", json_tidy},
        {NULL, NULL},
    };
    luaL_checkstack(L, 6, "JSON");
    json_marks_open(L);
    lua_createtable(L, 0, 9);
    luaL_setfuncs(L, FUNCTIONS, 0);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
