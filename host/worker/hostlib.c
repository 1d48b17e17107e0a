#include "hostlib.h"

#include "child.h"
#include "json_lua.h"
#include "loop.h"
#include "secret.h"

void hostlib_open(lua_State *L)
{
	lua_createtable(L, 0, 48);
	(void)json_lua_open(L);
	lua_setfield(L, -2, "json");
	hostlib_process(L);
	hostlib_file(L);
	hostlib_hash(L);
	hostlib_text(L);
	secret_open(L);
	loop_open(L);
	child_open(L);
	hostlib_code(L);
}
