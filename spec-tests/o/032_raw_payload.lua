-- REQ-O-032: all parameters as one JSON object.
local S = require "lib.spec"

local function order(...) return S.tool({ "fx", "order", ... }, { env = { HOME = S.home() } }) end

local function payload(value, ...)
  return order("--raw-payload", type(value) == "string" and value or S.json.encode(value), ...)
end

-- The problems of a refusal by field.
local function problems(r)
  S.status(r, 2)
  local by_field = {}
  for _, item in ipairs(r.envelope.error.errors) do by_field[item.field] = item end
  return by_field
end

S.req("REQ-O-032", "--raw-payload flag for mutating commands", function()
  it("1 the flag is there for commands that want it", function()
    for path, entry in pairs(S.commands()) do
      local wants = S.contract((path:gsub("%.", " "))).supports_raw_payload == true
      assert.equal(wants, entry.flags["raw-payload"] ~= nil, path)
      if wants then assert.not_equal("safe", entry.danger_level) end
    end
    local r, text = S.check "payload-safe"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("payload needs danger", 1, true), text)
  end)

  it("2 payload and flags mean the same", function()
    local flags = S.status(order("--name", "foo", "--count", "3", "--urgent", "--colours", "red", "--colours", "blue",
      "--labels", "a=b", "--until", "2026-01-02T03:04:05Z", "--extra", '{"x":[1]}'), 0)
    local value = { name = "foo", count = 3, urgent = true, colours = { "red", "blue" }, labels = { a = "b" },
      ["until"] = "2026-01-02T03:04:05Z", extra = { x = { 1 } } }
    for _, flag in ipairs { "--raw-payload", "--input" } do
      local r = S.status(order(flag, S.json.encode(value)), 0)
      assert.equal(S.raw(flags, "data"), S.raw(r, "data"))
    end
    local few = S.status(payload { name = "foo" }, 0)
    assert.equal(S.raw(S.status(order("--name", "foo"), 0), "data"), S.raw(few, "data"))
  end)

  it("3 what does not fit is refused field by field", function()
    local r = payload { name = "not ok!", count = "x", urgent = "yes", colours = { "pink" }, nothing = 1 }
    S.failed(r, 2, "ARG_ERROR")
    local found = problems(r)
    for _, field in ipairs { "name", "count", "urgent", "colours", "nothing" } do S.truth(r, found[field], field) end
    for _, value in ipairs { { name = "a", count = 0 }, { name = "a", count = 1.5 }, { name = "a", count = "3" },
      { name = "a", ["until"] = "soon" }, { name = 3 == 4 }, { count = 1 } } do S.status(payload(value), 2) end
  end)

  it("3 text that is no JSON object is refused, with what may have been meant", function()
    local r = payload '{"name":"foo'
    local e = S.failed(r, 2, "INVALID_JSON")
    S.truth(r, S.json.decode(e.corrected_input), "corrected_input")
    S.equal(r, 1, #e.errors, "problems")
    for _, text in ipairs { "[1]", "3", "null", '"x"' } do S.failed(payload(text), 2, "ARG_ERROR") end
    S.status(payload '{"name":"foo",}', 0)
  end)

  it("4 a payload and a flag of the command exclude each other; flags of the host do not", function()
    local r = payload({ name = "foo" }, "--count", "3")
    S.failed(r, 2, "ARG_ERROR")
    S.truth(r, problems(r).count, "the flag is not named")
    S.status(payload({ name = "foo" }, "--output", "json", "--idempotency-key", "k1"), 0)
    r = S.status(payload({ name = "foo" }, "--dry-run"), 0)
    S.equal(r, "would_create", r.envelope.data.effect, "effect")
    S.status(payload({ name = "foo" }, "--input", '{"name":"bar"}'), 2)
  end)

  it("5 --schema shows raw_payload_schema, which the payloads fit", function()
    local s = S.contract("fx order").raw_payload_schema
    assert.same({ "name" }, s.required)
    assert.is_false(s.additionalProperties)
    assert.is_nil(s.properties.pin)
    assert.same({}, S.schema.validate(s, S.json.decode '{"name":"foo","count":3,"labels":{"a":"b"}}'))
    assert.is_true(#S.schema.validate(s, S.json.decode '{"count":"x"}') > 0)
    assert.is_nil(S.contract("fx write").raw_payload_schema)
  end)

  it("a secret does not stand in a payload; its own flags go beside one", function()
    local r = payload { name = "foo", pin = "correct-horse" }
    S.status(r, 2)
    S.truth(r, not (r.stdout .. r.stderr):find("correct-horse", 1, true), "the secret is shown")
    r = S.status(S.tool({ "fx", "order", "--raw-payload", '{"name":"foo"}', "--pin-from-env", "MY_PIN" },
      { env = { MY_PIN = "correct-horse" } }), 0)
    S.equal(r, true, r.envelope.data.pin, "pin")
  end)
end)
