-- REQ-F-008: five variables, each of which switches colour off.
local S = require "lib.spec"

local function coloured(env)
  local r = S.status(S.tool({ "fx", "list", "--verbose" }, S.terminal { env = env }), 0)
  return (r.stdout .. r.stderr):find("\27", 1, true) ~= nil, r
end

S.req("REQ-F-008", "NO_COLOR and CI environment detection", function()
  it("1 each of the five variables switches colour off on both streams", function()
    for name, value in pairs { NO_COLOR = "1", CI = "true", GITHUB_ACTIONS = "true", JENKINS_URL = "http://j",
      TERM = "dumb" } do
      local found, r = coloured { [name] = value }
      S.truth(r, not found, "an escape sequence with " .. name)
    end
  end)

  it("2 without any of them a terminal gets colour", function()
    local found, r = coloured {}
    S.truth(r, found, "no escape sequence on a plain terminal")
  end)

  it("3 an empty NO_COLOR suffices", function()
    local found, r = coloured { NO_COLOR = "" }
    S.truth(r, not found, "an escape sequence with an empty NO_COLOR")
  end)

  it("4 TERM=dumb alone suffices", function()
    local found, r = coloured { TERM = "dumb" }
    S.truth(r, not found, "an escape sequence with TERM=dumb")
  end)

  it("5 children see NO_COLOR=1", function()
    local r = S.status(S.tool({ "fx", "child", "env" }, { env = { NO_COLOR = "" } }), 0)
    S.truth(r, ("\n" .. r.envelope.data.stdout):find("\nNO_COLOR=1\n", 1, true), "the child does not see NO_COLOR=1")
  end)
end)
