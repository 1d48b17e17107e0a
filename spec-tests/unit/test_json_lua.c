/* json_lua: what host.json does with values, marks, notes, errors and failing memory. Each case is a Lua chunk that
 * sees `json` (host.json), `secret` and `other` (userdata) and `same(a, b)`. Needs -Wl,--wrap=realloc. */
#include "../../host/base/json.h"
#include "../../host/worker/json_lua.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int fail_in = -1; /* allocations until one fails; -1: never */
static bool failed;

static bool fails_now(void)
{
    if (fail_in == 0) {
        failed = true;
        return true;
    }
    if (fail_in > 0)
        fail_in--;
    return false;
}

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_realloc(void *p, size_t n) /* the buffers' and the key list's allocations */
{
    return fails_now() ? NULL : __real_realloc(p, n);
}

static void *allocate(void *unused, void *p, size_t old, size_t n) /* Lua's */
{
    (void)unused;
    if (n == 0) {
        free(p);
        return NULL;
    }
    if ((p == NULL || n > old) && fails_now())
        return NULL;
    return __real_realloc(p, n);
}

static bool write_secret(lua_State *L, int idx, struct buf *out, bool raw)
{
    if (lua_rawlen(L, idx) != 4)
        return false;
    return raw ? json_put_string_raw(out, lua_touserdata(L, idx), 4) : json_put_string(out, "[REDACTED]", 10);
}

static const char PRELUDE[] =
    "function same(a, b)\n"
    "  if a ~= b or math.type(a) ~= math.type(b) then\n"
    "    error(('%s (%s) is not %s (%s)'):format(a, math.type(a) or type(a), b, math.type(b) or type(b)), 2)\n"
    "  end\n"
    "end\n";

static lua_State *open_state(void)
{
    lua_State *L = lua_newstate(allocate, NULL);
    assert_non_null(L);
    luaL_openlibs(L);
    json_lua_open(L);
    lua_setglobal(L, "json");
    memcpy(lua_newuserdatauv(L, 4, 0), "s3\x1B\r", 4);
    lua_setglobal(L, "secret");
    lua_newuserdatauv(L, 1, 0);
    lua_setglobal(L, "other");
    json_lua_set_userdata(L, write_secret);
    assert_int_equal(luaL_dostring(L, PRELUDE), LUA_OK);
    return L;
}

static void run(const char *chunk)
{
    lua_State *L = open_state();
    if (luaL_dostring(L, chunk) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    lua_close(L);
}

static void test_scalars(void **state)
{
    (void)state;
    run("local function d(t) local v, notes = json.decode(t); same(notes, nil); return v end\n"
        "same(d'0', 0) same(d'-0', 0) same(d'9007199254740993', 9007199254740993)\n"
        "same(d'9223372036854775807', math.maxinteger) same(d'-9223372036854775808', math.mininteger)\n"
        "same(d'1.0', 1.0) same(d'1e2', 100.0) same(d'-2.5e-1', -0.25) same(d'true', true) same(d' false ', false)\n"
        "same(d'null', json.null) same(type(json.null), 'userdata')\n"
        "same(d'\"a\\\\u0000\\\\n\\\\ud83d\\\\ude80\"', 'a\\0\\n🚀') same(d'\"\"', '')\n"
        "same(d'\\xEF\\xBB\\xBF 1', 1)\n"
        "for _, i in ipairs{0, -1, math.maxinteger, math.mininteger, 1 << 53} do same(d(json.encode(i)), i) end\n"
        "for _, f in ipairs{0.1, 1/3, 1e300, -0.0, 5e-324, 2.0^60} do same(d(json.encode(f)), f) end\n"
        "same(json.encode(3.0), '3') same(json.encode(true), 'true') same(json.encode(json.null), 'null')\n");
}

static void test_containers(void **state)
{
    (void)state;
    run("for _, t in ipairs{'[]', '{}', '[[],{}]', '{\"a\":[],\"b\":{}}', '[1,[2,[3]],null,{\"x\":null}]'} do\n"
        "  same(json.encode((json.decode(t))), t)\n"
        "end\n"
        "local a = json.decode'[1,2,3]'\n"
        "same(#a, 3) same(json.is_array(a), true) same(getmetatable(a), 'tool.json.array')\n"
        "same(pcall(setmetatable, a, {}), false) a[#a + 1] = 4 same(json.encode(a), '[1,2,3,4]')\n"
        "same(json.is_array(json.decode'{}'), nil) same(json.is_array({}), nil) same(json.is_array({1}), true)\n"
        "same(json.is_array({a = 1}), false) same(json.is_array(json.object{1}), false)\n"
        "same(json.is_array('x'), false)\n"
        "local big = {} for i = 1, 5000 do big[i] = i end\n"
        "local back = json.decode(json.encode(big)) same(#back, 5000) for i = 1, 5000 do same(back[i], i) end\n"
        "local map, n = {}, 0 for i = 1, 5000 do map['k' .. i] = {i} end\n"
        "for k, v in pairs((json.decode(json.encode(map)))) do same(v[1], map[k][1]) n = n + 1 end same(n, 5000)\n"
        "local long = ('k'):rep(100) same(json.decode('{\"' .. long .. '\":1}')[long], 1)\n");
}

static void test_shapes(void **state)
{
    (void)state;
    run("same(json.encode({}), '{}') same(json.encode(json.array{}), '[]') same(json.encode({1, 2}), '[1,2]')\n"
        "same(json.encode(json.object{}), '{}') same(json.encode(json.object{5, 6}), '{\"1\":5,\"2\":6}')\n"
        "same(json.encode({[1] = 1, [3] = 3}), '{\"1\":1,\"3\":3}')\n"
        "same(json.encode({7, x = 1}), '{\"1\":7,\"x\":1}')\n"
        "same(json.encode({[10] = 1, [9] = 2, [-1] = 3}), '{\"-1\":3,\"10\":1,\"9\":2}')\n"
        "same(json.encode({b = 1, a = 2, B = 3, ['é'] = 4, aa = 5}), '{\"B\":3,\"a\":2,\"aa\":5,\"b\":1,\"é\":4}')\n"
        "local o = json.ordered({z = 1, a = 2, m = 3, b = 4}, {'z', 'nope', 'm', 'z'})\n"
        "same(json.encode(o), '{\"z\":1,\"m\":3,\"a\":2,\"b\":4}') same(json.is_array(o), false)\n"
        "same(json.encode({o, o}), '[{\"z\":1,\"m\":3,\"a\":2,\"b\":4},{\"z\":1,\"m\":3,\"a\":2,\"b\":4}]')\n"
        "same(json.encode(json.array(json.object{})), '[]')\n"
        "same(json.encode({a = {1, {}}, b = {}}, {pretty = 2}),\n"
        "  '{\\n  \"a\": [\\n    1,\\n    {}\\n  ],\\n  \"b\": {}\\n}')\n"
        "for _, f in ipairs{json.array, json.object, function(t) return json.ordered(t, {}) end} do\n"
        "  local t = setmetatable({}, {__index = {}})\n"
        "  local mt = getmetatable(t) same(pcall(f, t), false) same(getmetatable(t), mt)\n"
        "end\n"
        "same(json.encode(setmetatable({1}, {__index = {2, 3}, __pairs = error, __len = error})), '[1]')\n"
        "same(pcall(json.ordered, {}, {1}), false)\n");
}

static void test_cleaning(void **state)
{
    (void)state;
    run("same(json.encode('\\27[31mred\\27[0m\\r\\n'), [[\"red\\n\"]])\n"
        "same(json.encode('\\27[1m\\r\\0', {raw = true}), [[\"\\u001b[1m\\r\\u0000\"]])\n"
        "local t, notes = json.encode{data = {{x = 'a\\0b\\xFF\\xFE'}}}\n"
        "same(t, '{\"data\":[{\"x\":\"a\\u{FFFD}b\\u{FFFD}\\u{FFFD}\"}]}')\n"
        "same(#notes, 2) same(notes[1].kind, 'nul') same(notes[1].path, 'value.data[1].x') same(notes[1].count, 1)\n"
        "same(notes[2].kind, 'invalid_utf8') same(notes[2].count, 2)\n"
        "t, notes = json.encode({0/0, 1/0}, {name = 'data'}) same(t, '[null,null]')\n"
        "same(notes[2].kind, 'not_finite') same(notes[2].path, 'data[2]')\n"
        "same(json.encode{['\\27[1mk'] = 1}, '{\"k\":1}')\n"
        "same(json.encode{k = 0, ['\\27[1mk'] = 1, ['\\27[2mk'] = 2, ['k#2'] = 3},\n"
        "  '{\"k\":0,\"k#2\":3,\"k#3\":1,\"k#4\":2}')\n"
        "same(json.encode({['\\27k'] = 1, ['\\27[1mk'] = 2}, {raw = true}), [[{\"\\u001b[1mk\":2,\"\\u001bk\":1}]])\n"
        "t, notes = json.encode{['\\xFF'] = 1, ['\\xFE'] = 2} same(t, '{\"\\u{FFFD}\":2,\"\\u{FFFD}#2\":1}')\n"
        "same(#notes, 2) same(select(2, json.encode{'plain'}), nil)\n"
        "local many = {} for i = 1, 150 do many[i] = '\\xFF' end\n"
        "_, notes = json.encode(many) same(#notes, 100) same(notes.more, 50)\n");
}

static void test_refusals(void **state)
{
    (void)state;
    run("local function no(v, message, o)\n"
        "  local t, m = json.encode(v, o) same(t, nil) same(m, message)\n"
        "end\n"
        "no({items = {1, 2, {x = print}}}, 'data.items[3].x: a function has no JSON form', {name = 'data'})\n"
        "no(print, 'value: a function has no JSON form') no(nil, 'value: a nil has no JSON form')\n"
        "no({['a b'] = coroutine.create(print)}, 'value[\"a b\"]: a thread has no JSON form')\n"
        "no({other}, 'value[1]: a userdata has no JSON form')\n"
        "no({a = {[true] = 1}}, 'value.a: a boolean cannot be a key in JSON')\n"
        "no({[1.5] = 1}, 'value: a number cannot be a key in JSON')\n"
        "no({'x', ['1'] = 'y'}, 'value: a table has a number and a string as keys that JSON cannot tell apart')\n"
        "no(json.array{1, nil, 3}, 'value: is marked as an array but has a gap, or a key that is no position')\n"
        "no(json.array{x = 1}, 'value: is marked as an array but has a gap, or a key that is no position')\n"
        "no({{{}}}, 'value[1][1]: nested too deeply, or a table inside itself', {max_depth = 2})\n"
        "no({('x'):rep(50)}, 'value: the text is longer than allowed', {max_bytes = 40})\n"
        "no({('x'):rep(37)}, 'value: the text is longer than allowed', {max_bytes = 40})\n"
        "same(json.encode({('x'):rep(36)}, {max_bytes = 40}), '[\"' .. ('x'):rep(36) .. '\"]')\n"
        "local loop = {} loop[1] = loop\n"
        "local t, m = json.encode(loop) same(t, nil) same(#m < 300, true)\n"
        "same(m:match('nested too deeply, or a table inside itself$') ~= nil, true)\n"
        "local deep = {} for _ = 1, 127 do deep = {deep} end\n"
        "same(json.encode(deep), ('['):rep(127) .. '{}' .. (']'):rep(127)) same(json.encode({deep}), nil)\n"
        "for _, o in ipairs{{max_depth = -1}, {max_depth = 'x'}, {pretty = 99}, 5} do\n"
        "  same(pcall(json.encode, 1, o), false)\n"
        "end\n"
        "local bomb = {} for _ = 1, 60 do bomb = {bomb, bomb} end\n"
        "same(json.encode(bomb, {max_bytes = 1 << 20}), nil)\n");
}

static void test_userdata(void **state)
{
    (void)state;
    run("same(json.encode{token = secret}, '{\"token\":\"[REDACTED]\"}')\n"
        "same(json.encode({token = secret}, {raw = true}), [[{\"token\":\"s3\\u001b\\r\"}]])\n"
        "same(json.encode(other), nil)\n");
    lua_State *L = open_state();
    json_lua_set_userdata(L, NULL);
    assert_int_equal(luaL_dostring(L, "same(json.encode(secret), nil)"), LUA_OK);
    lua_close(L);
}

static void test_errors(void **state)
{
    (void)state;
    run("local function at(text, line, column, offset, o)\n"
        "  local v, e = json.decode(text, o) same(v, nil) same(type(e.message), 'string')\n"
        "  same(e.line, line) same(e.column, column) same(e.offset, offset)\n"
        "end\n"
        "at('', 1, 1, 0) at('[1,]', 1, 4, 3) at('{\"a\":01}', 1, 6, 5) at('NaN', 1, 1, 0) at('1 x', 1, 3, 2)\n"
        "at('{\\n \"日\": nil}', 2, 7, 10) at('[1', 1, 3, 2) at('{\"a\" 1}', 1, 6, 5) at('{\"a\":1,}', 1, 8, 7)\n"
        "at('[[[]]]', 1, 3, 2, {max_depth = 2}) at('[1,2]', 1, 4, 3, {max_bytes = 3}) at('\"\\n\"', 1, 2, 1)\n"
        "at(('['):rep(129), 1, 129, 128) at('{\"a\":1]', 1, 7, 6) at('\"\\\\x\"', 1, 2, 1)\n"
        "same(#json.decode(('['):rep(128) .. (']'):rep(128)), 1)\n"
        "same(#json.decode(('['):rep(1000) .. (']'):rep(1000), {max_depth = 1000}), 1)\n"
        "local pad = (' '):rep(5000) at(pad .. '[tru]', 1, 5002, 5001)\n"
        "same(pcall(json.decode), false) same(pcall(json.decode, {}), false)\n");
}

static void test_notes(void **state)
{
    (void)state;
    run("local v, n = json.decode'{\"a\":1,\"b\":2,\"a\":3}'\n"
        "same(v.a, 3) same(v.b, 2) same(#n, 1)\n"
        "same(n[1].kind, 'duplicate_key') same(n[1].key, 'a') same(n[1].offset, 13)\n"
        "v, n = json.decode'{\"a\":1,\"\\\\u0061\":[2]}' same(v.a[1], 2) same(n[1].key, 'a')\n"
        "v, n = json.decode'[18446744073709551616,1e999,-1e999,1e-999,0e-999]'\n"
        "same(v[1], 2.0^64) same(v[2], math.huge) same(v[3], -math.huge) same(v[4], 0.0) same(#n, 4)\n"
        "same(n[1].kind, 'big_number') same(n[1].text, '18446744073709551616') same(n[1].offset, 1)\n"
        "same(n[2].kind, 'big_number') same(n[4].kind, 'tiny_number')\n"
        "v, n = json.decode('[\"a\\xFFb\",\"\\\\ud800\"]') same(v[1], 'a\\u{FFFD}b') same(v[2], '\\u{FFFD}')\n"
        "same(#n, 2) same(n[1].kind, 'invalid_utf8') same(n[1].offset, 2)\n"
        "v, n = json.decode('{\"\\xFF\":1,\"\\xFE\":2}') same(v['\\u{FFFD}'], 2) same(#n, 3)\n"
        "same(n[3].kind, 'duplicate_key')\n"
        "local many = {} for i = 1, 3000 do many[i] = ('\"k%d\":%d'):format(i % 1500, i) end\n"
        "v, n = json.decode('{' .. table.concat(many, ',') .. '}')\n"
        "for i = 0, 1499 do same(v['k' .. i], i == 0 and 3000 or i + 1500) end same(#n, 100) same(n.more, 1400)\n"
        "local few = {} for i = 1, 60 do few[i] = ('\"k%d\":%d'):format(i % 30, i) end\n"
        "v, n = json.decode('{' .. table.concat(few, ',') .. '}' .. (' '):rep(5000))\n"
        "same(#n, 30) for i = 1, 29 do same(v['k' .. i], i + 30) end\n");
}

/* A document long enough for the cache of keys, with keys of all lengths and some that share a slot. */
static void test_key_cache(void **state)
{
    (void)state;
    run("local rows, parts = {}, {}\n"
        "for r = 1, 40 do\n"
        "  local row = {}\n"
        "  for k = 1, 60 do row[('key%d'):format(k * 7919 % 997):rep(k % 9 + 1)] = r * k end\n"
        "  row['日本'] = r row['q\\\"uote'] = -r row[''] = 0 rows[r] = row\n"
        "end\n"
        "local back, notes = json.decode(json.encode(rows)) same(notes, nil) same(#back, 40)\n"
        "for r, row in ipairs(rows) do\n"
        "  for k, v in pairs(row) do same(back[r][k], v) end\n"
        "  for k, v in pairs(back[r]) do same(row[k], v) end\n"
        "end\n"
        "local text = '[' .. ('{\"abcd\":1,\"abcdefghijklmnopq\":2},'):rep(300) .. '{\"abce\":3}]'\n"
        "back = json.decode(text) same(back[301].abce, 3) same(back[300].abcdefghijklmnopq, 2)\n");
}

/* What is tidied is what decoding and encoding give; what is not simple is left alone. */
static void test_tidy(void **state)
{
    (void)state;
    run("local function is(text, want) same(json.tidy(text), want) same(json.encode((json.decode(text))), want) end\n"
        "is(' { \"b\" : [ 1 , 2.5 ,-3 ] , \"a\":{\"z\":null,\"y\":true}}', '{\"a\":{\"y\":true,\"z\":null},\"b\":[1,2.5,-3]}')\n"
        "is('{\"ab\":1,\"a\":2,\"\":3}', '{\"\":3,\"a\":2,\"ab\":1}') is('[]', '[]') is('{}', '{}') is('0.001', '0.001')\n"
        "is('\"x y~\"', '\"x y~\"') is('123456789012345678', '123456789012345678') is('-0.5', '-0.5') is(' [ ] ', '[]')\n"
        "for _, t in ipairs{ '', '{', '[1', '[1,]', '{\"a\":1,}', '{\"a\"}', '1 2', '01', '1.', '.5', '+1', 'nul', '1e5', '-0',\n"
        "    '1.50', '0.00001', '1234567890.1234567', '12345678901234567890', '\"a\\\\n\"', '\"\\xc3\\xa9\"', '\"\\27[0m\"',\n"
        "    '{\"a\":1,\"a\":2}', ('['):rep(40) .. (']'):rep(40), '\"' .. ('A'):rep(40) .. '\"', '\"ghp_0123456789abcdefghij\"',\n"
        "    '\"eyJhbGciOiJub25lIn0.e30.\"', '\"\\127\"' } do same(json.tidy(t), nil) end\n"
        "same(json.tidy('{\"key\":1}', { key = true }), nil) same(json.tidy('{\"kez\":1}', { key = true }), '{\"kez\":1}')\n"
        "same(json.tidy('{' .. ('\"a\":[{'):rep(10)), nil)\n"
        "math.randomseed(7)\n"
        "local function any(depth)\n"
        "  local r = math.random(depth > 3 and 5 or 7)\n"
        "  if r == 1 then return math.random(-1000, 1000) elseif r == 2 then return math.random(1, 999) / 8\n"
        "  elseif r == 3 then return ('q'):rep(math.random(0, 30)) elseif r == 4 then return json.null\n"
        "  elseif r == 5 then return math.random(2) == 1 end\n"
        "  local out = r == 6 and json.array{} or json.object{}\n"
        "  for i = 1, math.random(0, 6) do out[r == 6 and i or ('k'):rep(i) .. math.random(99)] = any(depth + 1) end\n"
        "  return out\n"
        "end\n"
        "local tidied = 0\n"
        "for _ = 1, 500 do\n"
        "  local value = any(0) local text = json.encode(value)\n"
        "  local t = json.tidy(json.encode(value, { pretty = 2 }))\n"
        "  if t then same(t, text) tidied = tidied + 1 end\n"
        "end\n"
        "assert(tidied > 300, tidied)\n");
}

static void test_plain(void **state)
{
    (void)state;
    run("for _, v in ipairs{ 1, 1.5, 'x', true, json.null, {}, { 1, 2 }, { a = { b = 'c' } }, json.array{}, json.object{ a = 1 },\n"
        "  'a text that is long enough', '/' .. ('a/'):rep(30) .. '-' } do same(json.plain(v), true) end\n"
        "for _, v in ipairs{ 0/0, 1/0, print, secret, { secret }, { a = print }, setmetatable({}, {}), { [true] = 1 },\n"
        "  json.ordered({ a = 1 }, { 'a' }), 'sk-0123456789abcdefghij', ('A'):rep(40), { { 'ghp_0123456789abcdefghij' } } } do\n"
        "  same(json.plain(v), false) end\n"
        "same(json.plain({ a = { key = 1 } }, { key = true }), false) same(json.plain({ a = 1 }, { key = true }), true)\n"
        "local deep = {} local at = deep for _ = 1, 100 do at.a = {} at = at.a end same(json.plain(deep), false)\n"
        "local loop = {} loop[1] = loop same(json.plain(loop), false)\n");
}

static void test_c_interface(void **state)
{
    (void)state;
    lua_State *L = open_state();
    assert_int_equal(json_lua_decode(L, "[1,2]", 5, 0), 2);
    assert_true(lua_istable(L, -2) && lua_isnil(L, -1));
    assert_true(json_lua_encode(L, -2, false));
    assert_string_equal(lua_tostring(L, -1), "[1,2]");
    assert_int_equal(lua_gettop(L), 3);
    lua_pushcfunction(L, json_lua_open);
    assert_false(json_lua_encode(L, -1, true));
    assert_string_equal(lua_tostring(L, -1), "value: a function has no JSON form");
    assert_int_equal(lua_gettop(L), 5);
    assert_int_equal(json_lua_decode(L, "[1,2", 4, 0), 2);
    assert_true(lua_isnil(L, -2) && lua_istable(L, -1));
    lua_close(L);
}

/* Every allocation fails once: the answer is an error, nothing leaks (the sanitizer tells), the state still works. */
static void test_every_allocation_fails(void **state)
{
    (void)state;
    static const char CHUNK[] =
        "local v, n = json.decode(text) same(#n, 4) same(v.list[300], 300)\n"
        "local t, m = json.encode(v, {pretty = 1}) same(#m, 2)\n"
        "same(json.encode({{print}}), nil) same(json.decode('[1,', {}), nil)\n"
        "same(json.encode(json.ordered(v, {'z'}))~= nil, true)\n";
    static const char TEXT[] =
        "local list = {} for i = 1, 300 do list[i] = i end\n"
        "text = json.encode{list = list, o = {['\\27k'] = 1, k = 2, [3] = {}}, s = ('x'):rep(200)}:sub(1, -2) ..\n"
        "  [[,\"e\":\"\\ud800\\u00e9\\u0000\",\"e\":\"a\\u0000\",\"\\ud801\":1e999}]]\n";
    int failures = 0;
    for (int n = 0;; n++) {
        lua_State *L = open_state();
        assert_int_equal(luaL_dostring(L, TEXT), LUA_OK);
        assert_int_equal(luaL_loadstring(L, CHUNK), LUA_OK);
        lua_pushvalue(L, -1);
        failed = false;
        fail_in = n;
        int status = lua_pcall(L, 0, 0, 0);
        fail_in = -1;
        if (status != LUA_OK) {
            assert_true(failed);
            if (strstr(lua_tostring(L, -1), "not enough memory") == NULL)
                fail_msg("allocation %d: %s", n, lua_tostring(L, -1));
            lua_pop(L, 1);
            if (lua_pcall(L, 0, 0, 0) != LUA_OK)
                fail_msg("after allocation %d: %s", n, lua_tostring(L, -1));
            failures++;
        }
        lua_close(L);
        if (!failed)
            break;
    }
    assert_true(failures > 20); /* many more are retried after Lua's emergency collection */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),     cmocka_unit_test(test_containers),  cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_cleaning),    cmocka_unit_test(test_refusals),    cmocka_unit_test(test_userdata),
        cmocka_unit_test(test_errors),      cmocka_unit_test(test_notes),       cmocka_unit_test(test_key_cache),
        cmocka_unit_test(test_tidy),        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_c_interface), cmocka_unit_test(test_every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
