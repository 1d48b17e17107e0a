-- REQ-C-029: every command says which scopes it needs.
local S = require "lib.spec"

S.req("REQ-C-029", "Command declares required scopes", function()
  it("1 and 3 the declaration is demanded; no scopes are an explicit empty list", function()
    local r, text = S.check "no-scopes"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("required_scopes declaration is required ([] if none)", 1, true), text)
    S.failed(S.check "odd-scopes", 2, "REGISTRATION_ERROR")
    local data, run = S.contract "fx ok"
    S.equal(run, S.json.array {}, data.required_scopes, "required_scopes")
    S.truth(run, run.stdout:find('"required_scopes":[]', 1, true), "not an empty list")
  end)

  it("2 --schema of every command has required_scopes, in the order of the contract", function()
    local r = S.tool({ "--schema" }, { env = { TOOL_MAX_OUTPUT_BYTES = "100000000" } })
    for path, entry in pairs(S.status(r, 0).envelope.data.commands) do
      S.truth(r, S.json.is_array(entry.required_scopes), path .. " has no required_scopes")
    end
    local data = S.contract "fx scoped"
    assert.same({ "things:write", "audit:append", "a:read" }, data.required_scopes)
    assert.equal("PERMISSION_DENIED", data.exit_codes["7"].name)
    assert.equal("AUTH_REQUIRED", data.exit_codes["8"].name)
    local m = S.tool { "manifest" }
    S.equal(m, data.required_scopes, m.envelope.meta.contracts["fx.scoped"].required_scopes, "meta.contracts")
    S.equal(m, nil, m.envelope.data.commands["fx.scoped"].required_scopes, "the closed entry")
  end)

  it("4 a blanket scope that the description does not justify is warned about", function()
    local r = S.status(S.check "broad-scope", 0)
    local warnings = S.json.encode(r.envelope.warnings)
    for _, scope in ipairs { "org:admin", "repo:*" } do
      S.truth(r, warnings:find(scope, 1, true), "no warning for " .. scope)
    end
  end)
end)
