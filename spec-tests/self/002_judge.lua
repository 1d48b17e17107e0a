-- The judge of envelopes: what it lets through, every test lets through. A shell script stands in for the tool.
local S = require "lib.spec"

local GOOD = '{"ok":true,"data":{},"error":null,"warnings":[],"meta":{"duration_ms":0}}'
local FAILED = '{"ok":false,"data":null,"error":{"code":"A_CODE","message":"It failed.","retryable":false},'
  .. '"warnings":[],"meta":{"duration_ms":0}}'

-- Runs a stand-in that prints `text` and exits with `status`; gives whether the judge accepted it, and why not.
local function judged(text, status, args, opts)
  local script = S.spit(S.dir() .. "/stand-in", "#!/bin/sh\nprintf '%s' \"$STAND_IN\"\nexit " .. status .. "\n")
  assert(S.run({ "chmod", "+x", script }).status == 0)
  local all = { tool = script, env = { STAND_IN = text } }
  for k, v in pairs(opts or {}) do all[k] = v end
  return pcall(S.tool, args or { "fx", "ok" }, all)
end

S.req("SELF-002", "Judge", function()
  it("accepts a good answer and a good failure", function()
    assert.is_true(judged(GOOD .. "\n", 0))
    assert.is_true(judged(FAILED .. "\n", 5))
  end)

  it("refuses everything that is no single valid envelope", function()
    local bad = {
      { GOOD, 0 }, { "", 0 }, { "hello\n", 0 }, { GOOD .. "\n" .. GOOD .. "\n", 0 }, { "noise\n" .. GOOD .. "\n", 0 },
      { GOOD .. "\n", 3 }, { FAILED .. "\n", 0 }, { FAILED .. "\n", 2 }, { (GOOD:gsub('"ok":true,', "")) .. "\n", 0 },
      { (GOOD:gsub('"data":{}', '"data":"x"')) .. "\n", 0 }, { (GOOD:gsub("{}", '{"a":1,"a":2}')) .. "\n", 0 },
      { (GOOD:gsub("{}", '{"a":"\\u001b[1m"}')) .. "\n", 0 }, { (GOOD:gsub("{}", '{"a":"\27[1m"}')) .. "\n", 0 },
      { (GOOD:gsub("duration_ms", "duration")) .. "\n", 0 }, { (GOOD:gsub("_ms\":0", '_ms":100000')) .. "\n", 0 },
      { (FAILED:gsub("A_CODE", "a-code")) .. "\n", 5 }, { (FAILED:gsub('failed%.', "failed")) .. "\n", 5 },
      { (FAILED:gsub(',"retryable":false', "")) .. "\n", 5 }, { (GOOD:gsub("\n", "\r\n")) .. "\r\n", 0 },
      { '{"data":{},"ok":true,"error":null,"warnings":[],"meta":{"duration_ms":0}}\n', 0 },
    }
    for _, case in ipairs(bad) do assert.is_false((judged(case[1], case[2])), case[1] .. " at " .. case[2]) end
  end)

  it("reads rows of JSONL, and finds the failure that another format puts on stderr", function()
    local ok, r = judged('{"a":1}\n{"a":2}\n', 0, { "x", "--output", "jsonl" })
    assert.is_true(ok)
    assert.equal(2, #r.rows)
    assert.is_false((judged('{"a":1}\n{"a"\n', 0, { "x", "--output", "jsonl" })))
    ok, r = judged("a\tb\n", 0, { "x", "--output=tsv" })
    assert.is_true(ok)
    assert.is_nil(r.envelope)
  end)

  it("notices a process that stays behind and a death by a signal", function()
    local script = S.spit(S.dir() .. "/leaver", "#!/bin/sh\n(setsid sleep 20 >/dev/null 2>&1 &)\necho '" .. GOOD
      .. "'\n")
    assert(S.run({ "chmod", "+x", script }).status == 0)
    local ok, why = pcall(S.tool, { "fx", "ok" }, { tool = script })
    assert.is_false(ok)
    assert.truthy(why:find("outlive", 1, true))
    script = S.spit(S.dir() .. "/dying", "#!/bin/sh\necho '" .. GOOD .. "'\nkill -KILL $$\n")
    assert(S.run({ "chmod", "+x", script }).status == 0)
    assert.is_false((pcall(S.tool, { "fx", "ok" }, { tool = script })))
  end)

  it("gives the exact text of a top-level value", function()
    local text = '{"ok":true,"data":{"a":"}\\"]","b":[{}]},"error":null,"warnings":[],"meta":{"duration_ms":0}}'
    assert.equal('{"a":"}\\"]","b":[{}]}', S.raw({ line = text }, "data"))
    assert.equal("[]", S.raw({ line = text }, "warnings"))
  end)
end)
