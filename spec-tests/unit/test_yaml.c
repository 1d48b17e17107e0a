/* yaml: what the module reads, what it refuses and where, and the lines of pointers. Each case is a Lua chunk that sees
 * `yaml`, `json` (host.json), `read(text)`: the value as JSON, and `refused(text, line, part of the message)`. */
#include "../helper/framework.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

int luaopen_yaml(lua_State *L);

static const char PRELUDE[] =
    "json = require('host').json\n"
    "function decode(text) return yaml.decode(text, json.null, json.array, json.object) end\n"
    "function read(text) return assert(json.encode((decode(text)))) end\n"
    "function refused(text, line, part)\n"
    "  local value, err = decode(text)\n"
    "  assert(value == nil, 'it is read: ' .. text)\n"
    "  assert(err.line == line and err.column >= 1, text .. ': line ' .. err.line)\n"
    "  assert(err.message:find(part, 1, true), text .. ': ' .. err.message)\n"
    "end\n"
    "function same(want, got) if want ~= got then error(tostring(want) .. ' expected, got ' .. tostring(got), 2) end end\n";

static void run(const char *chunk)
{
    lua_State *L = framework_open();
    luaL_requiref(L, "yaml", luaopen_yaml, 1);
    framework_run(L, PRELUDE);
    if (luaL_dostring(L, chunk) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    lua_close(L);
}

static void test_scalars(void **state)
{
    (void)state;
    run("same('[null,null,null,null]', read '[null, ~, Null, NULL]')\n"
        "same('[null]', read '- \\n')\n"
        "same('[true,false,true,false]', read '[true, False, TRUE, false]')\n"
        "same('[\"yes\",\"no\",\"on\",\"off\",\"nUll\"]', read '[yes, no, on, off, nUll]')\n"
        "same('[\"true\",\"1\",\"\",\"~\"]', read '[\"true\", \\'1\\', \"\", \"~\"]')\n");
}

static void test_numbers(void **state)
{
    (void)state;
    run("same('[0,-7,7,12,9223372036854775807,-9223372036854775808]',\n"
        "     read '[0, -7, +7, 012, 9223372036854775807, -9223372036854775808]')\n"
        "same('[31,15]', read '[0x1F, 0o17]')\n"
        "same('float', math.type(decode('1.0')))\n"
        "same('[0.5,1,1e+20,-2.5]', read '[.5, 1., 1e20, -2.5]')\n"
        "same('float', math.type(decode('9223372036854775808')))\n"
        "same('[\"-\",\"+\",\".\",\"1-2\",\"1.2.3\",\"0x\",\"0xg\",\"-0x1\",\"1e\",\"e5\",\"1_000\"]',\n"
        "     read '[\"-\", +, ., 1-2, 1.2.3, 0x, 0xg, -0x1, 1e, e5, 1_000]')\n"
        "same('[\".inf\",\".nan\",\"1e999\"]', read '[.inf, .nan, 1e999]')\n"
        "same('\"' .. ('1'):rep(70) .. '\"', read(('1'):rep(70)))\n");
}

static void test_containers(void **state)
{
    (void)state;
    run("same('{\"a\":[],\"b\":{},\"c\":{\"1\":\"x\",\"true\":\"y\"}}', read 'a: []\\nb: {}\\nc: {1: x, true: y}\\n')\n"
        "same('{\"a\":{\"x\":1},\"b\":{\"x\":1}}', read 'a: &one {x: 1}\\nb: *one\\n')\n"
        "same('{\"a\":2}', read 'a: 1\\na: 2\\n')\n"
        "same('{\"a\":\"x\\\\ny\\\\n\",\"b\":\"x y\"}', read 'a: |\\n  x\\n  y\\nb: >-\\n  x\\n  y\\n')\n"
        "same('1', read '1\\n---\\n2\\n')\n"
        "same('[\"\\xC3\\xA9\"]', read '[\"\\\\xE9\"]')\n");
}

static void test_refusals(void **state)
{
    (void)state;
    run("refused('', 1, 'empty')\n"
        "refused('a: [1,\\n', 2, '')\n"
        "refused('a: 1\\n b: 2\\n', 2, '')\n"
        "refused('a: *nothing', 1, 'alias')\n"
        "refused('a: 1\\n? [x]\\n: 2\\n', 2, 'a key is no text')\n"
        "refused('a:\\n  - &x [*x]\\n', 2, 'too deep')\n"
        "refused(('['):rep(250) .. (']'):rep(250), 1, 'too deep')\n"
        "refused('\\xFF', 1, '')\n"
        "refused('\"\\1\"', 1, '')\n");
}

static void test_growth(void **state) /* ten lines that stand for ten thousand million values */
{
    (void)state;
    run("local lines = { 'a0: &a0 [x]' }\n"
        "for i = 1, 10 do lines[i + 1] = ('a%d: &a%d [%s*a%d]'):format(i, i, ('*a%d, '):format(i - 1):rep(9), i - 1) end\n"
        "refused(table.concat(lines, '\\n'), 1, 'too large')\n");
}

static void test_lines(void **state)
{
    (void)state;
    run("local text = 'a:\\n  b/c:\\n    - x\\n    - y~z: 1\\nd: 2\\n'\n"
        "local function line(pointer, want) same(want, yaml.line(text, pointer)) end\n"
        "line('', 1) line('/a', 1) line('/a/b~1c', 2) line('/a/b~1c/0', 3) line('/a/b~1c/1/y~0z', 4) line('/d', 5)\n"
        "line('/a/none/0', 1) line('/a/b~1c/7', 2) line('/a/b~1c/x', 2) line('/a/b~1c/1/' .. ('k'):rep(2000), 4)\n"
        "same(1, yaml.line('[', '/a'))\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),  cmocka_unit_test(test_numbers), cmocka_unit_test(test_containers),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_growth),  cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
