#include "hostlib.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <lauxlib.h>
#include <regex.h>
#include <stdbool.h>
#include <string.h>

#define REGEX_TYPE "tool.regex"

struct regex {
	bool compiled;
	regex_t re;
};

/* host.text.clean(s) -> text in valid UTF-8 without terminal sequences and CR, number of replacements */
static int l_clean(lua_State *L)
{
	size_t n;
	const char *s = luaL_checklstring(L, 1, &n);
	struct buf b;
	buf_init(&b);
	size_t replaced = utf8_clean(&b, s, n, UTF8_CLEAN);
	if (b.failed) {
		buf_free(&b);
		return luaL_error(L, "not enough memory");
	}
	/* a copy that cannot raise between allocation and release */
	luaL_Buffer out;
	size_t len = b.len;
	char *at = luaL_buffinitsize(L, &out, len + 1);
	if (len > 0)
		(void)memcpy(at, b.data, len);
	buf_free(&b);
	luaL_pushresultsize(&out, len);
	lua_pushinteger(L, (lua_Integer)replaced);
	return 2;
}

/* host.text.width(s) -> terminal columns */
static int l_width(lua_State *L)
{
	size_t n;
	const char *s = luaL_checklstring(L, 1, &n);
	lua_pushinteger(L, utf8_width(s, n));
	return 1;
}

/* host.text.valid(s) -> boolean */
static int l_valid(lua_State *L)
{
	size_t n;
	const char *s = luaL_checklstring(L, 1, &n);
	lua_pushboolean(L, utf8_valid(s, n));
	return 1;
}

static int regex_gc(lua_State *L)
{
	struct regex *r = luaL_checkudata(L, 1, REGEX_TYPE);
	if (r->compiled)
		regfree(&r->re);
	r->compiled = false;
	return 0;
}

/* host.regex(pattern) -> regex | nil, message : a POSIX extended regular expression */
static int l_regex(lua_State *L)
{
	size_t n;
	const char *p = luaL_checklstring(L, 1, &n);
	luaL_argcheck(L, strlen(p) == n, 1, "pattern contains a NUL byte");
	struct regex *r = lua_newuserdatauv(L, sizeof *r, 0);
	r->compiled = false;
	luaL_setmetatable(L, REGEX_TYPE);
	int rc = regcomp(&r->re, p, REG_EXTENDED);
	if (rc == 0) {
		r->compiled = true;
		return 1;
	}
	char text[200];
	(void)regerror(rc, &r->re, text, sizeof text);
	lua_pushnil(L);
	lua_pushstring(L, text);
	return 2;
}

/* regex:match(s) -> boolean; a subject with a NUL byte never matches */
static int regex_match(lua_State *L)
{
	struct regex *r = luaL_checkudata(L, 1, REGEX_TYPE);
	size_t n;
	const char *s = luaL_checklstring(L, 2, &n);
	lua_pushboolean(L, strlen(s) == n && regexec(&r->re, s, 0, NULL, 0) == 0);
	return 1;
}

/* regex:capture(s) -> what the first group matched, or the whole without a group | nil */
static int regex_capture(lua_State *L)
{
	struct regex *r = luaL_checkudata(L, 1, REGEX_TYPE);
	size_t n;
	const char *s = luaL_checklstring(L, 2, &n);
	regmatch_t found[2];
	if (strlen(s) != n || regexec(&r->re, s, 2, found, 0) != 0)
		return 0;
	const regmatch_t *m = found[1].rm_so >= 0 ? &found[1] : &found[0];
	lua_pushlstring(L, s + m->rm_so, (size_t)(m->rm_eo - m->rm_so));
	return 1;
}

void hostlib_text(lua_State *L)
{
	static const luaL_Reg text[] = { { "clean", l_clean }, { "width", l_width }, { "valid", l_valid }, { NULL, NULL } };
	luaL_newlib(L, text);
	lua_setfield(L, -2, "text");
	lua_pushcfunction(L, l_regex);
	lua_setfield(L, -2, "regex");
	if (luaL_newmetatable(L, REGEX_TYPE) != 0) {
		lua_pushcfunction(L, regex_gc);
		lua_setfield(L, -2, "__gc");
		lua_createtable(L, 0, 2);
		lua_pushcfunction(L, regex_match);
		lua_setfield(L, -2, "match");
		lua_pushcfunction(L, regex_capture);
		lua_setfield(L, -2, "capture");
		lua_setfield(L, -2, "__index");
	}
	lua_pop(L, 1);
}
