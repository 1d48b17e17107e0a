-- REQ-C-002: a command says how dangerous it is.
local S = require "lib.spec"

S.req("REQ-C-002", "Command declares danger level", function()
  it("1 a command without a danger level is refused, and so is an unknown one", function()
    local r, text = S.check "no-danger"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("danger_level declaration is required", 1, true), text)
    r, text = S.check "odd-danger"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("danger must be safe, mutating or destructive", 1, true), text)
  end)

  it("2 --schema and the manifest show one of the three levels for every command", function()
    local known = { safe = true, mutating = true, destructive = true }
    for path, entry in pairs(S.manifest().commands) do
      assert.is_true(known[entry.danger_level], path)
      assert.equal(entry.danger_level, S.contract((path:gsub("%.", " "))).danger_level, path)
    end
  end)

  it("3 destructive switches on dry-run and confirmation", function()
    local data, r = S.contract "fx destroy"
    S.truth(r, data.flags["dry-run"], "no --dry-run")
    S.truth(r, data.flags["confirm-destructive"], "no --confirm-destructive")
    S.equal(r, true, data.requires_confirmation, "requires_confirmation")
    S.equal(r, false, data.reversible, "reversible")
    local path = S.spit(S.dir() .. "/precious", "x")
    r = S.tool { "fx", "destroy", path }
    S.truth(r, r.status ~= 0 or r.envelope.data.effect ~= "deleted", "destroyed without confirmation")
    assert.is_true(S.exists(path))
    r = S.tool { "fx", "destroy", path, "--dry-run" }
    S.status(r, 0)
    S.equal(r, "would_delete", r.envelope.data.effect, "effect of a preview")
    assert.is_true(S.exists(path))
    S.status(S.tool { "fx", "destroy", path, "--confirm-destructive", "--yes" }, 0)
    assert.is_false(S.exists(path))
  end)

  it("4 safe commands have no --idempotency-key, others do", function()
    assert.is_nil(S.contract("fx ok").flags["idempotency-key"])
    assert.truthy(S.contract("fx write").flags["idempotency-key"])
    assert.truthy(S.contract("fx destroy").flags["idempotency-key"])
    S.status(S.tool { "fx", "ok", "--idempotency-key", "k" }, 2)
  end)

  it("a safe command cannot write, whatever its code tries", function()
    local dir = S.dir()
    local r = S.tool { "fx", "cat", dir .. "/absent" }
    S.status(r, 5)
    assert.same({}, S.tree(dir))
  end)
end)
