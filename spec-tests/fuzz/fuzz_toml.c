/* Fuzzing of the TOML reader. For any bytes: a value that can be written as JSON, or an error with a line and a column of
 * the text. */
#include "../helper/framework.h"
#include "fuzz_main.h"

static const char HARNESS[] =
    "local toml, json = require 'tool.toml', require('host').json\n"
    "return function(input)\n"
    "  local value, err = toml.decode(input)\n"
    "  if value ~= nil then assert(json.encode(value, { raw = true })) return end\n"
    "  local _, lines = input:gsub('\\n', '')\n"
    "  assert(err.message and err.line >= 1 and err.line <= lines + 1 and err.column >= 1, 'an error without a place')\n"
    "end";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return framework_fuzz(HARNESS, NULL, NULL, data, size);
}
