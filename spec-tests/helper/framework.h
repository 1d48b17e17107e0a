/* A Lua state with what the framework's readers need, for unit tests and fuzz targets: lpeg, host.json, host.hash and
 * host.text, and the modules of lua/ by their names. FRAMEWORK_LUA is that folder. */
#ifndef SPEC_FRAMEWORK_H
#define SPEC_FRAMEWORK_H

#include "../../host/worker/hostlib.h"
#include "../../host/worker/json_lua.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int luaopen_lpeg(lua_State *L);

/* The state, or the end of the program. */
static inline lua_State *framework_open(void)
{
    lua_State *L = luaL_newstate();
    if (L == NULL || sodium_init() < 0)
        abort();
    luaL_openlibs(L);
    luaL_requiref(L, "lpeg", luaopen_lpeg, 0);
    lua_getglobal(L, "package");
    lua_pushstring(L, FRAMEWORK_LUA "/?.lua");
    lua_setfield(L, -2, "path");
    lua_getfield(L, -1, "loaded");
    lua_newtable(L);
    json_lua_open(L);
    lua_setfield(L, -2, "json");
    hostlib_hash(L);
    hostlib_text(L);
    lua_setfield(L, -2, "host");
    lua_settop(L, 0);
    return L;
}

/* Pushes what a Lua chunk returns; ends the program when it fails. */
static inline void framework_run(lua_State *L, const char *chunk)
{
    int top = lua_gettop(L);
    if (luaL_loadstring(L, chunk) != LUA_OK || lua_pcall(L, 0, LUA_MULTRET, 0) != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        abort();
    }
    if (lua_gettop(L) == top)
        lua_pushnil(L);
}

/* One input of a fuzz target: given to the function that `harness` returns, which raises what is wrong. `module` (or NULL)
 * is what require finds under that name. */
static inline int framework_fuzz(const char *harness, const char *module, lua_CFunction open, const uint8_t *data, size_t size)
{
    static lua_State *L;
    if (L == NULL) {
        L = framework_open();
        if (module != NULL)
            luaL_requiref(L, module, open, 0);
        lua_settop(L, 0);
        framework_run(L, harness);
    }
    lua_pushvalue(L, 1);
    lua_pushlstring(L, (const char *)data, size);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        abort();
    }
    return 0;
}

#endif
