-- REQ-F-039: a response says how long it took.
local S = require "lib.spec"

S.req("REQ-F-039", "Duration tracking in response meta", function()
  it("1 duration_ms is in every response", function()
    for args, status in pairs { ["fx ok"] = 0, ["fx throw"] = 1, ["fx ok --nonsense"] = 2,
      ["fx exit --name CONFLICT"] = 6,
                                ["fx spin"] = 10, nothing = 2, ["--help"] = 0 } do
      local r = S.status(S.tool(args), status)
      S.equal(r, "integer", math.type(r.envelope.meta.duration_ms), "type of duration_ms")
    end
    local r = S.tool({ "fx", "sleep", "--time", "1h", "--verbose" },
      { signals = { { "TERM", when_stderr = "ready" } } })
    S.equal(S.status(r, 143), "integer", math.type(r.envelope.meta.duration_ms), "type of duration_ms")
  end)

  it("2 it is not negative, also when the wall clock is set back", function()
    local r = S.status(S.tool { "fx", "ok" }, 0)
    S.truth(r, r.envelope.meta.duration_ms >= 0, "negative")
  end)

  it("3 it stops before the answer is written and starts after the host's own start", function()
    local r = S.status(S.tool({ "fx", "huge" }, { stdout = { stall_ms = 400 } }), 0)
    S.truth(r, r.envelope.meta.duration_ms < 300, "a slow reader counts: " .. r.envelope.meta.duration_ms)
  end)

  it("4 a sleep of 1 s reports 1000 to 1200", function()
    local jobs = {}
    for i = 1, 6 do jobs[i] = { { "fx", "sleep", "--time", "1s" } } end
    for _, r in ipairs(S.tool_all(jobs, 3)) do
      local ms = S.status(r, 0).envelope.meta.duration_ms
      S.truth(r, ms >= 1000 and ms <= 1200, "duration_ms is " .. ms)
    end
  end)
end)
