-- REQ-F-066: programs speak C.
local S = require "lib.spec"

local GERMAN = { LC_ALL = "de_DE.UTF-8", LANG = "de_DE.UTF-8", LC_NUMERIC = "de_DE.UTF-8", LANGUAGE = "de" }

local function value(text, name) return ("\n" .. text):match("\n" .. name .. "=([^\n]*)\n") end

S.req("REQ-F-066", "Subprocess locale normalization", function()
  it("1 and 2 LC_ALL and LC_NUMERIC are C, whatever the caller's are", function()
    local r = S.status(S.tool({ "fx", "child", "env" }, { env = GERMAN }), 0)
    S.equal(r, "C", value(r.envelope.data.stdout, "LC_ALL"), "LC_ALL")
    S.equal(r, "C", value(r.envelope.data.stdout, "LC_NUMERIC"), "LC_NUMERIC")
  end)

  it("3 a command that keeps the locale passes the caller's on", function()
    local r = S.status(S.tool({ "fx", "locale" }, { env = GERMAN }), 0)
    for name, want in pairs(GERMAN) do S.equal(r, want, value(r.envelope.data.stdout, name), name) end
  end)

  it("4 git speaks English", function()
    local dir = S.dir()
    local r = S.status(S.tool({ "fx", "git", "--repo", dir, "status" }, { env = GERMAN }), 0)
    S.truth(r, r.envelope.data.stderr:find("not a git repository", 1, true), "git's message")
  end)

  it("5 the tool's own environment is as the caller made it", function()
    local r = S.status(S.tool({ "fx", "native-env", "LC_ALL" }, { env = GERMAN }), 0)
    S.equal(r, "de_DE.UTF-8", r.envelope.data.value, "LC_ALL")
  end)
end)
