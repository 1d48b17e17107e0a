-- REQ-O-047: does the credential fit what commands need?
local S = require "lib.spec"

local function check(scopes, ...)
  return S.tool({ "check-permissions", ... }, { env = { TOOL_SCOPES = scopes, HOME = S.dir "home" } })
end

local NEEDED = { "things:write", "audit:append", "a:read" }

-- A token whose claims name these scopes.
local function token(scope)
  local function part(text) return (require("lib.emulator").base64(text):gsub("=", ""):gsub("%+", "-"):gsub("/", "_")) end
  return part '{"alg":"none"}' .. "." .. part(S.json.encode { scope = scope }) .. "." .. part "x"
end

S.req("REQ-O-047", "tool check-permissions built-in command", function()
  it("1 --for compares one command's scopes with those of the credential", function()
    for _, name in ipairs { "fx scoped", "fx.scoped" } do
      local r = S.status(check("things:write audit:append,a:read", "--for", name), 0)
      S.equal(r, { command = "fx scoped", required_scopes = NEEDED,
        active_scopes = { "a:read", "audit:append", "things:write" }, over_privileged = false }, r.envelope.data, "data")
      S.equal(r, S.json.array {}, r.envelope.warnings, "warnings")
    end
    S.failed(check("", "--for", "fx nowhere"), 5, "COMMAND_UNKNOWN")
  end)

  it("2 without --for every command is listed, and the exit is 0 whatever is covered", function()
    local r = S.status(check("a:read"), 0)
    S.equal(r, { required_scopes = NEEDED, covered = false, over_privileged = false },
      r.envelope.data.commands["fx scoped"], "one that lacks some")
    S.equal(r, { required_scopes = S.json.array {}, covered = true, over_privileged = false },
      r.envelope.data.commands["fx ok"], "one that needs none")
    for path in pairs(S.commands()) do S.truth(r, r.envelope.data.commands[(path:gsub("%.", " "))], path) end
  end)

  it("3 more scopes than needed: exit 0, over_privileged and a warning", function()
    local r = S.status(check("things:write audit:append a:read admin", "--for", "fx scoped"), 0)
    S.equal(r, true, r.envelope.data.over_privileged, "over_privileged")
    S.truth(r, r.envelope.warnings[1]:find("^OVER_PRIVILEGED: "), "the warning")
    r = S.status(check("things:write audit:append a:read admin"), 0)
    S.equal(r, true, r.envelope.data.commands["fx scoped"].over_privileged, "over_privileged")
  end)

  it("4 missing scopes: exit 8 with the list", function()
    for given, missing in pairs { ["a:read"] = { "things:write", "audit:append" }, [""] = NEEDED, ["x y"] = NEEDED } do
      local e = S.failed(check(given, "--for", "fx scoped"), 8, "AUTH_ERROR")
      assert.same(missing, e.missing_scopes)
      assert.same(missing, e.context.missing_scopes)
      assert.same(NEEDED, e.context.required_scopes)
      assert.truthy(e.detail:find("things:write", 1, true))
    end
  end)

  it("5 a command that runs with more than it needs says so, and the run is in the audit log", function()
    local home = S.dir "home"
    local r = S.tool({ "fx", "scoped" }, { env = { HOME = home, TOOL_SCOPES = "things:write audit:append a:read admin" } })
    S.truth(r, S.json.encode(r.envelope.warnings):find("OVER_PRIVILEGED", 1, true), "no warning")
    S.truth(r, (S.slurp(home .. "/.local/share/tool/audit.jsonl") or ""):find('"fx.scoped"', 1, true), "no audit entry")
    r = S.tool({ "fx", "scoped" }, { env = { HOME = home, TOOL_SCOPES = "things:write audit:append a:read" } })
    S.truth(r, not S.json.encode(r.envelope.warnings):find("OVER_PRIVILEGED", 1, true), "a needless warning")
    r = S.status(S.tool({ "fx", "ok" }, { env = { HOME = home, TOOL_SCOPES = "admin" } }), 0)
    S.equal(r, S.json.array {}, r.envelope.warnings, "a command that needs nothing")
  end)

  it("6 a credential without scopes is not called over-privileged", function()
    local r = S.status(check(""), 0)
    for name, row in pairs(r.envelope.data.commands) do S.equal(r, false, row.over_privileged, name) end
  end)

  it("1 the scopes come from TOOL_SCOPES, a stored credential or a token's claims; no token is shown", function()
    local home = S.dir "home"
    assert(S.run({ "mkdir", "-p", home .. "/.config/tool/credentials" }).status == 0)
    local secret = token "things:write audit:append a:read more"
    S.spit(home .. "/.config/tool/credentials/fx.json", S.json.encode { token = secret })
    local r = S.status(S.tool({ "check-permissions", "--for", "fx scoped" }, { env = { HOME = home } }), 0)
    S.equal(r, { "a:read", "audit:append", "more", "things:write" }, r.envelope.data.active_scopes, "claims")
    S.truth(r, not r.stdout:find(secret, 1, true), "the token is shown")
    S.spit(home .. "/.config/tool/credentials/fx.json", S.json.encode { token = "t", scopes = NEEDED })
    r = S.status(S.tool({ "check-permissions", "--for", "fx scoped" }, { env = { HOME = home } }), 0)
    S.equal(r, false, r.envelope.data.over_privileged, "what was stored")
  end)
end)
