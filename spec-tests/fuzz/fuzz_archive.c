/* Fuzzing of the reader of archives. For any bytes: a list of entries or an error; each file in it can be read in the size
 * that the list gave or not at all; nothing is larger than the limits. */
#include "../helper/framework.h"
#include "fuzz_main.h"

int luaopen_archive(lua_State *L);

static const char HARNESS[] =
    "local archive = require 'archive'\n"
    "local LIMITS = { max_bytes = 65536, max_files = 20 }\n"
    "local TYPES = { file = true, directory = true, link = true, hardlink = true, other = true }\n"
    "local function explained(err) assert(err.code:find '^[A-Z_]+$' and err.message ~= '', 'an error without a reason') end\n"
    "return function(input)\n"
    "  local source = { data = input }\n"
    "  local list, err = archive.list(source, LIMITS)\n"
    "  if not list then return explained(err) end\n"
    "  assert(#list <= LIMITS.max_files, 'too many entries')\n"
    "  for _, entry in ipairs(list) do\n"
    "    assert(TYPES[entry.type] and type(entry.name) == 'string' and entry.size >= 0, 'an entry in parts')\n"
    "    local bytes, why = archive.read(source, entry.name, LIMITS)\n"
    "    if not bytes then explained(why) end\n"
    "    assert(not bytes or entry.type == 'file' and #bytes == entry.size and #bytes <= LIMITS.max_bytes, 'another size')\n"
    "  end\n"
    "end";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return framework_fuzz(HARNESS, "archive", luaopen_archive, data, size);
}
