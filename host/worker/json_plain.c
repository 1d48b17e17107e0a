#include "json_plain.h"

#include "json_mark.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

enum { MAX_DEPTH = 64, MIN_TOKEN = 20, MIN_ENCODED = 40 };

/* Tokens begin with one of these letters, encoded data is long and has no other characters. */
bool json_suspicious(const char *s, size_t n)
{
    static const char first[] = "esgxA";
    static const char coded[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    if (n < MIN_TOKEN)
        return false;
    if (s[0] != '\0' && strchr(first, s[0]) != NULL)
        return true;
    size_t i = 0;
    while (n >= MIN_ENCODED && i < n && s[i] != '\0' && strchr(coded, s[i]) != NULL)
        i++;
    return n >= MIN_ENCODED && i == n;
}

static bool plain(lua_State *L, int idx, const struct json_marks *marks, int depth);

static bool plain_table(lua_State *L, int idx, const struct json_marks *marks, int depth)
{
    enum json_mark mark = json_mark_of(L, idx, marks, false);
    if (depth > MAX_DEPTH || mark == JSON_FOREIGN || mark == JSON_MARKED_ORDERED || !lua_checkstack(L, 8))
        return false;
    bool names = lua_istable(L, 2), ok = true;
    lua_pushnil(L);
    while (ok && lua_next(L, idx) != 0) {
        ok = lua_type(L, -2) == LUA_TSTRING || lua_isinteger(L, -2);
        if (ok && names) {
            lua_pushvalue(L, -2);
            ok = lua_rawget(L, 2) == LUA_TNIL;
            lua_pop(L, 1);
        }
        ok = ok && plain(L, lua_gettop(L), marks, depth + 1);
        lua_pop(L, ok ? 1 : 2);
    }
    return ok;
}

static bool plain(lua_State *L, int idx, const struct json_marks *marks, int depth)
{
    size_t n;
    const char *s;
    switch (lua_type(L, idx)) {
    case LUA_TBOOLEAN: return true;
    case LUA_TNUMBER: return lua_isinteger(L, idx) || isfinite(lua_tonumber(L, idx));
    case LUA_TLIGHTUSERDATA: return lua_touserdata(L, idx) == NULL;
    case LUA_TTABLE: return plain_table(L, idx, marks, depth);
    case LUA_TSTRING: s = lua_tolstring(L, idx, &n); return !json_suspicious(s, n);
    default: return false;
    }
}

int json_plain(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 2);
    struct json_marks marks = json_marks_load(L);
    lua_pushboolean(L, plain(L, 1, &marks, 0));
    return 1;
}
