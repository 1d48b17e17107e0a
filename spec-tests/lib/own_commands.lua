-- Trees of commands that a test makes for itself: `own.tree { ["a/b"] = source }` gives a directory for
-- TOOL_COMMANDS_PATH in which `tool a b` is that source.
local S = require "lib.spec"

local own = {}

function own.tree(commands)
  local dir = S.dir "commands"
  for path, source in pairs(commands) do
    local folder = path:match("^(.*)/[^/]*$")
    if folder then assert(S.run({ "mkdir", "-p", dir .. "/" .. folder }).status == 0) end
    S.spit(dir .. "/" .. path .. ".lua", source)
  end
  return dir
end

-- The source of a fixture that is no command of the common tree.
function own.source(name) return assert(S.slurp(S.paths.root .. "/fixtures/" .. name .. ".lua"), name) end

-- Executable files of a directory that can stand in PATH: name -> script behind `#!/bin/sh`.
function own.programs(scripts)
  local dir = S.dir "bin"
  for name, script in pairs(scripts) do
    S.spit(dir .. "/" .. name, "#!/bin/sh\n" .. script .. "\n")
    assert(S.run({ "chmod", "755", dir .. "/" .. name }).status == 0)
  end
  return dir
end

return own
