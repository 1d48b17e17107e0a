--- Runs of the tool by the tool.
-- Promise: a process of its own, of this very program, inside the confinement of the run that starts it.

local programs = require "programs"

--- Runs the tool with these words. env: NAME -> value, all that there is. opts: cwd, stdin, timeout_ms. Gives what
--- programs.start gives, or fails.
return function(run, words, env, opts)
  local list = {}
  for name, value in pairs(env) do
    if name == "ASAN_OPTIONS" then value = value .. ":detect_leaks=0" end -- a leak checker may not trace in a confinement
    list[#list + 1] = name .. "=" .. value
  end
  table.sort(list)
  return programs.start(run, { "tool", table.unpack(words) }, { path = "/proc/self/exe", trusted = true, env = list,
    cwd = opts.cwd, stdin = opts.stdin, timeout_ms = opts.timeout_ms })
end
