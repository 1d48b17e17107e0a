-- Where the tests find the product and their own parts, all absolute.
-- SPEC_TOOL names the binary, SPEC_BUILD the build directory, SPEC_HELPER the helper; the runner sets the first two.
local uv = require "luv"

local paths = {}

local function absolute(path)
  return assert(uv.fs_realpath(path), "not found: " .. tostring(path))
end

local here = debug.getinfo(1, "S").source:match("^@(.*)/lib/[^/]+$") or "."
paths.root = absolute(here)
paths.repo = absolute(here .. "/..")
paths.build = os.getenv("SPEC_BUILD") or paths.repo .. "/build"
paths.tool = os.getenv("SPEC_TOOL") or paths.build .. "/tool"
paths.helper = os.getenv("SPEC_HELPER") or paths.build .. "/spec-helper"
paths.native_dir = paths.build .. "/spec-tests"
paths.commands = paths.root .. "/fixtures/commands"
paths.bin = paths.root .. "/fixtures/bin"

return paths
