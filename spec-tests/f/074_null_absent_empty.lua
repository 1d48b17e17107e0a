-- REQ-F-074: absent, null and empty are three things.
local S = require "lib.spec"

S.req("REQ-F-074", "JSON null/absent/empty convention", function()
  it("1 and 3 null stays null, an empty list stays [], an empty object {}", function()
    local raw = S.raw(S.status(S.tool { "fx", "ok" }, 0), "data")
    assert.truthy(raw:find('"note":null', 1, true) and raw:find('"tags":[]', 1, true), raw)
    raw = S.raw(S.status(S.tool { "fx", "arrays" }, 0), "data")
    assert.truthy(raw:find('"none":[]', 1, true) and raw:find('"empty":{}', 1, true), raw)
  end)

  it("4 the schema says which fields are required and which may be null", function()
    local s = S.contract("fx ok").output_schema
    local required = {}
    for _, name in ipairs(s.required) do required[name] = true end
    assert.is_true(required.word and required.count and required.tags and required.note)
    assert.equal(0, #S.schema.validate(s.properties.note, S.json.null))
    assert.is_true(#S.schema.validate(s.properties.word, S.json.null) > 0)
  end)

  it("5 equal calls have equal keys", function()
    local want
    for _ = 1, 30 do
      local keys = table.concat(S.json.key_order(S.tool({ "fx", "arrays" }).envelope.data), " ")
      want = want or keys
      assert.equal(want, keys)
    end
  end)
end)
