/* Fuzzing of the YAML reader. For any bytes: a value that can be written as JSON, or an error with a place inside the
 * text; and the line of any pointer is one of the text. */
#include "../helper/framework.h"
#include "fuzz_main.h"

int luaopen_yaml(lua_State *L);

static const char HARNESS[] =
    "local yaml, json = require 'yaml', require('host').json\n"
    "local POINTERS = { '', '/a', '/a/0/b~1c', '/0/1/2', '/paths/~1a/get' }\n"
    /* YAML has further ends of lines: NEL, LS and PS */
    "local function lines_of(text) return select(2, text:gsub('[\\n\\r\\x80-\\xff]', '')) + 1 end\n"
    "return function(input)\n"
    "  local lines = lines_of(input)\n"
    "  local value, err = yaml.decode(input, json.null, json.array, json.object)\n"
    "  if value ~= nil then\n"
    "    assert(json.decode(assert(json.encode(value, { raw = true, max_depth = 256 })), { max_depth = 256 }) ~= nil)\n"
    "  else\n"
    "    assert(err.message and err.line >= 1 and err.line <= lines + 1 and err.column >= 1, 'an error without a place')\n"
    "  end\n"
    "  for _, pointer in ipairs(POINTERS) do\n"
    "    local line = yaml.line(input, pointer)\n"
    "    assert(line >= 1 and line <= lines, 'a line outside the text')\n"
    "  end\n"
    "end";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return framework_fuzz(HARNESS, "yaml", luaopen_yaml, data, size);
}
