-- REQ-F-020: the same arrays in the same order, run after run.
local S = require "lib.spec"
local array = S.json.array

S.req("REQ-F-020", "Stable array sorting in JSON output", function()
  it("1 twenty runs give one distinct data", function()
    local seen, count = {}, 0
    for _ = 1, 20 do
      local raw = S.raw(S.status(S.tool { "fx", "arrays" }, 0), "data")
      if not seen[raw] then seen[raw], count = true, count + 1 end
    end
    assert.equal(1, count)
  end)

  it("2 objects are in the order of their key", function()
    local r = S.status(S.tool { "fx", "arrays" }, 0)
    local last
    for _, thing in ipairs(r.envelope.data.things) do
      S.truth(r, not last or last < thing.id, "things are not sorted by id")
      last = thing.id
    end
  end)

  it("3 strings are in byte order, numbers ascend", function()
    local d = S.status(S.tool { "fx", "arrays" }, 0).envelope.data
    assert.equal('["10","9","Zebra","apple","fig","pear","Ähre"]', S.json.encode(d.words))
    assert.equal("[-3,9,10.5,100]", S.json.encode(d.numbers))
  end)

  it("4 an array whose order means something keeps it; empty lists and objects stay apart", function()
    local r = S.status(S.tool { "fx", "arrays" }, 0)
    S.equal(r, array { "once", "upon", "a", "time" }, r.envelope.data.story, "story")
    local raw = S.raw(r, "data")
    S.truth(r, raw:find('"none":[]', 1, true) and raw:find('"empty":{}', 1, true), "[] and {}")
  end)
end)
