-- REQ-C-028: what is there already is shown, what is gone already is fine.
local S = require "lib.spec"

local function thing(verb, dir, name, ...)
  return S.tool { "fx", "thing", verb, "--dir", dir, "--name", name, ... }
end

S.req("REQ-C-028", "ALREADY_EXISTS response", function()
  it("1 to 3 the second create answers with what get would show", function()
    local dir = S.dir()
    local first = S.status(thing("create", dir, "foo", "--colour", "red"), 0)
    S.equal(first, "created", first.envelope.data.effect, "effect")
    local second = thing("create", dir, "foo", "--colour", "blue")
    local e = S.failed(second, 6, "ALREADY_EXISTS")
    S.equal(second, false, e.retryable, "retryable")
    S.equal(second, "t-foo", e.conflict_id, "conflict_id")
    local get = S.status(thing("get", dir, "foo"), 0)
    assert.equal(S.raw(get, "data"), S.raw(second, "data"))
    S.equal(get, "red", get.envelope.data.colour, "colour")
  end)

  it("4 deleting what is not there is a success that says so", function()
    local dir = S.dir()
    thing("create", dir, "foo")
    local r = S.status(thing("delete", dir, "foo", "--confirm-destructive"), 0)
    S.equal(r, "deleted", r.envelope.data.effect, "effect")
    for _ = 1, 2 do
      r = S.status(thing("delete", dir, "foo", "--confirm-destructive"), 0)
      S.equal(r, { effect = "noop", id = "foo", status = "not_found" }, r.envelope.data, "data")
    end
    r = S.status(thing("delete", dir, "foo", "--dry-run"), 0)
    S.equal(r, "would_noop", r.envelope.data.effect, "effect of a preview")
  end)

  it("5 both conditions are in the exit tables", function()
    local create, delete = S.contract("fx thing create"), S.contract("fx thing delete")
    assert.equal("ALREADY_EXISTS", create.exit_codes["6"].name)
    assert.is_false(create.exit_codes["6"].retryable)
    assert.equal("none", create.exit_codes["6"].side_effects)
    assert.equal("NOT_FOUND", delete.exit_codes["5"].name)
    S.failed(thing("get", S.dir(), "nothing"), 5, "NOT_FOUND")
  end)

  it("a redeclared CONFLICT is refused, a create or delete without the key warned about", function()
    local r, text = S.check "creates-conflict"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("CONFLICT must not be redeclared under another meaning", 1, true), text)
    r = S.check("thing-create", "thing-delete")
    S.status(r, 0)
    local warnings = S.json.encode(r.envelope.warnings)
    S.truth(r, warnings:find("a create command declares creates", 1, true), "no warning for create")
    S.truth(r, warnings:find("a delete command declares deletes", 1, true), "no warning for delete")
  end)
end)
