-- REQ-F-024: every response can be found again.
local S = require "lib.spec"

S.req("REQ-F-024", "Request ID and trace ID in every response", function()
  it("1 request_id is unique over 300 parallel runs", function()
    local jobs, seen = {}, {}
    for i = 1, 300 do jobs[i] = { { "fx", "ok" } } end
    for _, r in ipairs(S.tool_all(jobs, 8)) do
      local id = S.status(r, 0).envelope.meta.request_id
      S.truth(r, type(id) == "string" and #id >= 16 and not seen[id], "request_id " .. tostring(id))
      S.truth(r, not id:find("[^%w_-]"), "request_id is no file name")
      seen[id] = true
    end
  end)

  it("2 TOOL_TRACE_ID appears as trace_id in every response, and is absent without it", function()
    for args, status in pairs { ["fx ok"] = 0, ["fx throw"] = 1, ["fx ok --nonsense"] = 2, ["fx spin"] = 10,
      nothing = 2 } do
      local r = S.status(S.tool(args, { env = { TOOL_TRACE_ID = "abc123" } }), status)
      S.equal(r, "abc123", r.envelope.meta.trace_id, "trace_id")
      r = S.tool(args)
      S.equal(r, nil, r.envelope.meta.trace_id, "trace_id without the variable")
    end
    local r = S.tool({ "fx", "ok" }, { env = { TOOL_TRACE_ID = "" } })
    S.equal(r, nil, r.envelope.meta.trace_id, "trace_id of an empty variable")
  end)

  it("3 meta.command is the command's path, or what was tried", function()
    for args, path in pairs { ["fx ok"] = "fx.ok", ["fx throw"] = "fx.throw", ["fx ok --nonsense"] = "fx.ok",
      ["fx spin"] = "fx.spin" } do
      local r = S.tool(args)
      S.equal(r, path, r.envelope.meta.command, "meta.command")
    end
    local r = S.tool { "nothing-like-this" }
    S.truth(r, r.envelope.meta.command:find("nothing-like-this", 1, true), "meta.command of an unknown command")
  end)

  it("4 timestamp is the moment of the call in RFC 3339", function()
    local before = os.time()
    local r = S.status(S.tool { "fx", "ok" }, 0)
    local y, mo, d, h, mi, s = r.envelope.meta.timestamp:match("^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)[.%d]*Z$")
    S.truth(r, y, "form of meta.timestamp")
    local offset = os.time(os.date("*t", before)) - os.time(os.date("!*t", before))
    local at = os.time { year = y, month = mo, day = d, hour = h, min = mi, sec = s } + offset
    S.truth(r, at >= before - 1 and at <= os.time() + 1, "meta.timestamp is not now")
  end)
end)
