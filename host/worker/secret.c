#include "secret.h"

#include "base/buf.h"
#include "base/json.h"
#include "frames.h"
#include "json_lua.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

#define SECRET_TYPE "tool.secret"
#define SHOWN "[REDACTED]"
#define ALL_SECRETS "tool.secrets"

struct secret {
	size_t n;
	char bytes[];
};

/* Enters the secret on the stack top into the weak set of all secrets, for host.secrets. [-0, +0] */
static void note_secret(lua_State *L)
{
	if (luaL_getsubtable(L, LUA_REGISTRYINDEX, ALL_SECRETS) == 0) {
		lua_createtable(L, 0, 1);
		lua_pushliteral(L, "k");
		lua_setfield(L, -2, "__mode");
		lua_setmetatable(L, -2);
	}
	lua_pushvalue(L, -2);
	lua_pushboolean(L, 1);
	lua_rawset(L, -3);
	lua_pop(L, 1);
}

static void push_bytes(lua_State *L, const char *a, size_t na, const char *b, size_t nb)
{
	struct secret *s = lua_newuserdatauv(L, sizeof *s + na + nb, 0);
	s->n = na + nb;
	(void)memcpy(s->bytes, a, na);
	(void)memcpy(s->bytes + na, b, nb);
	luaL_setmetatable(L, SECRET_TYPE);
	note_secret(L);
}

void secret_push(lua_State *L, const char *bytes, size_t n)
{
	push_bytes(L, bytes, n, "", 0);
	struct frame_part part = { bytes, n };
	if (!frame_send('S', &part, 1))
		luaL_error(L, "the supervisor is gone");
}

const char *secret_bytes(lua_State *L, int idx, size_t *n)
{
	struct secret *s = luaL_testudata(L, idx, SECRET_TYPE);
	if (s == NULL)
		return NULL;
	*n = s->n;
	return s->bytes;
}

static const char *either(lua_State *L, int idx, size_t *n)
{
	const char *p = secret_bytes(L, idx, n);
	return p != NULL ? p : luaL_checklstring(L, idx, n);
}

/* host.secret(bytes) -> secret */
static int l_secret(lua_State *L)
{
	size_t n;
	const char *p = either(L, 1, &n);
	secret_push(L, p, n);
	return 1;
}

/* host.reveal(secret|string) -> bytes */
static int l_reveal(lua_State *L)
{
	size_t n;
	const char *p = either(L, 1, &n);
	lua_pushlstring(L, p, n);
	return 1;
}

/* host.is_secret(value) -> boolean */
static int l_is_secret(lua_State *L)
{
	lua_pushboolean(L, luaL_testudata(L, 1, SECRET_TYPE) != NULL);
	return 1;
}

/* host.secrets() -> array of the bytes of every secret that is still known, to keep them out of files */
static int l_secrets(lua_State *L)
{
	lua_newtable(L);
	lua_Integer count = 0;
	(void)luaL_getsubtable(L, LUA_REGISTRYINDEX, ALL_SECRETS);
	for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
		const struct secret *s = lua_touserdata(L, -2);
		lua_pushlstring(L, s->bytes, s->n);
		lua_rawseti(L, 1, ++count);
	}
	lua_pop(L, 1);
	return 1;
}

static int m_tostring(lua_State *L)
{
	lua_pushliteral(L, SHOWN);
	return 1;
}

/* The parts are registered already; a concatenation that shows one of them is redacted by its part. */
static int m_concat(lua_State *L)
{
	size_t na, nb;
	const char *a = either(L, 1, &na), *b = either(L, 2, &nb);
	push_bytes(L, a, na, b, nb);
	return 1;
}

static int m_gc(lua_State *L)
{
	struct secret *s = luaL_checkudata(L, 1, SECRET_TYPE);
	explicit_bzero(s->bytes, s->n);
	return 0;
}

/* JSON for services carries the bytes; JSON for people and logs does not. */
static bool write_json(lua_State *L, int idx, struct buf *out, bool raw)
{
	size_t n;
	const char *p = secret_bytes(L, idx, &n);
	if (p == NULL)
		return false;
	return raw ? json_put_string_raw(out, p, n) : json_put_string(out, SHOWN, strlen(SHOWN));
}

void secret_open(lua_State *L)
{
	static const luaL_Reg host[] = {
		{ "secret", l_secret }, { "reveal", l_reveal }, { "is_secret", l_is_secret },
		{ "secrets", l_secrets }, { NULL, NULL }
	};
	static const luaL_Reg meta[] = {
		{ "__tostring", m_tostring }, { "__concat", m_concat }, { "__gc", m_gc }, { NULL, NULL }
	};
	luaL_setfuncs(L, host, 0);
	if (luaL_newmetatable(L, SECRET_TYPE) != 0) {
		luaL_setfuncs(L, meta, 0);
		lua_pushliteral(L, "secret");
		lua_setfield(L, -2, "__metatable");
		lua_pushliteral(L, "secret");
		lua_setfield(L, -2, "__name");
	}
	lua_pop(L, 1);
	json_lua_set_userdata(L, write_json);
}
