-- REQ-F-014: a reader that leaves is no failure and no noise.
local S = require "lib.spec"

S.req("REQ-F-014", "SIGPIPE handler installation", function()
  it("1 SIGPIPE does not end the tool, whatever its disposition was", function()
    for _, ignore in ipairs { {}, { "PIPE" } } do
      local r = S.tool({ "fx", "huge" }, { stdout = { leave = 1 }, ignore = ignore })
      S.status(r, 0)
    end
  end)

  it("2 a consumer that closes stdout early gives exit 0", function()
    for _, n in ipairs { 0, 1, 1000, 70000 } do
      S.status(S.tool({ "fx", "huge", "--bytes", "900000" }, { stdout = { leave = n } }), 0)
    end
    local r = S.tool({ "fx", "ticks", "--n", "100000", "--every", "1ms", "--output", "jsonl" },
      { stdout = { leave = 10 } })
    S.status(r, 0)
    S.truth(r, r.elapsed_ms < 3000, "the stream went on for " .. r.elapsed_ms .. " ms")
    S.status(S.tool({ "manifest" }, { stdout = { leave = 1 } }), 0)
    S.status(S.tool({ "fx", "list", "--n", "20000", "--limit", "0", "--output", "tsv" }, { stdout = { leave = 1 } }), 0)
  end)

  it("3 nothing is on stderr", function()
    for _, args in ipairs { { "fx", "huge" }, { "fx", "ticks", "--n", "1000", "--every", "1ms", "--output",
      "jsonl" } } do
      local r = S.tool(args, { stdout = { leave = 1 } })
      S.equal(r, "", r.stderr, "stderr")
    end
  end)

  it("a failure that was decided before keeps its status", function()
    S.status(S.tool({ "fx", "fail-huge" }, { stdout = { leave = 1 } }), 5)
  end)

  it("children get SIGPIPE back as it was", function()
    local r = S.tool { "fx", "child", "pipe" }
    S.status(r, 0)
    S.truth(r, not r.envelope.data.stderr:find("Broken pipe", 1, true), "the child saw an ignored SIGPIPE")
  end)

  it("a reader that is slow or starts late gets every byte", function()
    local want = S.tool({ "fx", "huge", "--bytes", "500000" }).envelope.data.text
    assert.truthy(#want > 490000)
    for _, out in ipairs { { stall_ms = 300 }, { slow = { bytes = 20000, ms = 5 } } } do
      local r = S.tool({ "fx", "huge", "--bytes", "500000" }, { stdout = out })
      S.truth(r, r.envelope.data.text == want, "the text differs")
    end
  end)
end)
