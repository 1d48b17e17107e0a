-- REQ-F-050: programs of a run announce no updates.
local S = require "lib.spec"

local NAMES = { "CI", "NO_UPDATE_NOTIFIER", "HOMEBREW_NO_AUTO_UPDATE", "PIP_DISABLE_PIP_VERSION_CHECK" }

S.req("REQ-F-050", "Update notifier side-channel suppression", function()
  it("1 neither stream of the answer holds the notice of a program", function()
    local r = S.status(S.tool { "fx", "quiet-child" }, 0)
    S.truth(r, not (r.stdout .. r.stderr):find("Update available", 1, true), "the notice")
  end)

  it("2 and 3 the variables are set for children without a terminal, a caller's CI=true being 1 for them", function()
    for _, env in ipairs { {}, { CI = "true" } } do
      local r = S.status(S.tool({ "fx", "child", "env" }, { env = env }), 0)
      for _, name in ipairs(NAMES) do
        S.truth(r, ("\n" .. r.envelope.data.stdout):find("\n" .. name .. "=1\n", 1, true), name)
      end
    end
  end)

  it("2 code inside the process finds them too", function()
    for _, name in ipairs(NAMES) do
      local r = S.status(S.tool { "fx", "native-env", name }, 0)
      S.equal(r, "1", r.envelope.data.value, name)
    end
  end)

  it("4 a command can silence a library of its own", function()
    local r = S.status(S.tool { "fx", "quiet-child" }, 0)
    S.truth(r, ("\n" .. r.envelope.data.environment):find("\nFX_NO_NOTICE=1\n", 1, true), "FX_NO_NOTICE")
  end)

  it("5 on a terminal nothing is changed", function()
    local r = S.tool({ "fx", "child", "env" }, S.terminal {})
    S.status(r, 0)
    for _, name in ipairs(NAMES) do S.truth(r, not r.stdout:find(name .. "=1", 1, true), name) end
    r = S.tool({ "fx", "quiet-child" }, S.terminal {})
    S.truth(r, r.stdout:find("Update available", 1, true), "the notice is missing")
  end)
end)
