-- REQ-F-052: no answer is larger than the cap, and none is cut without saying so.
local S = require "lib.spec"

local function capped(bytes, args)
  local r = S.tool(args, { env = { TOOL_MAX_OUTPUT_BYTES = tostring(bytes) } })
  S.status(r, 0)
  S.truth(r, #r.stdout <= bytes, #r.stdout .. " bytes under a cap of " .. bytes)
  return r
end

S.req("REQ-F-052", "Response size hard cap with truncation indicator", function()
  it("1 the cap is 1048576 bytes by default, TOOL_MAX_OUTPUT_BYTES changes it", function()
    local r = S.status(S.tool { "fx", "list", "--n", "3000", "--limit", "0", "--pad", "1000" }, 0)
    S.truth(r, #r.stdout <= 1048576, #r.stdout .. " bytes")
    S.equal(r, true, r.envelope.meta.truncated, "meta.truncated")
    capped(4096, { "fx", "list", "--n", "500", "--limit", "0" })
    r = S.tool({ "fx", "list", "--n", "2000", "--limit", "0", "--pad", "1000" },
      { env = { TOOL_MAX_OUTPUT_BYTES = "5242880" } })
    S.equal(r, 2000, #r.envelope.data, "items under 5 MB")
    S.truth(r, not r.envelope.meta.truncated, "meta.truncated under the cap")
  end)

  it("2 a cut list says what there is, what is sent and how to go on", function()
    local r = capped(4096, { "fx", "list", "--n", "500", "--limit", "0" })
    local meta = r.envelope.meta
    S.equal(r, true, meta.truncated, "meta.truncated")
    S.equal(r, 500, meta.total_count, "meta.total_count")
    S.equal(r, #r.envelope.data, meta.returned_count, "meta.returned_count")
    S.truth(r, #(meta.truncation_hint or "") > 0, "no meta.truncation_hint")
    S.equal(r, true, meta.pagination.truncated, "pagination.truncated")
    S.equal(r, #r.envelope.data, meta.pagination.returned, "pagination.returned")
  end)

  it("3 following the hint yields every item once", function()
    local seen, count, words = {}, 0, { "fx", "list", "--n", "120", "--limit", "0" }
    for _ = 1, 60 do
      local r = capped(4096, words)
      for _, item in ipairs(r.envelope.data) do
        assert.is_nil(seen[item.id], "twice: " .. item.id)
        seen[item.id], count = true, count + 1
      end
      S.truth(r, #r.envelope.data > 0, "an empty page")
      if not r.envelope.meta.truncated then break end
      words = {}
      for word in r.envelope.meta.truncation_hint:gmatch("%S+") do words[#words + 1] = (word:gsub("^'(.*)'$", "%1")) end
      assert.equal("tool", table.remove(words, 1))
    end
    assert.equal(120, count)
  end)

  it("4 ten thousand large items are cut by themselves", function()
    local r = S.status(S.tool { "fx", "list", "--n", "10000", "--limit", "0", "--pad", "600" }, 0)
    S.truth(r, #r.stdout <= 1048576 and r.envelope.meta.truncated == true, "not cut")
    S.equal(r, 10000, r.envelope.meta.total_count, "total_count")
  end)

  it("5 under the cap there is no mark", function()
    local r = S.status(S.tool { "fx", "list" }, 0)
    S.truth(r, not r.envelope.meta.truncated, "meta.truncated")
  end)

  it("6 a long text is cut on a character, with a warning, and the answer is whole JSON", function()
    local r = capped(8192, { "fx", "huge", "--bytes", "100000" })
    S.equal(r, true, r.envelope.meta.truncated, "meta.truncated")
    S.truth(r, #r.envelope.data.text > 1000, "almost nothing is left")
    S.truth(r, table.concat(r.envelope.warnings, "\n"):find("TRUNCATION", 1, true), "no TRUNCATION warning")
  end)
end)
