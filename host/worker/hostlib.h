/* The `host` table: the only way from Lua to the system. Framework modules get it by require "host"; commands never. */
#ifndef TOOL_WORKER_HOSTLIB_H
#define TOOL_WORKER_HOSTLIB_H

#include "confine.h"

#include <lua.h>

struct places;

/* Pushes the host table of this worker: functions and constants. [-0, +1] */
void hostlib_open(lua_State *L);

/* Parts of it, each adding its functions to the table on the stack top. [-0, +0] */
void hostlib_file(lua_State *L);
void hostlib_hash(lua_State *L);
void hostlib_text(lua_State *L);
void hostlib_process(lua_State *L);
void hostlib_code(lua_State *L);

/* Sets in the host table on the stack top what it is told of its surroundings: program, directory, terminals, paths, and
 * all of hostlib_invocation. [-0, +0] */
void hostlib_surroundings(lua_State *L, const struct places *places);
/* Sets in the host table on the stack top what belongs to one invocation: its id, instance and arguments. [-0, +0] */
void hostlib_invocation(lua_State *L);
/* Pushes the host table that is loaded. [-0, +1] */
void hostlib_push(lua_State *L);

/* Pushes what the kernel keeps of a confinement, as host.confine returns it. [-0, +1] */
void hostlib_layers(lua_State *L, struct confine_result layers);

/* Pushes nil and { code, message, path, errno } for a failed file call. Returns 2. */
int hostlib_errno(lua_State *L, int err, const char *what, const char *path);

#endif
