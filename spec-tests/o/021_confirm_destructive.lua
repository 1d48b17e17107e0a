-- REQ-O-021: what destroys data needs a word of its own.
local S = require "lib.spec"

local function destroy(file, ...) return S.tool { "fx", "destroy", file, ... } end

S.req("REQ-O-021", "--confirm-destructive flag", function()
  it("1 the flag is there for destructive commands and for no others", function()
    for path, entry in pairs(S.commands()) do
      assert.equal(entry.danger_level == "destructive", entry.flags["confirm-destructive"] ~= nil, path)
    end
    S.status(S.tool { "fx", "ok", "--confirm-destructive" }, 2)
    S.status(S.tool { "fx", "write", "--path", S.dir() .. "/f", "--confirm-destructive" }, 2)
  end)

  it("2 without it: exit 2, what would be affected, and nothing is changed", function()
    local file = S.spit(S.dir() .. "/precious", "x")
    local r = destroy(file)
    local e = S.failed(r, 2, "CONFIRMATION_REQUIRED")
    S.equal(r, { path = file }, e.context.would_affect, "would_affect")
    S.truth(r, e.fix_required:find("--confirm-destructive", 1, true), "fix_required")
    S.equal(r, nil, e.fix_command, "fix_command")
    S.equal(r, S.json.null, r.envelope.data, "data")
    assert.is_true(S.exists(file))
  end)

  it("3 with it the command runs, and meta says that it was confirmed", function()
    local file = S.spit(S.dir() .. "/precious", "x")
    local r = S.status(destroy(file, "--confirm-destructive"), 0)
    S.equal(r, true, r.envelope.meta.confirmed, "meta.confirmed")
    assert.is_false(S.exists(file))
    r = S.status(S.tool "fx ok", 0)
    S.equal(r, nil, r.envelope.meta.confirmed, "meta.confirmed")
  end)

  it("4 --yes does not do instead", function()
    local file = S.spit(S.dir() .. "/precious", "x")
    S.failed(destroy(file, "--yes"), 2, "CONFIRMATION_REQUIRED")
    assert.is_true(S.exists(file))
  end)

  it("5 --schema shows requires_confirmation", function()
    assert.is_true(S.contract("fx destroy").requires_confirmation)
    assert.is_nil(S.contract("fx ok").requires_confirmation)
  end)

  it("6 the audit log has the flag", function()
    local home = S.dir "home"
    local file = S.spit(S.dir() .. "/precious", "x")
    local r = S.status(S.tool({ "fx", "destroy", file, "--confirm-destructive" }, { env = { HOME = home } }), 0)
    local log = S.slurp(r.envelope.meta.audit_log_path)
    S.truth(r, log:find('"confirm-destructive":true', 1, true), "the audit log lacks the flag: " .. log)
  end)

  it("a dry run and a check of the input need no confirmation", function()
    local file = S.spit(S.dir() .. "/precious", "x")
    local r = S.status(destroy(file, "--dry-run"), 0)
    S.equal(r, nil, r.envelope.meta.confirmed, "meta.confirmed")
    S.status(destroy(file, "--validate-only"), 0)
    S.status(destroy(file, "--dry-run", "--confirm-destructive"), 0)
    assert.is_true(S.exists(file))
  end)
end)
