-- REQ-F-046, with F-010, F-025, F-050, F-053, F-055 and F-066: what a child finds in its environment.
local S = require "lib.spec"

-- The environment of a child as a map.
local function child(env, opts)
  local all = { env = env }
  for k, v in pairs(opts or {}) do all[k] = v end
  local r = S.status(S.tool({ "fx", "child", "env" }, all), 0)
  local seen = {}
  for name, value in r.envelope.data.stdout:gmatch("([%w_]+)=([^\n]*)\n") do seen[name] = value end
  return seen, r
end

local function check(want, env)
  local seen, r = child(env)
  for name, value in pairs(want) do S.equal(r, value, seen[name], name) end
end

S.req("REQ-F-046", "Pager environment variable suppression", function()
  it("1 and 2 pagers are switched off, whatever was inherited", function()
    local want = { PAGER = "cat", GIT_PAGER = "cat", LESS = "-F -X -R", MORE = "", MANPAGER = "cat" }
    check(want)
    check(want, { PAGER = "less", GIT_PAGER = "less", LESS = "-R", MORE = "x", MANPAGER = "most" })
  end)
end)

S.req("REQ-F-050", "Update notifier suppression", function()
  it("2 and 3 notifiers are switched off for children without a terminal", function()
    check({ CI = "1", NO_UPDATE_NOTIFIER = "1", HOMEBREW_NO_AUTO_UPDATE = "1", PIP_DISABLE_PIP_VERSION_CHECK = "1" })
  end)
end)

S.req("REQ-F-055", "Editor suppression", function()
  it("1 editors do nothing for children without a terminal", function()
    check({ EDITOR = "true", VISUAL = "true" }, { EDITOR = "vim", VISUAL = "vim" })
  end)
end)

S.req("REQ-F-066", "Subprocess locale normalization", function()
  it("1 and 2 children speak C", function()
    check({ LC_ALL = "C", LC_NUMERIC = "C" }, { LC_ALL = "de_DE.UTF-8", LANG = "de_DE.UTF-8" })
  end)
end)

S.req("REQ-F-025", "Trace id propagation", function()
  it("2 children inherit TOOL_TRACE_ID; F-053: and PYTHONUNBUFFERED", function()
    check({ TOOL_TRACE_ID = "t1", PYTHONUNBUFFERED = "1" }, { TOOL_TRACE_ID = "t1" })
  end)
end)
