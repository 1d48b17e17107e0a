-- REQ-C-003: what changed something says what it changed.
local S = require "lib.spec"

local function set(file, key, value)
  return S.tool { "fx", "set", "--file", file, key, value }
end

S.req("REQ-C-003", "Mutating commands declare effect", function()
  it("1 every success of a mutating or destructive command has an effect, and its schema says so", function()
    local file = S.dir() .. "/values"
    for _, case in ipairs {
      { "fx", "set", "--file", file, "a", "1" }, { "fx", "write", "--path", file },
      { "fx", "destroy", file, "--confirm-destructive" },
    } do
      local r = S.status(S.tool(case), 0)
      S.truth(r, ({ created = 1, updated = 1, deleted = 1, noop = 1 })[r.envelope.data.effect], "data.effect")
    end
    for path, entry in pairs(S.commands()) do
      local properties = (entry.output_schema or {}).properties or {}
      if entry.danger_level == "safe" then
        assert.is_nil(properties.effect, path)
      elseif entry.output_schema.type == "object" and not S.contract((path:gsub("%.", " ")))["async"] then
        assert.truthy(properties.effect, path .. " publishes no effect")
      end
    end
  end)

  it("2 noop when the state is already as wanted", function()
    local file = S.dir() .. "/values"
    set(file, "a", "1")
    local before = S.driver.mtime_ms(file)
    local r = S.status(set(file, "a", "1"), 0)
    S.equal(r, "noop", r.envelope.data.effect, "effect")
    assert.equal(before, S.driver.mtime_ms(file))
  end)

  it("3 created, updated and deleted tell what happened, not a constant", function()
    local file = S.dir() .. "/values"
    for _, case in ipairs { { "1", "created" }, { "2", "updated" }, { "2", "noop" }, { nil, "deleted" }, { nil, "noop" },
      { "3", "created" } } do
      local r = S.status(set(file, "a", case[1]), 0)
      S.equal(r, case[2], r.envelope.data.effect, "effect")
    end
  end)

  it("4 a handler that returns no effect fails with EFFECT_MISSING; an author cannot declare effect", function()
    local file = S.dir() .. "/values"
    local r = S.tool { "fx", "set", "--file", file, "a", "1", "--forget-effect" }
    S.truth(r, r.status == 1 or r.status == 3, "status")
    S.failed(r, r.status, "EFFECT_MISSING")
    S.equal(r, false, r.envelope.error.retryable, "retryable")
    S.equal(r, "execution", r.envelope.error.phase, "phase")
    S.equal(r, S.json.null, r.envelope.data, "data")
    local refused, text = S.check "own-effect"
    S.failed(refused, 2, "REGISTRATION_ERROR")
    S.truth(refused, text:find("returns must not declare effect; the host adds it", 1, true), text)
  end)
end)
