-- REQ-F-029: no run looks for updates. The tool has no checker, so every mode is as quiet as the quietest.
local S = require "lib.spec"

local MODES = {
  { "a pipe", function() return {} end },
  { "CI on a terminal", function() return S.terminal { env = { CI = "1" } } end },
  { "TOOL_NO_UPDATE on a terminal", function() return S.terminal { env = { TOOL_NO_UPDATE = "1" } } end },
  { "--no-update-check on a terminal", function() return S.terminal {} end, "--no-update-check" },
  { "a terminal", function() return S.terminal {} end },
}

S.req("REQ-F-029", "Auto-update suppression in non-interactive mode", function()
  it("1, 2 and 5 no socket is made in any mode, and nothing new stays in HOME", function()
    for _, mode in ipairs(MODES) do
      local home = S.dir "home"
      local opts = mode[2]()
      opts.env = opts.env or {}
      opts.env.HOME = home
      local r, trace = S.strace({ "fx", "ok", mode[3] }, "network", opts)
      S.status(r, 0, mode[1])
      for _, line in ipairs(trace) do assert.is_nil(line:match("socket%(AF_INET") or line:match("connect%(")) end
      for _, name in ipairs(S.tree(home)) do assert.is_nil(name:match("update")) end
    end
  end)

  it("3 meta.update_available is absent when nothing is known", function()
    local r = S.status(S.tool { "fx", "ok" }, 0)
    S.equal(r, nil, r.envelope.meta.update_available, "update_available")
  end)

  it("4 no run changes the binary", function()
    local before = S.driver.mtime_ms(S.paths.tool)
    S.tool({ "fx", "ok" }, S.terminal {})
    assert.equal(before, S.driver.mtime_ms(S.paths.tool))
  end)

  it("6 children are told to be quiet, and no process outlives the tool", function()
    local r = S.status(S.tool { "fx", "child", "env" }, 0)
    S.truth(r, r.envelope.data.stdout:find("\nNO_UPDATE_NOTIFIER=1\n", 1, true), "NO_UPDATE_NOTIFIER")
  end)
end)
