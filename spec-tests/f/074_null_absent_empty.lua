-- REQ-F-074: absent, null and empty are three things.
local S = require "lib.spec"

local function presence(...)
  return S.tool { "fx", "presence", ... }
end

S.req("REQ-F-074", "JSON null/absent/empty convention", function()
  it("1 and 3 null stays null, an empty list stays [], an empty object {}", function()
    local raw = S.raw(S.status(S.tool { "fx", "ok" }, 0), "data")
    assert.truthy(raw:find('"note":null', 1, true) and raw:find('"tags":[]', 1, true), raw)
    raw = S.raw(S.status(S.tool { "fx", "arrays" }, 0), "data")
    assert.truthy(raw:find('"none":[]', 1, true) and raw:find('"empty":{}', 1, true), raw)
    raw = S.raw(S.status(presence(), 0), "data")
    assert.truthy(raw:find('"tags":[]', 1, true) and raw:find('"labels":{}', 1, true), raw)
  end)

  it("2 a field that may be null is null when the command leaves it out, at every depth", function()
    local set, unset = S.status(presence(), 0), S.status(presence("--unset"), 0)
    for _, r in ipairs { set, unset } do
      S.equal(r, S.json.null, r.envelope.data.description, "description")
      S.equal(r, S.json.null, r.envelope.data.deprecated_at, "deprecated_at")
    end
    S.equal(set, S.json.null, set.envelope.data.owner.mail, "a nested field")
    S.equal(unset, S.json.null, unset.envelope.data.owner, "an object that may be null")
    S.equal(unset, S.json.key_order(set.envelope.data), S.json.key_order(unset.envelope.data), "keys")
  end)

  it("2 in streams too", function()
    local r = S.status(S.tool { "fx", "path-rows", "--stream" }, 0)
    S.equal(r, S.json.null, r.rows[1].note, "note")
  end)

  it("3 a list that is missing, or null where a value must be, is an error of the command", function()
    for _, flag in ipairs { "--break-tags", "--extra", "--null-name" } do
      S.failed(presence(flag), 1, "OUTPUT_INVALID")
    end
  end)

  it("4 the schema says which fields are required, which may be null and which may be absent", function()
    local s = S.contract("fx presence").output_schema
    local required = {}
    for _, name in ipairs(s.required) do required[name] = true end
    for _, name in ipairs { "name", "description", "deprecated_at", "tags", "labels", "owner" } do
      assert.is_true(required[name] == true, name)
    end
    assert.is_nil(required.hint)
    assert.equal(0, #S.schema.validate(s.properties.description, S.json.null))
    assert.equal(0, #S.schema.validate(s.properties.owner, S.json.null))
    assert.is_true(#S.schema.validate(s.properties.name, S.json.null) > 0)
    assert.is_true(#S.schema.validate(s.properties.tags, S.json.null) > 0)
  end)

  it("5 a hundred equal calls have equal keys", function()
    local want
    for _ = 1, 100 do
      local keys = table.concat(S.json.key_order(S.tool({ "fx", "arrays" }).envelope.data), " ")
      want = want or keys
      assert.equal(want, keys)
    end
  end)
end)
